"""Options of a whole shelf: known by what is in their files, and read once for thousands of animations.

What is loaded can be sent to other machines, which need not have the files then.
"""

import hashlib
import tempfile
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from emotalk.animation import Animation
from emotalk.blendshapes import COEFFICIENTS
from emotalk.errors import InputError
from emotalk.files import local_path, sha256_of
from emotalk.formats import format_for, write_animation
from emotalk.formats.format import Format
from emotalk.formats.rig import DEFAULT, rig_of

RIG, FLAME_MODEL, FLAME_MAP = FILES = ("rig", "flame_model", "flame_map")


def taken_by(known: Format, options: Mapping[str, Any]) -> dict[str, Any]:
    """Those that a format is written with."""
    return {name: value for name, value in options.items() if name in known.write_options}


def digested(options: Mapping[str, Any]) -> dict[str, Any]:
    """The same as JSON has it, with the digest of its content for every file. InputError for a file that is gone."""
    return {name: _digest(name, value) if name in FILES else value for name, value in options.items()}


def loaded(options: Mapping[str, Any]) -> dict[str, Any]:
    """The same with a `Rig` and a `FlameMap` for their files. InputError names a file that is none."""
    from emotalk.formats.flame import fitted

    out = dict(options)
    if RIG in out:
        out[RIG] = rig_of(out[RIG])
    if FLAME_MODEL in out:
        out[FLAME_MAP] = fitted(out[FLAME_MODEL], out.get(FLAME_MAP), out.get("expressions"), out.get(RIG))
    return out


def try_out(suffixes: Iterable[str], options: Mapping[str, Any], fps: Fraction | None) -> None:
    """Writes two frames in every format that options or a missing extra can keep from being written.

    What is refused now would be refused for every recording. InputError names the format; MissingExtraError the extra.
    """
    still = Animation(np.zeros((2, len(COEFFICIENTS)), np.float32))
    with tempfile.TemporaryDirectory(prefix="emotalk-") as folder:
        for suffix in suffixes:
            known = format_for(f"a{suffix}")
            own = taken_by(known, options)
            if not own and known.extra is None:
                continue
            try:
                write_animation(Path(folder, f"a{suffix}"), [still], fps=known.only_fps or fps, **own)
            except InputError as error:
                raise InputError(f"{known.name} cannot be written so: {error.reason}") from error


def _digest(name: str, value: Any) -> Any:
    from emotalk.rigs.importers.flame import files_of

    if value == DEFAULT:
        return value
    if name != FLAME_MODEL:
        return sha256_of(value)
    own, *beside = files_of(local_path(value))
    parts = [sha256_of(own), *((file.name, sha256_of(file)) for file in beside)]
    return hashlib.sha256(repr(parts).encode()).hexdigest()
