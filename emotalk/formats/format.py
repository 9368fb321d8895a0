"""`Format`: what the registry knows of one kind of file. Each module of this package that is one holds its own."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from emotalk.animation import Animation
from emotalk.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Format:
    """How one kind of file is written and read.

    name: what people and programs call it. suffixes: the first is the usual one. media_type: as HTTP says it.
    write: a local path, the consecutive pieces of one animation, and options as keywords -> nothing. `read`: an open
        binary file, the name to use in errors, and options as keywords -> the animation. None: it cannot be read. The
        keywords of these two functions are the options that the format takes.
    required: option -> what it must be, in words, for options that the format cannot do without.
    weights, head, emotion, meta: what of an animation has a place in it.
    piecewise: memory is bounded by a piece, so that ten hours are as easy as ten seconds.
    only_fps: the one frame rate that it can hold, where it is made for one.
    extra: the extra of this package that it needs.
    version: raised when the same animation gives other bytes than before, so that jobs write it again.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    media_type: str
    write: Callable[..., None]
    read: Callable[..., Animation] | None = None
    required: Mapping[str, str] = field(default_factory=dict)
    weights: bool = True
    head: bool
    emotion: bool
    meta: bool
    piecewise: bool
    only_fps: Fraction | None = None
    extra: str | None = None
    version: int = 1

    @property
    def suffix(self) -> str:
        return self.suffixes[0]

    @property
    def write_options(self) -> tuple[str, ...]:
        return _keywords(self.write)

    @property
    def read_options(self) -> tuple[str, ...]:
        return () if self.read is None else _keywords(self.read)

    def check_writing(self, options: Mapping[str, Any], *, source: object = None) -> None:
        """InputError for an option that writing does not take, or for one that is missing."""
        self._check(options, self.write_options, "is written with", source)

    def check_reading(self, options: Mapping[str, Any], *, source: object = None) -> None:
        """InputError where this format is not read at all, or as `check_writing`."""
        if self.read is None:
            raise InputError(f"{self.title} is written only: nothing can be read from {self.suffix}", source=source)
        self._check(options, self.read_options, "is read with", source)

    def _check(self, options: Mapping[str, Any], known: tuple[str, ...], verb: str, source: object) -> None:
        if unknown := [name for name in options if name not in known]:
            listing = ", ".join(known) or "no options"
            raise InputError(f"{self.name} has no option {', '.join(unknown)}: it {verb} {listing}", source=source)
        for name, what in self.required.items():
            if name in known and options.get(name) is None:
                raise InputError(f"{self.title} needs the option {name}: {what}", source=source)


def _keywords(function: Callable[..., object]) -> tuple[str, ...]:
    parameters = inspect.signature(function).parameters.values()
    return tuple(parameter.name for parameter in parameters if parameter.kind is inspect.Parameter.KEYWORD_ONLY)
