"""What one recording is asked for: its controls without segments, and the take whose emotion it borrows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from emotalk.controls import Controls, Track
from emotalk.controls.mix import HEARD, names_in, never_changes, weights_at
from emotalk.controls.track import number_at
from emotalk.errors import InputError
from emotalk.inference.post.treatment import Treatment
from emotalk.inference.take import EmotionTake


class EmotionShares(NamedTuple):
    """What an emotion is made of: labels (n, labels), heard (n, 1), taken from another recording (n, 1); sums are 1."""

    labels: np.ndarray
    heard: np.ndarray
    taken: np.ndarray


@dataclass(frozen=True, eq=False)
class Direction:
    """Everything in it is a function of frame numbers alone, whoever asks for however many at once."""

    controls: Controls
    take: EmotionTake | None = None

    @classmethod
    def of(cls, controls: Controls, take: EmotionTake | None = None) -> "Direction":
        return cls(controls.compiled, take)

    def fitted(self, frames: int | None) -> "Direction":
        """The same with the other recording's emotion stretched over so many frames, if that is asked for."""
        if self.take is None or self.controls.emotion_fit == "loop":
            return self
        if frames is None:
            raise InputError(
                "an emotion can be stretched only to a recording whose length is known: use emotion_fit loop"
            )
        return replace(self, take=self.take.stretched(frames))

    @cached_property
    def steady(self) -> bool:
        """Whether the network is asked for the same in every frame."""
        own = self.controls
        numbers = (own.blend, own.confidence, own.intensity, own.level)
        plain = all(not isinstance(number, Track) for number in numbers)
        return plain and self.take is None and never_changes(own.emotion) and never_changes(own.style)

    @cached_property
    def follows(self) -> bool:
        """Whether the emotion is what is heard, and nothing else."""
        return self.take is None and self.controls.emotion is None

    @cached_property
    def treatment(self) -> Treatment:
        """What post-processing does."""
        return Treatment(self.controls)

    @property
    def labels(self) -> list[str]:
        """All that are asked for."""
        return names_in(self.controls.emotion, HEARD)

    def emotion(self, labels: Sequence[str], frames: np.ndarray) -> EmotionShares:
        own = self.controls
        asked = weights_at(own.emotion, labels, HEARD, frames)
        blend = number_at(own.blend, frames)[:, None]
        free, rest = asked[:, -1:] * blend, 1 - blend
        nothing = np.zeros_like(free)
        heard, taken = (free + rest, nothing) if self.take is None else (rest, free)
        return EmotionShares(asked[:, :-1] * blend, heard, taken)

    def changed(self, controls: Controls, frame: int) -> "Direction":
        """This until a frame, others from it on; InputError for what a stream can't change once it has begun."""
        both = Direction(self.controls.from_frame(frame, controls), self.take)
        later = Treatment(controls.compiled)
        if not later.kernel == both.treatment.kernel == self.treatment.kernel:
            raise InputError("smoothing can't be switched on or off within a stream, whose delay it makes")
        if not (later.sway is None) == (both.treatment.sway is None) == (self.treatment.sway is None):
            raise InputError("shaping.sway can't be switched on or off within a stream")
        return both

    def check(self, labels: Sequence[str]) -> None:
        """InputError for a label that is none of these."""
        for name in self.labels:
            if name not in labels:
                raise InputError(f"unknown emotion {name!r}: this model knows {', '.join(labels)}")
