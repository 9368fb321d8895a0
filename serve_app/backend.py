"""What the interface asks of a model, wherever it runs: in this process, or on replicas behind Ray Serve."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from emotalk.animation import Animation
from emotalk.controls import Controls
from serve_app.live.steps import Answer, Ask, ResumePoint

if TYPE_CHECKING:  # the ingress does without torch
    from emotalk.inference.animator import Animator


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What users may know of a model.

    emotions: labels that can be chosen, none where it has no prototypes. labels: those that are heard. delay_s: of live
    streams, None where it hears whole recordings.
    """

    preset: str
    sha256: str | None
    labels: tuple[str, ...]
    emotions: tuple[str, ...]
    styles: int
    default_style: int | None
    head: bool
    delay_s: float | None

    @classmethod
    def of(cls, animator: "Animator") -> "ModelCard":
        config = animator.model.config
        live = animator.model.past_samples is not None and animator.model.future_samples is not None
        delay_s = animator.streaming_network.delay_s(Controls()) if live else None
        return cls(
            preset=config.preset,
            sha256=animator.model_digest,
            labels=tuple(config.emotions),
            emotions=tuple(config.emotions) if animator.model.has_prototypes else (),
            styles=config.styles,
            default_style=config.default_style,
            head=config.head_pose,
            delay_s=delay_s,
        )

    def to_json(self, name: str, *, default: bool) -> dict[str, Any]:
        return {
            "name": name,
            "default": default,
            "preset": self.preset,
            "sha256": self.sha256,
            "emotions": self.emotions,
            "styles": list(range(self.styles)),
            "head": self.head,
            "delay_ms": None if self.delay_s is None else round(1000 * self.delay_s, 1),
            "live": self.delay_s is not None,
        }


class Model(Protocol):
    """Raises InputError for what the model cannot do with valid controls, Problem for anything else that is known."""

    async def animate(
        self, samples: np.ndarray, controls: Controls, emotion: np.ndarray | None = None, *, background: bool = False
    ) -> Animation:
        """(n,) float32 16 kHz -> the whole animation. emotion: (m,) of another recording, whose emotion is shown.
        background: whatever else there is comes first."""
        ...

    def pieces(
        self, samples: np.ndarray, controls: Controls, emotion: np.ndarray | None = None
    ) -> AsyncIterator[Animation]:
        """The same in consecutive pieces, while they are computed."""
        ...

    async def card(self) -> ModelCard: ...

    async def reload(self) -> None:
        """Load anew what lies in the model directory. What has begun with the old one ends with it."""
        ...

    async def step(self, lane: str, asks: Sequence[Ask]) -> list[Answer]:
        """Steps of live streams. The same lane goes to the same replica, as long as that lives."""
        ...

    async def forget(self, lane: str, stream: str) -> None:
        """A stream will not be asked for again."""
        ...

    async def resume_point(self, controls: Controls, frames: int) -> ResumePoint:
        """Where a live session that has so many frames begins, or goes on."""
        ...
