"""Whether a captured clip is good enough, and the numbers behind it. The limits are constants, each with its reason."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from emotalk.audio import SAMPLE_RATE
from emotalk.blendshapes import COEFFICIENTS, FPS
from emotalk.capture.retime import Retimed
from emotalk.capture.sync import MAX_CORRECTED_S
from emotalk.capture.track import Track
from emotalk.corpus.gates import Reason

MAX_TWO_FACES = 0.05  # of the pictures: a passer-by; more, and nobody knows who speaks
MIN_FACE_PX = 80.0  # the landmarker sees a face at 256 pixels; a mouth of under 25 says little
MAX_LOST = 0.02  # of the frames that nobody saw; one gap of 0.3 s in 15 s
MAX_FILLED = 0.10  # of the frames, lost ones included
STILL = 2e-3  # per frame: a still picture, coded anew, moves less; the stillest living face moves four times as much
STILL_S = 0.2  # videos that show every picture twice or thrice are not frozen
MAX_STILL = 0.5  # of the frames
MAX_JITTER = 0.015  # twice that of a soft picture of a small face; a shaking tracker has more
MIN_VOICE_DB = -50.0  # of full scale, the loudest hundredth
FULL_SCALE = 0.98  # resampling takes the edges off clipped tops
MAX_CLIPPED = 0.005  # of the samples
AV_LENGTH_S = 0.5  # sound and picture may last so differently, and
AV_DRIFT = 0.001  # so much more per second: encoders round each stream's length for itself
# What trembles by itself: lids and gaze.
_STEADY = [i for i, name in enumerate(COEFFICIENTS) if not name.startswith("eye") and name != "tongueOut"]


class Fault(NamedTuple):
    """One reason to turn a clip away. times_s: of the frames that failed, on the video's clock; None: not of frames."""

    code: Reason
    text: str
    times_s: np.ndarray | None = None


class Inspection(NamedTuple):
    """What was measured of a clip, whether it is good or not, and its faults, the gravest first."""

    numbers: dict[str, float]
    faults: list[Fault]


def inspect(track: Track, face: Retimed, samples: np.ndarray, *, start_s: float, late_s: float) -> Inspection:
    """Measures a clip of `track` that starts at `start_s` of the sound; its pictures stand `late_s` earlier."""
    first_s = start_s - late_s
    last_s = first_s + len(face.weights) / float(FPS)
    shown = (track.times_s >= first_s) & (track.times_s < last_s)
    times_s, faces = track.times_s[shown], track.faces[shown]
    seen, two = faces > 0, faces > 1
    sizes = track.face_px[shown]
    frames_s = first_s + np.arange(len(face.weights)) / float(FPS)
    still = _still(face.weights)
    info = track.info
    picture_s = info.picture_end_s - float(track.times_s[0])
    sound_s = info.samples / SAMPLE_RATE
    numbers = {
        "pictures": float(len(times_s)),
        "face_share": _share(seen),
        "two_faces_share": _share(two),
        "face_px": float(np.median(sizes[seen])) if seen.any() else 0.0,
        "filled_share": _share(face.filled),
        "lost_share": _share(face.lost),
        "still_share": _share(still),
        "jitter": _jitter(track.near[shown][seen]),
        "voice_db": _voice_db(samples),
        "clipped_share": _share(np.abs(samples) >= FULL_SCALE),
        "picture_s": picture_s,
        "sound_s": sound_s,
        "late_s": info.offset.late_s if info.offset else float("nan"),
        "late_sure": float(info.offset is not None and info.offset.sure),
        "moved_s": late_s,
    }
    numbers = {name: value for name, value in numbers.items() if np.isfinite(value)}
    small = seen & (sizes < MIN_FACE_PX)
    faults = list(_faults(track, numbers, times_s, two, small, frames_s, still, face))
    return Inspection(numbers, faults)


def _faults(
    track: Track,
    numbers: dict[str, float],
    times_s: np.ndarray,
    two: np.ndarray,
    small: np.ndarray,
    frames_s: np.ndarray,
    still: np.ndarray,
    face: Retimed,
) -> Iterator[Fault]:
    missing = face.lost | face.filled
    if not numbers["face_share"]:
        yield Fault("no_face", f"no face in any of {len(times_s)} pictures", times_s)
        return
    if numbers["two_faces_share"] > MAX_TWO_FACES:
        text = f"more than one face in {numbers['two_faces_share']:.0%} of the pictures"
        yield Fault("two_faces", text, times_s[two])
    if numbers["face_px"] < MIN_FACE_PX:
        text = f"the face is {numbers['face_px']:.0f} pixels long, under {MIN_FACE_PX:.0f}"
        yield Fault("small_face", text, times_s[small])
    if numbers["lost_share"] > MAX_LOST or numbers["lost_share"] + numbers["filled_share"] > MAX_FILLED:
        lost, filled = numbers["lost_share"], numbers["filled_share"]
        text = f"the face is missing in {lost:.1%} of the frames and interpolated in {filled:.1%}"
        yield Fault("lost_frames", text, frames_s[missing])
    if numbers["still_share"] > MAX_STILL:
        text = f"the face stands still in {numbers['still_share']:.0%} of the frames"
        yield Fault("frozen", text, frames_s[still])
    if numbers["jitter"] > MAX_JITTER:
        yield Fault("jitter", f"the coefficients tremble by {numbers['jitter']:.3f} from picture to picture")
    if numbers["voice_db"] < MIN_VOICE_DB:
        yield Fault("silent", f"the loudest part is at {numbers['voice_db']:.0f} dBFS: nobody speaks")
    if numbers["clipped_share"] > MAX_CLIPPED:
        yield Fault("clipped", f"{numbers['clipped_share']:.1%} of the samples stand at full scale")
    apart_s = abs(numbers["sound_s"] - numbers["picture_s"])
    if apart_s > AV_LENGTH_S + AV_DRIFT * max(numbers["sound_s"], numbers["picture_s"]):
        text = f"the video's sound lasts {numbers['sound_s']:.2f} s and its picture {numbers['picture_s']:.2f} s"
        yield Fault("av_length", text)
    offset = track.info.offset
    if offset is not None and offset.too_far:
        way = "late" if offset.late_s > 0 else "early"
        text = f"the sound is {abs(offset.late_s):.2f} s too {way}, over {MAX_CORRECTED_S} s"
        yield Fault("av_offset", text)


def _share(hits: np.ndarray) -> float:
    return float(hits.mean()) if len(hits) else 0.0


def _still(weights: np.ndarray) -> np.ndarray:
    """(frames,) bool: inside a stretch of at least STILL_S in which no coefficient moves by more than STILL a frame."""
    width = round(STILL_S * float(FPS))
    if len(weights) <= width:
        return np.zeros(len(weights), bool)
    quiet = np.abs(np.diff(weights, axis=0)).max(1) <= STILL
    stretch = np.lib.stride_tricks.sliding_window_view(quiet, width).all(1)
    still = np.zeros(len(weights), bool)
    for start in np.flatnonzero(stretch):
        still[start : start + width + 1] = True
    return still


def _jitter(scores: np.ndarray) -> float:
    """How far a picture's scores are from its neighbours' mean: the median over time, the mean over coefficients.

    A median, as speech moves far now and then, and a tracker that shakes does so always.
    """
    if len(scores) < 3:
        return 0.0
    bend = np.abs(scores[1:-1] - (scores[:-2] + scores[2:]) / 2)
    return float(np.median(bend, axis=0)[_STEADY].mean())


def _voice_db(samples: np.ndarray) -> float:
    """Level of the loudest hundredth of the sound's pieces of 10 ms, in dB of full scale."""
    whole = samples[: len(samples) // 160 * 160].reshape(-1, 160).astype(np.float64)
    if not len(whole):
        return -200.0
    return float(10 * np.log10(np.percentile(np.square(whole).mean(1), 99) + 1e-20))
