"""What a unit of the plan is made of: the clips it needs, the sound it hears, the reconstructions it asks for.

Without torch: the tasks that read clips need none of it.
"""

from typing import NamedTuple

import numpy as np

from emotalk.training.squares import Single, Square, Unit

UNKNOWN = -1  # label, level or style of a clip that has none
NOTHING_HEARD = np.zeros(0, np.float32)


class Example(NamedTuple):
    """One clip, decoded: (n,) float32 samples, (frames, 52) float32 weights, and its labels by number (or UNKNOWN).

    heard_at: (frames,) float64, where each frame lies among the frames of the clip that its words are taken from; None:
    evenly over that clip. sounds: (frames,) what is said in each frame, numbers in `SOUNDS`; None where nobody knows.
    head: (frames, 6) float32 about the clip's mean pose, None where unknown or not asked for.
    heard: (labels,) float32 shares of the emotions that a teacher heard in a clip without a label, or NOTHING_HEARD.
    """

    clip_id: str
    samples: np.ndarray
    weights: np.ndarray
    emotion: int
    level: int
    style: int
    heard_at: np.ndarray | None = None
    sounds: np.ndarray | None = None
    head: np.ndarray | None = None
    heard: np.ndarray = NOTHING_HEARD


class Part(NamedTuple):
    """One reconstruction: content from one clip, emotion from another, compared with a third."""

    content: int
    emotion: int
    target: int
    cross: bool


def parts_of(unit: Unit) -> tuple[Part, ...]:
    """A square is two cross-reconstructions and two self-reconstructions: every one of its clips is a target once."""
    if isinstance(unit, Single):
        return (Part(unit.clip, unit.clip, unit.clip, cross=False),)
    return (
        Part(unit.c1e2, unit.c2e1, unit.c1e1, cross=True),
        Part(unit.c2e1, unit.c1e2, unit.c2e2, cross=True),
        Part(unit.c1e2, unit.c1e2, unit.c1e2, cross=False),
        Part(unit.c2e1, unit.c2e1, unit.c2e1, cross=False),
    )


def clips_of(unit: Unit) -> tuple[int, ...]:
    """Positions of the clips that a unit needs."""
    return tuple(unit)


def crossed_in(unit: Unit) -> tuple[tuple[int, int], ...]:
    """(target, content) of the reconstructions whose words come from another recording than the target's own."""
    return tuple((part.target, part.content) for part in parts_of(unit) if part.cross)


def heard_in(unit: Unit) -> tuple[int, ...]:
    """Positions of the clips whose sound a unit needs."""
    return (unit.c1e2, unit.c2e1) if isinstance(unit, Square) else (unit.clip,)
