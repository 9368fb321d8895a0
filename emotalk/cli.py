"""The `emotalk` command: `emotalk animate SPEECH -o FACE.npz`, `emotalk info FILE`, …. One class per subcommand."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import InitVar, dataclass, field
from typing import Annotated, Protocol

import tyro

from emotalk import command_line
from emotalk.animation import Animation
from emotalk.audio import SAMPLE_RATE, probe_audio
from emotalk.command_types import starting_controls, with_preset
from emotalk.controls import Controls
from emotalk.dubbing.recording import DEFAULT_THREADS, HeardCallback, animate_recording, fetched
from emotalk.errors import InputError
from emotalk.files import exists, is_uri, local_path
from emotalk.format_commands import Convert, Formats, OutputOptions
from emotalk.formats import find_format, format_for, format_listing
from emotalk.inference.heard import emotion_of
from emotalk.live_command import Live
from emotalk.model.config import Precision
from emotalk.prototype_command import Prototypes
from emotalk.render.command import Render
from emotalk.rig_commands import Rigs
from emotalk.study.command import Study
from emotalk.timing import clock


class Command(Protocol):
    """A subcommand: its options are its fields, `run` does it and returns the exit code."""

    def run(self) -> int: ...


@dataclass(frozen=True, kw_only=True)
class Animate:
    """Animates a face from speech: a recording of any length becomes one animation file."""

    speech: tyro.conf.Positional[str]
    """Recording: any audio or video file, or a URI."""
    output: Annotated[
        str, tyro.conf.arg(aliases=["-o"], help=f"The animation; its suffix picks the format: {format_listing()}.")
    ]
    model: str | None = None
    """Model directory or URI. Default: $EMOTALK_MODEL, else the one that comes with this package."""
    controls: Annotated[Controls, tyro.conf.arg(name="")] = field(default_factory=starting_controls)
    preset: InitVar[str | None] = None
    """A character: a YAML file of controls, or its name in the folder $EMOTALK_PRESETS. Other options change it."""
    file: tyro.conf.OmitArgPrefixes[OutputOptions] = field(default_factory=OutputOptions)
    device: str | None = None
    """Where the network runs: cpu, cuda. Default: cuda where there is one."""
    threads: int = DEFAULT_THREADS
    """CPU threads. The last bits of a result depend on it."""
    precision: Precision = "float32"
    """int8 is for base and official on a CPU, bfloat16 for GPUs: faster, with an error, see docs/speed.md."""

    def __post_init__(self, preset: str | None) -> None:
        object.__setattr__(self, "controls", with_preset(self.controls, preset))
        self.file.check(self.output)
        if self.threads < 1:
            raise InputError(f"threads must be at least 1, not {self.threads}")

    def run(self) -> int:
        with fetched(self.speech) as source:  # before all else: a missing file should not wait for torch and a model
            import torch

            from emotalk.inference.animator import Animator
            from emotalk.model.store import default_model, load_model, model_digest

            torch.set_num_threads(self.threads)
            model = self.model or default_model()
            animator = Animator(
                load_model(model), device=self.device, precision=self.precision, model_digest=model_digest(model)
            )
            animator.direct(self.controls)
            started = time.monotonic()
            try:
                with _status() as heard:
                    done = animate_recording(
                        animator,
                        source,
                        [self.output],
                        self.controls,
                        options=self.file.given(),
                        heard=heard,
                    )
            except InputError as error:
                raise InputError(error.reason, source=self.speech) from error
        elapsed_s = time.monotonic() - started
        emotion = "chosen" if done.shown else "heard"
        style = done.style if isinstance(done.style, str) else f"style {done.style}"
        faded = "" if done.faded is None else f", not sure in {done.faded:.0%} of the frames"
        speed = done.seconds / max(elapsed_s, 1e-9)
        print(
            f"{self.output}: {done.frames} frames, {done.seconds:.2f} s of speech at {speed:.1f} × real time, "
            f"{emotion} {done.emotion} ({done.share:.0%}), {style}{faded}{_cut(done.missing_s)}"
        )
        return 0


@dataclass(frozen=True, kw_only=True)
class Info:
    """Tells what a model directory, an animation or a recording is."""

    what: tyro.conf.Positional[str]
    """Folder, file or URI."""

    def run(self) -> int:
        if (known := find_format(self.what)) is not None and known.read is not None:
            print(_animation_line(self.what))
        elif _is_model(self.what):
            print(_model_line(self.what))
        else:
            print(_recording_line(self.what))
        return 0


def _animation_line(path: str) -> str:
    animation = Animation.load(path)
    parts = [
        f"{animation.frames} frames",
        f"{animation.duration_s:.2f} s at {float(animation.fps):g} fps",
        f"{len(animation.names)} coefficients",
    ]
    if animation.head is not None:
        parts.append("head")
    if (emotion := emotion_of(animation.meta)) is not None:
        parts.append(f"{emotion[0]} {emotion[1]:.0%}")
    parts += sorted(animation.tracks)
    return f"{path}: animation ({format_for(path).title}), {', '.join(parts)}"


def _recording_line(path: str) -> str:
    info = probe_audio(path)
    length = "of unknown length" if info.duration_s is None else f"{clock(info.duration_s)} ({info.duration_s:.2f} s)"
    channels = {1: "mono", 2: "stereo"}.get(info.channels, f"{info.channels} channels")
    kind = f"{info.sample_rate} Hz {channels}, {info.codec} in {info.container}"
    return f"{path}: recording, {length}, {kind}{_cut(info.missing_s)}"


def _cut(missing_s: float) -> str:
    return f", cut short: {missing_s:.2f} s less than its header promises" if missing_s else ""


def _is_model(path: str) -> bool:
    """A folder is looked at as a model; so is a URI that holds a model's configuration."""
    from emotalk.model.store import CONFIG

    return exists(f"{path.rstrip('/')}/{CONFIG}") if is_uri(path) else local_path(path).is_dir()


def _model_line(path: str) -> str:
    from emotalk.model.store import load_model, model_digest

    model = load_model(path)
    size = sum(tensor.numel() for tensor in model.parameters())
    future = model.future_samples
    delay = "hears the whole clip" if future is None else f"hears {1000 * future / SAMPLE_RATE:.1f} ms ahead"
    head = ", moves the head" if model.config.head_pose else ""
    prototypes = "with prototypes" if model.has_prototypes else "without prototypes: emotions cannot be chosen"
    return (
        f"{path}: {model.config.preset} model, {size / 1e6:.1f} M parameters, {model.config.styles} styles, {delay}, "
        f"emotions {', '.join(model.config.emotions)} ({prototypes}){head}, sha256 {model_digest(path)[:12]}"
    )


@contextmanager
def _status() -> Iterator[HeardCallback]:
    """A line that renews itself on a terminal, and nothing elsewhere."""
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("animating") as status:

        def heard(seconds: float, declared_s: float | None) -> None:
            status.update(f"animating  {clock(seconds)}" + (f" of {clock(declared_s)}" if declared_s else ""))

        yield heard


AnyCommand = (
    Annotated[Animate, tyro.conf.subcommand("animate")]
    | Annotated[Convert, tyro.conf.subcommand("convert")]
    | Annotated[Formats, tyro.conf.subcommand("formats")]
    | Annotated[Info, tyro.conf.subcommand("info")]
    | Annotated[Live, tyro.conf.subcommand("live")]
    | Annotated[Prototypes, tyro.conf.subcommand("prototypes")]
    | Annotated[Rigs, tyro.conf.subcommand("rig")]
    | Annotated[Render, tyro.conf.subcommand("render")]
    | Annotated[Study, tyro.conf.subcommand("study")]
)


def main() -> None:
    command: Command = command_line.parse(
        AnyCommand, prog="emotalk", description="Speech in, an emotional 3D face out."
    )
    sys.exit(command_line.run(command.run))


if __name__ == "__main__":
    main()
