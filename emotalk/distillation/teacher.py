"""The teacher: any network of this project, or the authors', that says what face goes with a sound."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from emotalk.blendshapes import COEFFICIENTS
from emotalk.controls import Controls
from emotalk.errors import EmoTalkError
from emotalk.inference.animator import Animator
from emotalk.inference.finish import RawWindow
from emotalk.inference.heard import softmax
from emotalk.labels import EMOTIONS
from emotalk.model.start import is_official, load_start, start_digest
from emotalk.model.store import load_config
from emotalk.training.card import terms_of_model

LONGEST_S = 60.0  # of a sound: one window of every network


class Taught(NamedTuple):
    """What a teacher says of a sound: raw coefficients (frames, 52) float32, and shares of `EMOTIONS`, (8,) float32.

    head: (frames, 6) pose of the head, None of a teacher that does not move it. heard: None of one that knows no such
    emotion.
    """

    weights: np.ndarray
    head: np.ndarray | None
    heard: np.ndarray | None


@dataclass(frozen=True, kw_only=True)
class TeacherFile:
    """A teacher before it is loaded. path: see `load_start`. network: its preset. terms: what its card says to mind."""

    path: str
    sha256: str
    network: str
    terms: tuple[str, ...]

    @classmethod
    def read(cls, path: str) -> "TeacherFile":
        """InputError where there is no model; its weights are read for their digest alone."""
        return cls(
            path=path,
            sha256=start_digest(path),
            network="official" if is_official(path) else load_config(path).preset,
            terms=terms_of_model(path),
        )


class Teacher:
    """A loaded teacher, asked for level and style unknown and for the emotion that it hears."""

    def __init__(self, file: TeacherFile, *, device: str) -> None:
        self._animator = Animator(load_start(file.path), device=device)
        self._place = {name: number for number, name in enumerate(self._animator.model.config.emotions)}

    def teach(self, sounds: Sequence[np.ndarray]) -> list[Taught]:
        """(n,) float32 samples each, 16 kHz, up to `LONGEST_S` -> what it says of each. EmoTalkError for no numbers."""
        windows = [window for samples in sounds for window in self._animator.plan([samples])]
        said = self._animator.predict(windows, Controls())
        if not all(np.isfinite(one.weights).all() and np.isfinite(one.logits).all() for one in said):
            raise EmoTalkError("the teacher's faces are no numbers")
        return [self._taught(one) for one in said]

    def _taught(self, one: RawWindow) -> Taught:
        face, head = one.weights[:, : len(COEFFICIENTS)], one.weights[:, len(COEFFICIENTS) :]
        return Taught(face, head if head.size else None, self._heard(one.logits))

    def _heard(self, logits: np.ndarray) -> np.ndarray | None:
        known = [self._place[emotion] for emotion in EMOTIONS if emotion in self._place]
        if not known:
            return None
        heard = np.zeros(len(EMOTIONS), np.float32)
        heard[[emotion in self._place for emotion in EMOTIONS]] = softmax(logits[known])
        return heard
