"""One recording becomes animation files: what the command line and the dubbing job share."""

import hashlib
import pickle
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from emotalk.animation import Animation
from emotalk.audio import SAMPLE_RATE, probe_audio, stream_audio
from emotalk.controls import Controls
from emotalk.dubbing.emotions import EmotionCurve, EmotionSeries
from emotalk.errors import InputError
from emotalk.files import PathOrUri, is_uri, local_path, open_source
from emotalk.formats import Written, format_for, format_named, write_animation
from emotalk.formats.options import taken_by
from emotalk.inference.heard import emotion_of
from emotalk.timing import frames_of

if TYPE_CHECKING:  # the service's ingress reads this module, and does without torch
    from emotalk.inference.animator import Animator

# Hears seconds of sound done, and how many the recording's header declares (None where it says nothing).
HeardCallback = Callable[[float, float | None], None]

SOURCE_SHA256 = "source_sha256"  # in an animation's `meta`: of the recording's bytes
EMOTION_SHA256 = "emotion_sha256"  # of the recording's that the emotion was taken from
HASH_BYTES = 1 << 20
# One thread per process: another number of threads gives other last bits (2e-6), and a job's processes share the cores.
DEFAULT_THREADS = 1


@dataclass(frozen=True)
class Source:
    """A recording whose bytes are at hand: `path` to read them, `sha256` of all of them."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class Animated:
    """What came of a recording. seconds: of sound. emotion, share: see `emotalk.inference.heard.emotion_of`.

    style: the style that was used, in words or as an index. shown: whether something else than what was heard was asked
    for. faded: share of frames in which the emotion was not heard surely enough; None where that was not asked.
    missing_s: seconds of sound that the recording's header promises and that are not there.
    """

    frames: int
    seconds: float
    emotion: str
    share: float
    style: str | int
    shown: bool = False
    faded: float | None = None
    missing_s: float = 0.0


@dataclass(frozen=True)
class Published:
    """Files that stand under their final names. frames: of each animation, its tail included. meta: of them.

    outputs: what was written, by target. emotions: over time.
    """

    frames: int
    meta: Mapping[str, Any]
    outputs: Mapping[str, Written]
    emotions: EmotionCurve | None


@contextmanager
def fetched(source: PathOrUri, tick: Callable[[], None] | None = None) -> Iterator[Source]:
    """The recording as a local file with its digest. A URI is read once, into a temporary file that the block holds.

    `tick` hears that reading goes on. InputError where nothing can be read; a failing disk or network is an OSError.
    """
    digest = hashlib.sha256()
    with open_source(source) as file, tempfile.NamedTemporaryFile(prefix="emotalk-") as copy:
        remote = is_uri(source)
        while block := file.read(HASH_BYTES):
            digest.update(block)
            if remote:
                copy.write(block)
            if tick is not None:
                tick()
        copy.flush()
        yield Source(Path(copy.name) if remote else local_path(source), digest.hexdigest())


def animate_recording(
    animator: "Animator",
    source: Source,
    targets: Sequence[PathOrUri],
    controls: Controls,
    *,
    options: Mapping[str, Any] | None = None,
    heard: HeardCallback | None = None,
) -> Animated:
    """Animates a recording of any length into one file per target, whose suffix picks its format; see `publish`.

    `heard` hears now and then how far the work is. InputError for a recording that is no good, its reason
    without a name; OSError for what the disk refuses, naming the target.
    """
    counted = _Counted(source.path, heard)
    pieces = animator.animate_blocks(counted, controls, frames=stretched_to(controls, stream_audio(source.path)))
    published = publish(animator, pieces, source, targets, controls, options=options)
    emotion, share = emotion_of(published.meta) or ("", 0.0)
    return Animated(
        frames=published.frames,
        seconds=counted.samples / SAMPLE_RATE,
        emotion=emotion,
        share=share,
        style=in_words(published.meta["style_used"]),
        shown="shown" in published.meta,
        faded=published.meta.get("faded"),
        missing_s=counted.missing_s,
    )


def stretched_to(controls: Controls, blocks: Iterable[np.ndarray]) -> int | None:
    """Frames of a recording over which another one's emotion is stretched; None, and nothing read, where it is not."""
    if controls.emotion_from is None or controls.emotion_fit != "stretch":
        return None
    return frames_of(sum(len(block) for block in blocks))


def publish(
    animator: "Animator",
    pieces: Iterable[Animation],
    source: Source,
    targets: Sequence[PathOrUri],
    controls: Controls,
    *,
    options: Mapping[str, Any] | None = None,
    before_writing: Callable[[], None] | None = None,
) -> Published:
    """Consecutive pieces of a finished animation -> one file per target.

    Memory does not grow with the length: finished pieces wait in a temporary file. No target is touched before the
    whole recording was animated; `before_writing` is called then. Each target appears whole or not at all.
    options: what `write_animation` takes besides, each for the formats that take it; formats that want a sound get the
    recording, those that are made for one frame rate keep to it.
    """
    for target in targets:
        if not is_uri(target) and local_path(target).exists() and local_path(target).samefile(source.path):
            raise InputError(f"{target} is the recording itself: choose another output")
    meta = {**animator.meta(controls), SOURCE_SHA256: source.sha256}
    frames = 0
    outputs: dict[str, Written] = {}
    series: EmotionSeries | None = None
    with tempfile.TemporaryFile() as spool:
        for piece in pieces:
            meta |= piece.meta
            if piece.frames:
                frames += piece.frames
                if piece.emotion is not None:
                    series = series or EmotionSeries(piece.emotion_names)
                    series.push(piece.emotion)
                _put(spool, piece)
        if before_writing is not None:
            before_writing()
        for target in targets:
            given = _options(target, source, options or {})
            outputs[str(target)] = write_animation(target, (replace(p, meta=meta) for p in _taken(spool)), **given)
    return Published(frames, meta, outputs, None if series is None else series.curve())


def in_words(style: Any) -> str | int:
    return style if isinstance(style, str | int) else "mixed styles"


def _options(target: PathOrUri, source: Source, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What is asked for, and what the target's format can be told of the recording besides."""
    known = format_named(asked["format"]) if "format" in asked else format_for(target)
    name = PurePosixPath(str(target)).name
    ending = max((suffix for suffix in known.suffixes if name.lower().endswith(suffix)), key=len, default="")
    told = {"sound": source.path, "clip_id": name[: len(name) - len(ending)]}
    given = {option: asked[option] for option in ("format", "fps") if option in asked}
    if known.only_fps is not None:
        given.pop("fps", None)
    return taken_by(known, told | dict(asked)) | given


class _Counted:
    """A recording's blocks of samples, counted as they pass."""

    def __init__(self, path: Path, heard: HeardCallback | None) -> None:
        self._path = path
        self._heard = heard
        self.samples = 0
        self.missing_s = 0.0

    def __iter__(self) -> Iterator[np.ndarray]:
        info = probe_audio(self._path)
        self.missing_s = info.missing_s
        for block in stream_audio(self._path):
            yield block
            self.samples += len(block)
            if self._heard is not None:
                self._heard(self.samples / SAMPLE_RATE, info.duration_s)


def _put(spool: IO[bytes], piece: Animation) -> None:
    # A nameless file of this very process: nobody else can have written what is unpickled below.
    pickle.dump(piece, spool, pickle.HIGHEST_PROTOCOL)


def _taken(spool: IO[bytes]) -> Iterator[Animation]:
    spool.seek(0)
    while True:
        try:
            yield pickle.load(spool)
        except EOFError:
            return


def reason_of(error: Exception) -> str:
    """Why a recording failed, for a report that names it already."""
    if isinstance(error, InputError):
        return error.reason
    if isinstance(error, OSError):
        where = f" ({error.filename})" if error.filename else ""
        return f"{error.strerror or error}{where}"
    return f"{type(error).__name__}: {error}"
