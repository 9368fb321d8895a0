"""Post-processing of one recording whose frames come in pieces."""

import numpy as np

from emotalk.controls import Controls
from emotalk.inference.post.step import PostState, post_process, tail
from emotalk.inference.post.treatment import FACE, Treatment


class PostProcessor:
    """Raw frames (n, 52), or with a head (n, 58), and their loudness (n,) in dBFS -> finished ones, `held` later.

    Pieces of any size give the frames that one piece gives.
    """

    def __init__(self, controls: Controls) -> None:
        self._treatment = Treatment(controls)
        self._state: PostState | None = None
        self._received = 0

    def push(self, raw: np.ndarray, loudness: np.ndarray) -> np.ndarray:
        if not len(raw):
            return np.zeros((0, self._treatment.columns(raw.shape[1])), np.float32)
        done = self._process(raw, loudness, stop=self._received + len(raw) + self._treatment.held)
        self._received += len(raw)
        return done

    def change(self, controls: Controls) -> None:
        """What was asked for before, and from the next frame on something else: see `Controls.from_frame`."""
        self._treatment = Treatment(controls)

    def flush(self) -> np.ndarray:
        """The frames still held back, then the tail in which the face comes to rest."""
        if self._state is None:
            return np.zeros((0, self._treatment.columns(FACE)), np.float32)
        late = self._treatment.held
        columns = self._state.last.shape[1]
        rest = np.zeros((0, self._treatment.columns(columns)), np.float32)
        if late:
            rest = self._process(np.zeros((late, columns), np.float32), np.zeros(late, np.float32), self._received)
        return np.concatenate([rest, tail(self._state, self._received, self._treatment)])

    def _process(self, raw: np.ndarray, loudness: np.ndarray, stop: int) -> np.ndarray:
        state = self._state or PostState.start(1, raw.shape[1])
        first = self._received
        out, self._state = post_process(
            state, raw[None], loudness[None], np.array([first]), np.array([stop]), [self._treatment]
        )
        return out[0, max(0, self._treatment.held - first) :]
