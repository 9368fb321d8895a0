"""Lips on real speech of which only the sounds and their times are known: what must close, what must not, how wide.

No real face is needed: that lips meet for p, b and m, part for vowels, and that the jaw drops for open vowels holds for
every speaker of English.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np

from emotalk.alignment.arpabet import OPEN_VOWELS, VOWELS
from emotalk.blendshapes import FPS, INDEX
from emotalk.corpus.clip import Phone
from emotalk.metrics.opening import CLOSED_MM, SLACK_FRAMES, LipOpening, frames_during, is_bilabial

FALSE_SHARE = 0.07  # of vowels on which lips may close
QUIET_S = 0.1  # silence begins and ends so far from any speech: lips are on their way before


@dataclass(frozen=True)
class LipCounts:
    """Sums over sounds and frames, which add up over recordings.

    bilabials, vowels: sounds with a frame in the animation. *_closed: those with lips closed in one of their frames;
    `_near`: or in a frame before or after; `_rest`: by the mesh's gap at rest + 1 mm instead of 1 mm. vowels_free:
    vowels that neither follow nor precede p, b, m directly. Sums of jawOpen are over the sounds' own frames.
    """

    bilabials: int = 0
    bilabials_closed_near: int = 0
    bilabials_closed_near_rest: int = 0
    vowels: int = 0
    vowels_closed: int = 0
    vowels_closed_near: int = 0
    vowels_closed_rest: int = 0
    vowels_free: int = 0
    vowels_free_closed: int = 0
    jaw_open: float = 0.0
    open_frames: int = 0
    jaw_bilabial: float = 0.0
    bilabial_frames: int = 0
    jaw_silent: float = 0.0
    silent_frames: int = 0
    beyond: int = 0  # sounds behind the last frame

    def __add__(self, other: "LipCounts") -> "LipCounts":
        return LipCounts(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def values(self) -> dict[str, float | None]:
        """Shares and ratios by name; None for those of nothing."""
        opened, bilabial, silent = (
            _share(self.jaw_open, self.open_frames),
            _share(self.jaw_bilabial, self.bilabial_frames),
            _share(self.jaw_silent, self.silent_frames),
        )
        return {
            "p, b, m that close": _share(self.bilabials_closed_near, self.bilabials),
            "p, b, m that close, from rest": _share(self.bilabials_closed_near_rest, self.bilabials),
            "vowels closed, own frames": _share(self.vowels_closed, self.vowels),
            "vowels closed, ± 1 frame": _share(self.vowels_closed_near, self.vowels),
            "vowels closed, own frames, from rest": _share(self.vowels_closed_rest, self.vowels),
            "vowels closed, own frames, not beside p, b, m": _share(self.vowels_free_closed, self.vowels_free),
            "jawOpen on open vowels": opened,
            "jawOpen on p, b, m": bilabial,
            "jawOpen in silence": silent,
            "open vowels over p, b, m": _ratio(opened, bilabial),
            "open vowels over silence": _ratio(opened, silent),
        }


@dataclass(frozen=True)
class LipDepths:
    """How far the lips shut on each sound, in mm: (p, b, m) the least gap within a frame of it, (vowels) in its frames.

    Counts of closed lips depend on where "closed" begins; these tell a network that hears the difference from one that
    shuts oftener.
    """

    bilabials: np.ndarray
    vowels: np.ndarray

    def __add__(self, other: "LipDepths") -> "LipDepths":
        return LipDepths(np.concatenate([self.bilabials, other.bilabials]), np.concatenate([self.vowels, other.vowels]))

    def told_apart(self) -> float | None:
        """How likely lips are further shut on some p, b or m than on some vowel (area under the ROC curve)."""
        if not len(self.bilabials) or not len(self.vowels):
            return None
        nearer = (self.bilabials[:, None] < self.vowels).mean()
        return float(nearer + (self.bilabials[:, None] == self.vowels).mean() / 2)

    def closed_at(self, false_share: float = FALSE_SHARE) -> float | None:
        """Share of p, b, m that are further shut than so many of the vowels."""
        if not len(self.bilabials) or not len(self.vowels):
            return None
        return float((self.bilabials <= np.quantile(self.vowels, false_share)).mean())


def lip_depths(gap_mm: np.ndarray, phones: Sequence[Phone]) -> LipDepths:
    """(frames,) gap between the inner lips at 30 fps, and the speech sounds by ARPAbet name."""
    depths: dict[bool, list[float]] = {True: [], False: []}
    for phone in phones:
        bilabial = is_bilabial(phone.name)
        own, near = (frames_during(phone.start_s, phone.end_s, len(gap_mm), slack) for slack in (0, SLACK_FRAMES))
        if (bilabial or phone.name in VOWELS) and own.start < own.stop:
            depths[bilabial].append(float(gap_mm[near if bilabial else own].min()))
    return LipDepths(np.array(depths[True]), np.array(depths[False]))


def lip_counts(
    weights: np.ndarray,
    phones: Sequence[Phone],
    opening: LipOpening,
    *,
    duration_s: float,
    unknown: Sequence[tuple[float, float]] = (),
) -> LipCounts:
    """An animation (frames, 52) at 30 fps and the speech sounds it should show, by ARPAbet name.

    Closed: a gap under 1 mm between the inner lips. unknown: spans in seconds of speech whose sounds are not known,
    which are no silence. Frames after `duration_s` are no part of the recording and count nowhere.
    """
    frames = min(len(weights), int(np.ceil(duration_s * float(FPS) - 1e-6)))
    gap = opening.of(weights[:frames])
    jaw = weights[:frames, INDEX["jawOpen"]].astype(np.float64)
    closed, closed_rest = gap < CLOSED_MM, gap < opening.rest_mm + CLOSED_MM
    count: dict[str, float] = dict.fromkeys(LipCounts.__dataclass_fields__, 0)
    opened, bilabial = np.zeros(frames, bool), np.zeros(frames, bool)
    for number, phone in enumerate(phones):
        own, near = (frames_during(phone.start_s, phone.end_s, frames, slack) for slack in (0, SLACK_FRAMES))
        if own.start >= own.stop:
            count["beyond"] += 1
        elif is_bilabial(phone.name):
            bilabial[own] = True
            count["bilabials"] += 1
            count["bilabials_closed_near"] += closed[near].any()
            count["bilabials_closed_near_rest"] += closed_rest[near].any()
        elif phone.name in VOWELS:
            opened[own] |= phone.name in OPEN_VOWELS
            count["vowels"] += 1
            count["vowels_closed"] += closed[own].any()
            count["vowels_closed_near"] += closed[near].any()
            count["vowels_closed_rest"] += closed_rest[own].any()
            if not _beside_bilabial(phones, number):
                count["vowels_free"] += 1
                count["vowels_free_closed"] += closed[own].any()
    spoken = [(phone.start_s, phone.end_s) for phone in phones]
    silent = _silent([*spoken, *unknown], frames)
    for name, chosen in (("open", opened), ("bilabial", bilabial), ("silent", silent)):
        count[f"jaw_{name}"] = float(jaw[chosen].sum())
        count[f"{name}_frames"] = int(chosen.sum())
    return LipCounts(**{name: value if name.startswith("jaw_") else int(value) for name, value in count.items()})  # type: ignore[arg-type]


def _beside_bilabial(phones: Sequence[Phone], number: int) -> bool:
    here = phones[number]
    before, after = phones[max(number - 1, 0)], phones[min(number + 1, len(phones) - 1)]
    return (is_bilabial(before.name) and here.start_s - before.end_s < QUIET_S) or (
        is_bilabial(after.name) and after.start_s - here.end_s < QUIET_S
    )


def _silent(spans: Sequence[tuple[float, float]], frames: int) -> np.ndarray:
    """(frames,) bool: those at least `QUIET_S` away from every span."""
    times_s = np.arange(frames) / float(FPS)
    silent = np.ones(frames, bool)
    for start_s, end_s in spans:
        first, last = np.searchsorted(times_s, (start_s - QUIET_S, end_s + QUIET_S), "left")
        silent[first:last] = False
    return silent


def _share(part: float, whole: int) -> float | None:
    return part / whole if whole else None


def _ratio(over: float | None, under: float | None) -> float | None:
    """None where there is nothing to divide by; a jaw that is quite shut makes any ratio, so 0.001 is the least."""
    return None if over is None or under is None else over / max(under, 0.001)
