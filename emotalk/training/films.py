"""Films of validation clips while a model trains, real beside predicted: OUTPUT/films/epoch-0010.mp4."""

from collections.abc import Sequence

import numpy as np

from emotalk.animation import Animation
from emotalk.audio import SAMPLE_RATE
from emotalk.audio.encode import encode_wav
from emotalk.blendshapes import FPS
from emotalk.files import atomic_write
from emotalk.training.watchers import EpochRecord, StepRecord, ValidationFace

FOLDER = "films"
SIZE = 256  # pixels of each face


class Films:
    """A `Watcher` that films the faces of the epochs that bring some. Needs the extra `render`."""

    def __init__(self, output: str) -> None:
        self._output = output

    def step(self, record: StepRecord) -> None:
        pass

    def epoch(self, record: EpochRecord) -> None:
        if record.faces:
            write_film(f"{self._output}/{FOLDER}/epoch-{record.epoch:04}.mp4", record.faces)

    def close(self) -> None:
        pass


def write_film(target: str, faces: Sequence[ValidationFace]) -> None:
    """The clips one after the other, with their sound: the real face left, the predicted one right."""
    from emotalk.render.film import make_film
    from emotalk.render.video import write_mp4
    from emotalk.rigs import procedural_head

    real, predicted = (
        Animation(np.concatenate([getattr(face, which) for face in faces])) for which in ("real", "predicted")
    )
    film = make_film([real, predicted], procedural_head(), titles=("real", "predicted"), size=SIZE)
    sound = np.concatenate([_as_long(face) for face in faces])
    with atomic_write(target) as path:
        write_mp4(path, film.pictures(), shape=film.shape, fps=FPS, frames=film.frames, sound=encode_wav(sound))


def _as_long(face: ValidationFace) -> np.ndarray:
    """(n,) samples that last as long as the face's frames."""
    length = len(face.real) * SAMPLE_RATE // int(FPS)
    return np.pad(face.samples[:length], (0, max(0, length - len(face.samples))))
