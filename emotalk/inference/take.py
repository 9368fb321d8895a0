"""The emotion of one recording, kept to be shown with the words of another: the cross path of the network."""

from dataclasses import dataclass, replace

import numpy as np

SEAM_FRAMES = 15  # half a second in which a repeated take goes over into its beginning
MAX_TAKE_S = 600


@dataclass(frozen=True, eq=False)
class EmotionTake:
    """memory: (frames, width) float32, what guides the decoder. shares: (labels,) heard in all of it.

    frames: of the recording that it is stretched to; None: it is repeated.
    """

    memory: np.ndarray
    shares: np.ndarray
    frames: int | None = None

    def stretched(self, frames: int) -> "EmotionTake":
        """Spread evenly over a recording of so many frames, as the network was trained."""
        return replace(self, frames=frames)

    def at(self, numbers: np.ndarray) -> np.ndarray:
        """(n,) frame numbers of the other recording -> (n, width) float32."""
        own, numbers = len(self.memory), np.maximum(numbers, 0)
        if self.frames is not None:
            return self._between(np.minimum(numbers * ((own - 1) / max(self.frames - 1, 1)), own - 1))
        seam = min(SEAM_FRAMES, own // 4)
        period = own - seam
        place = numbers % period
        memory = self.memory[place]
        if not seam:
            return memory
        # Behind the last turn's end its last frames fade into the first ones.
        old = self.memory[np.minimum(place + period, own - 1)]
        share = np.where(numbers < period, 1.0, np.minimum((place + 1) / (seam + 1), 1.0)).astype(np.float32)[:, None]
        return memory * share + old * (1 - share)

    def _between(self, places: np.ndarray) -> np.ndarray:
        left = places.astype(np.int64)
        right = np.minimum(left + 1, len(self.memory) - 1)
        share = (places - left).astype(np.float32)[:, None]
        return self.memory[left] + share * (self.memory[right] - self.memory[left])
