"""What a clip must be to enter the corpus, and why one was turned away.

A rejected clip is a row in the quarantine table: a reason code to count by, a sentence to read, and the numbers behind
it. The limits are constants here, each with its reason.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import numpy as np

from emotalk.audio import SAMPLE_RATE
from emotalk.blendshapes import COEFFICIENTS
from emotalk.corpus.clip import Clip
from emotalk.errors import InputError
from emotalk.files import printable
from emotalk.labels import EMOTIONS, LEVELS
from emotalk.timing import frames_of

Reason = Literal[
    "layout",  # a file that does not belong where it lies
    "stem",  # a file name that does not say who speaks what
    "missing_audio",  # coefficients without a recording
    "missing_coefficients",  # a recording without coefficients
    "missing_text",  # a recording without the text that is read
    "unreadable_audio",
    "unreadable_coefficients",
    "unreadable_text",
    "unaligned",  # speech whose sounds cannot be told from its text
    "shape",  # not (frames, 52) of a float type
    "not_finite",  # NaN or infinity
    "names",  # coefficients missing, unknown or twice by name
    "times",  # time runs backwards, or a hole in the coefficients
    "range",  # coefficients far outside [0, 1]
    "length",  # audio and coefficients do not belong together
    "duration",  # too short or too long
    "silent",
    "frozen",  # the face does not move
    "label",  # an unknown emotion or level
    "unreadable_video",
    "no_face",
    "two_faces",
    "small_face",
    "lost_frames",  # pictures without a face, or missing
    "jitter",  # the tracker trembles
    "clipped",  # the recording was too loud for its format
    "av_length",  # sound and picture of one video last differently long
    "av_offset",  # the sound is far too early or too late
    "other",
]

MIN_DURATION_S = 0.5  # nothing is said in less
MAX_DURATION_S = 600.0  # a row must stay a few MB
MIN_PEAK = 10 ** (-50 / 20)  # -50 dBFS: the quietest neutral RAVDESS clips peak above -40
# Smoothing (Savitzky-Golay) overshoots by a few hundredths; more than that, or often, is another scale or other data.
SMALL_EXCESS = 0.05
MAX_EXCESS = 0.5
MAX_EXCESS_SHARE = 0.01
STILL = 1e-6  # a change per frame that no tracker's noise stays under
MAX_STILL_SHARE = 0.5
MAX_TIMES = 64  # time stamps in one row of the quarantine


@dataclass(frozen=True)
class Rejection:
    """One row of the quarantine table."""

    item_id: str
    source: str
    reason: str
    text: str
    numbers: dict[str, float] = field(default_factory=dict)
    times_s: list[float] | None = None

    def __post_init__(self) -> None:
        for name in ("item_id", "text"):  # both may hold names of files
            object.__setattr__(self, name, printable(getattr(self, name)))


class RejectedError(InputError):
    """A clip that must not enter the corpus: an InputError with a reason code and the numbers behind it.

    times_s: times of the frames that failed, in seconds from the start of what was recorded, at most MAX_TIMES of them;
    None where the fault is not one of frames. clip: what was turned away, where it is to be kept, labelled.
    """

    def __init__(
        self,
        code: Reason,
        reason: str,
        *,
        source: object = None,
        times_s: Iterable[float] | None = None,
        clip: Clip | None = None,
        numbers: Mapping[str, float] = MappingProxyType({}),
        **more_numbers: float,
    ) -> None:
        super().__init__(reason, source=source)
        self.code: Reason = code
        self.numbers = {name: float(value) for name, value in {**numbers, **more_numbers}.items()}
        self.times_s = None if times_s is None else _bounded(list(times_s))
        self.clip = clip

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (self.code, self.reason, self.source, self.times_s, self.clip, self.numbers))


def _rebuild(
    code: Reason,
    reason: str,
    source: str | None,
    times_s: list[float] | None,
    clip: Clip | None,
    numbers: dict[str, float],
) -> RejectedError:
    return RejectedError(code, reason, source=source, times_s=times_s, clip=clip, numbers=numbers)


def _bounded(times_s: Sequence[float]) -> list[float]:
    """All of them, or MAX_TIMES spread evenly from the first to the last."""
    count = min(len(times_s), MAX_TIMES)
    chosen = [round(k * (len(times_s) - 1) / max(count - 1, 1)) for k in range(count)]
    return [round(float(times_s[k]), 4) for k in chosen]


def rejection_of(error: InputError, *, item_id: str, source: str) -> Rejection:
    """The quarantine row for an error that `Source.read` or `check_clip` raised."""
    if isinstance(error, RejectedError):
        return Rejection(item_id, source, error.code, error.reason, error.numbers, error.times_s)
    return Rejection(item_id, source, "other", error.reason)


def clean_weights(array: np.ndarray, samples: int, *, frame_tolerance: int = 1) -> np.ndarray:
    """Tracked coefficients as they were stored -> (frames_of(samples), 52) float32 in [0, 1].

    The recording decides the length: up to `frame_tolerance` frames too many are cut at the end, up to as many too few
    are filled by repeating the last frame. Values slightly outside [0, 1] are clamped. Raises RejectedError with
    reason shape, not_finite, range or length.
    """
    if array.ndim != 2 or array.shape[1] != len(COEFFICIENTS) or not len(array):
        raise RejectedError("shape", f"coefficients must be (frames, 52), not {array.shape}")
    if array.dtype.kind != "f":
        raise RejectedError("shape", f"coefficients must be floating point, not {array.dtype}")
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).any(1).sum())
        raise RejectedError("not_finite", f"NaN or infinity in {bad} of {len(array)} frames", bad_frames=bad)
    excess = np.maximum(-array, array - 1).astype(np.float64)
    worst, share = float(excess.max()), float((excess > SMALL_EXCESS).mean())
    if worst > MAX_EXCESS or share > MAX_EXCESS_SHARE:
        name = COEFFICIENTS[int(excess.max(0).argmax())]
        text = (
            f"coefficients leave [0, 1] by up to {worst:.3g} ({name}), {share:.1%} of them by more than "
            f"{SMALL_EXCESS}: another scale?"
        )
        raise RejectedError("range", text, worst_excess=worst, excess_share=share)
    wanted = frames_of(samples)
    if abs(len(array) - wanted) > frame_tolerance:
        text = f"{len(array)} frames of coefficients, but {samples} samples of audio are {wanted} frames"
        raise RejectedError("length", text, frames=len(array), expected_frames=wanted, tolerance=frame_tolerance)
    weights = array[:wanted].astype(np.float32).clip(0, 1)
    return np.pad(weights, ((0, wanted - len(weights)), (0, 0)), mode="edge")


def check_sound(samples: np.ndarray) -> None:
    """The gate for the sound of a clip, (n,) at 16 kHz. Raises RejectedError duration, not_finite or silent."""
    seconds = len(samples) / SAMPLE_RATE
    if not MIN_DURATION_S <= seconds <= MAX_DURATION_S:
        text = f"lasts {seconds:.2f} s; clips last {MIN_DURATION_S} to {MAX_DURATION_S:g} s"
        raise RejectedError("duration", text, seconds=seconds)
    if not np.isfinite(samples).all():
        raise RejectedError("not_finite", "NaN or infinity in the audio")
    peak = float(np.abs(samples).max())
    if peak < MIN_PEAK:
        level_db = 20 * np.log10(max(peak, 1e-10))
        raise RejectedError("silent", f"the recording is silent: it peaks at {level_db:.0f} dBFS", peak_dbfs=level_db)


def check_clip(clip: Clip) -> None:
    """The last gate, the same for every source. Raises RejectedError with the reason."""
    check_sound(clip.samples)
    if not np.isfinite(clip.weights).all():
        raise RejectedError("not_finite", "NaN or infinity in the coefficients")
    if clip.weights.min() < 0 or clip.weights.max() > 1:
        raise RejectedError("range", "coefficients outside [0, 1]", low=clip.weights.min(), high=clip.weights.max())
    if clip.frames != frames_of(len(clip.samples)):
        wanted = frames_of(len(clip.samples))
        raise RejectedError("length", f"{clip.frames} frames, not {wanted}", frames=clip.frames, expected_frames=wanted)
    if clip.head is not None and clip.head.shape != (clip.frames, 6):
        raise RejectedError("shape", f"head must be ({clip.frames}, 6), not {clip.head.shape}")
    still = float((np.abs(np.diff(clip.weights, axis=0)).max(1) <= STILL).mean())
    if still > MAX_STILL_SHARE:
        raise RejectedError("frozen", f"the face does not move in {still:.0%} of the frames", still_share=still)
    if clip.emotion is not None and clip.emotion not in EMOTIONS:
        raise RejectedError("label", f"unknown emotion {clip.emotion!r}: use one of {', '.join(EMOTIONS)}")
    if clip.level is not None and clip.level not in range(len(LEVELS)):
        raise RejectedError("label", f"unknown level {clip.level}: 0 is normal, 1 is strong")
