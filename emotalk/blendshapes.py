"""The 52 ARKit blendshape coefficients, in the order of the 3D-ETF dataset and of the paper's network.

The order is alphabetical. It is neither Apple's order nor that of a Live Link Face file: code that meets any other
order maps by name, never by position.
"""

from collections.abc import Sequence
from difflib import get_close_matches
from fractions import Fraction

import numpy as np

from emotalk.errors import InputError

COEFFICIENTS: tuple[str, ...] = (
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight",
    "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight",
    "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft", "eyeSquintRight",
    "eyeWideLeft", "eyeWideRight",
    "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft",
    "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight", "tongueOut",
)  # fmt: skip
INDEX: dict[str, int] = {name: i for i, name in enumerate(COEFFICIENTS)}
FPS = Fraction(30)  # frames per second of the corpus and of every network


def upper_face() -> tuple[int, ...]:
    """Columns that move brows, eyes, cheeks and nose: the face that shows feeling rather than speech."""
    return tuple(i for name, i in INDEX.items() if name.startswith(("brow", "cheek", "eye", "nose")))


GROUPS: dict[str, tuple[int, ...]] = {
    "upper_face": upper_face(),
    "lower_face": tuple(sorted(set(INDEX.values()) - set(upper_face()))),
    **{
        group: tuple(i for name, i in INDEX.items() if name.startswith(begins))
        for group, begins in {
            "brows": ("brow",),
            "lids": ("eyeBlink", "eyeSquint", "eyeWide"),
            "gaze": ("eyeLook",),
            "cheeks": ("cheek",),
            "nose": ("nose",),
            "jaw": ("jaw",),
            "mouth": ("mouth",),
        }.items()
    },
    # Both sides of what has two.
    **{
        name.removesuffix("Left"): (i, INDEX[name.removesuffix("Left") + "Right"])
        for name, i in INDEX.items()
        if name.endswith("Left") and name not in ("jawLeft", "mouthLeft")
    },
}
"""Columns by the name of a group: a region of the face, or a coefficient without its side for both sides."""


def columns_named(name: str) -> tuple[int, ...]:
    """Columns of a coefficient or a group; InputError for another name, with the nearest that is known."""
    if name in INDEX:
        return (INDEX[name],)
    if name in GROUPS:
        return GROUPS[name]
    known = {each.lower(): each for each in (*GROUPS, *INDEX)}
    near = get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    advice = f"did you mean {known[near[0]]}?" if near else f"groups are {', '.join(list(GROUPS)[:9])}"
    raise InputError(f"no coefficient or group {name[:60]!r}: {advice}")


def reorder(weights: np.ndarray, names: Sequence[str], *, source: object = None) -> np.ndarray:
    """(frames, len(names)) in any order of columns -> (frames, 52) float32 in `COEFFICIENTS` order, by name.

    Names compare without regard to case (Live Link writes `JawOpen`). A missing tongueOut is zero, as trackers without
    a tongue leave it out; any other missing coefficient is an InputError that names it. Extra columns are left out.
    """
    column = {name.lower(): i for i, name in enumerate(names)}
    missing = [name for name in COEFFICIENTS if name.lower() not in column and name != "tongueOut"]
    if missing:
        raise InputError(f"coefficients missing by name: {', '.join(missing)}", source=source)
    out = np.zeros((len(weights), len(COEFFICIENTS)), np.float32)
    for name, i in INDEX.items():
        if name.lower() in column:
            out[:, i] = weights[:, column[name.lower()]]
    return out
