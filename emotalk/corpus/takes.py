"""What a source of videos offers: takes, each a part of a video with all that is known of it before anyone looks."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from emotalk.capture.record import Shot
from emotalk.corpus.gates import Rejection


@dataclass(frozen=True, kw_only=True)
class Take:
    """One part of a video that becomes clips, with all that its source knows of it.

    prefix: what its clips' names begin with; unique, or made so by `name_by_content`.
    statement: what is said; None where the clips have their own.
    """

    shot: Shot
    prefix: str
    source: str
    speaker: str
    split: str
    statement: str | None = None
    emotion: str | None = None
    level: int | None = None
    repetition: int = 1
    name_by_content: bool = False


class Takes(NamedTuple):
    """What a source of videos holds, and what its names alone already turn away."""

    takes: list[Take]
    rejections: list[Rejection]


@runtime_checkable
class VideoSource(Protocol):
    """A place videos come from. Implementations are frozen dataclasses: their fields are the user's options."""

    @property
    def name(self) -> str: ...

    @property
    def landmarker(self) -> str | None: ...

    @property
    def accept_landmarker(self) -> bool: ...

    @property
    def keep_rejected(self) -> bool: ...

    @property
    def max_clip_s(self) -> float: ...

    def settings(self) -> dict[str, object]: ...

    def takes(self) -> Takes:
        """Every part of every video, in any order. Raises InputError if there is nothing of this source's kind."""
        ...
