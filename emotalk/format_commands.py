"""`emotalk convert` and `emotalk formats`, and the options of everything that writes animations."""

from dataclasses import dataclass, field, fields
from typing import Annotated, Any

import tyro

from emotalk.errors import InputError
from emotalk.formats import Format, format_for, format_listing, format_named, rate_of
from emotalk.formats.table import plain_table


@dataclass(frozen=True, kw_only=True)
class FormatOptions:
    """What formats can be told of one animation or of thousands; `emotalk formats` says which takes what."""

    start: str | None = None
    """csv: time code of the first row, such as 10:00:00:00, or 10:00:00;00 for drop-frame."""
    drop_frame: bool = False
    """csv: drop-frame time codes, for 29.97 and 59.94."""
    rig: str | None = None
    """Rig (.npz, path or URI) of formats with a head. Default: the project's own."""
    size: int | None = None
    """mp4: pixels of the film's edge."""
    flame_model: str | None = None
    """flame: FLAME's own file (.pkl, .npz)."""
    flame_map: str | None = None
    """flame: a map that `emotalk rig flame` saved. Default: fitted anew."""
    expressions: int | None = None
    """flame: how many directions of expression, such as 50 or 100. Default: all of the model."""

    def given(self) -> dict[str, Any]:
        """Option -> value, of those that were given."""
        values = {option.name: getattr(self, option.name) for option in fields(self)}
        return {name: value for name, value in values.items() if value is not None and value is not False}


@dataclass(frozen=True, kw_only=True)
class OutputOptions(FormatOptions):
    """What formats can be told of one animation."""

    format: str | None = None
    """The output's format by name, where its suffix does not say it."""
    fps: str | None = None
    """Frames per second of the output: 24, 25, 29.97, 60, 30000/1001 … Default: as they are."""
    sound: str | None = None
    """Recording that goes into the output. Default: what was animated."""
    track_path: str | None = None
    """a2f: path of the sound, for tools that load it."""
    clip_id: str | None = None
    """parquet: the row's name."""
    speaker: str | None = None
    """parquet: who speaks."""
    statement: str | None = None
    """parquet: what is said."""
    split: str | None = None
    """parquet: train, validation or test."""

    def check(self, output: str) -> Format:
        """The output's format. InputError for an unknown one, and for options that it does not take."""
        options = self.given()
        known = _format(output, options.pop("format", None))
        fps = options.pop("fps", None)
        if fps is not None and known.only_fps not in (None, rate_of(fps)):
            raise InputError(f"{known.name} holds {known.only_fps} frames per second only, not {fps}", source=output)
        known.check_writing(options, source=output)
        return known


@dataclass(frozen=True, kw_only=True)
class Convert:
    """Writes an animation file in another format, at another frame rate, or both."""

    source: tyro.conf.Positional[str]
    """Animation file or URI."""
    output: Annotated[
        tyro.conf.Positional[str],
        tyro.conf.arg(help=f"The new file or URI; its suffix picks the format: {format_listing()}."),
    ]
    file: tyro.conf.OmitArgPrefixes[OutputOptions] = field(default_factory=OutputOptions)
    source_format: str | None = None
    """The source's format by name, where its suffix does not say it."""
    clip: str | None = None
    """Which clip of a Parquet file of several."""

    def run(self) -> int:
        from emotalk.animation import Animation
        from emotalk.formats import write_animation

        options = self.file.given()
        source = _format(self.source, self.source_format)
        target = _format(self.output, options.get("format"))
        reading = {name: value for name, value in options.items() if name in source.read_options}
        if self.clip is not None:
            reading["clip"] = self.clip
        # What only the source's format takes is no option of the output.
        writing = {
            name: value for name, value in options.items() if name not in reading or name in target.write_options
        }
        target.check_writing({k: v for k, v in writing.items() if k not in ("fps", "format")}, source=self.output)
        animation = Animation.load(self.source, format=source.name, **reading)
        # Long recordings are retimed a minute or so at a time.
        write_animation(self.output, animation.pieces(2048), **(writing | {"format": target.name}))
        written = animation.fps if self.file.fps is None else rate_of(self.file.fps)
        print(f"{self.output}: {target.title}, {animation.duration_s:.2f} s at {float(written):g} fps")
        return 0


@dataclass(frozen=True, kw_only=True)
class Formats:
    """Lists the formats of animation files: what each holds, and the options it takes."""

    def run(self) -> int:
        print(plain_table())
        return 0


def _format(path: str, name: str | None) -> Format:
    try:
        return format_for(path) if name is None else format_named(name)
    except InputError as error:
        raise InputError(error.reason, source=path) from error
