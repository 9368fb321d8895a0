"""What shapes are called elsewhere: any case, `_L` for `Left`, split halves, a mesh's name in front."""

import re
from collections.abc import Iterable

from emotalk.blendshapes import COEFFICIENTS
from emotalk.errors import InputError

_KNOWN = {name.lower(): name for name in COEFFICIENTS}
_SIDES = (("left", "left"), ("right", "right"), ("_l", "left"), ("_r", "right"), (".l", "left"), (".r", "right"))


def coefficient_of(name: str) -> str | None:
    """`browDown_L`, `BrowDownLeft`, `Head.browDownLeft`, `browInnerUp_R` -> the coefficient it is, or is half of."""
    for text in (name, re.split(r"[.:|/]", name)[-1]):
        lower = text.strip().lower()
        for spelled in (lower, lower.replace("_", "")):
            if spelled in _KNOWN:
                return _KNOWN[spelled]
        for ending, side in _SIDES:
            if lower.endswith(ending):
                stem = lower.removesuffix(ending).rstrip("_. ")
                if (found := _KNOWN.get(stem + side) or _KNOWN.get(stem)) is not None:
                    return found
    return None


def shapes_by_coefficient(names: Iterable[str], *, source: object) -> dict[str, list[str]]:
    """Coefficient -> the shapes of a file that make it: one, or the halves of a split one, whose movements add up.

    A whole shape wins over halves. InputError names what is missing; tongueOut may be, as most rigs have no tongue.
    """
    out: dict[str, list[str]] = {}
    for name in names:
        if (coefficient := coefficient_of(name)) is not None:
            out.setdefault(coefficient, []).append(name)
    missing = [name for name in COEFFICIENTS if name not in out and name != "tongueOut"]
    if missing:
        raise InputError(f"shapes missing by name: {', '.join(missing)}", source=source)
    for coefficient, shapes in out.items():
        whole = [name for name in shapes if not _is_half(name, coefficient)]
        out[coefficient] = whole[:1] or shapes
    return out


def _is_half(name: str, coefficient: str) -> bool:
    return not coefficient.endswith(("Left", "Right")) and name.lower().endswith(tuple(ending for ending, _ in _SIDES))
