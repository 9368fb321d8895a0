"""What an ingress and a model replica say to each other of live sessions.

A stream is named by its session's owner and by what has been pushed into it: a replica that does not have it at exactly
that place says so, and is asked again with the samples to rebuild it from. So an answer that is lost, or given by
another replica, changes nothing: the same ask gives the same frames.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from emotalk.audio import SAMPLE_RATE
from emotalk.controls import Controls
from emotalk.errors import InputError

REBUILD_EXTRA = SAMPLE_RATE // 10  # samples beyond the network's memory that a rebuild wants


@dataclass(frozen=True, kw_only=True)
class Ask:
    """The next step of one stream.

    stream: its name, unique over all ingress replicas. pushed: samples (16 kHz) that came before. samples: (n,) float32
    that come now. changes: how often its controls have changed. controls: where the replica need not know them yet.
    recent: the last samples before them, where the stream has to be built anew; see `LiveStream.rebuild`. end: the
    recording ends behind them.
    """

    stream: str
    pushed: int
    samples: np.ndarray
    changes: int = 0
    controls: Controls | None = None
    recent: np.ndarray | None = None
    end: bool = False


@dataclass(frozen=True, kw_only=True)
class Frames:
    """Consecutive frames of a stream, `first` being the number of the first. entered: frames whose sound has been heard
    far enough; those from there on are still free to be asked for otherwise.

    weights: (n, 52). emotion: (n, labels). head: (n, 6) or None. heard: share by label, at the recording's end.
    """

    first: int
    entered: int
    weights: np.ndarray
    emotion: np.ndarray
    head: np.ndarray | None
    heard: Mapping[str, float] | None = None

    def __len__(self) -> int:
        return len(self.weights)

    def since(self, frame: int) -> "Frames":
        """Without the frames before number `frame`."""
        known = max(0, frame - self.first)
        if not known:
            return self
        return replace(
            self,
            first=self.first + known,
            weights=self.weights[known:],
            emotion=self.emotion[known:],
            head=None if self.head is None else self.head[known:],
        )


class Lost(Enum):
    """The replica does not have the stream at this place: it needs the recent samples."""

    STREAM = "stream"


Answer = Frames | Lost | InputError


@dataclass(frozen=True, kw_only=True)
class ResumePoint:
    """Where a session that has `frames` frames goes on, or, with none, begins.

    start: the sample (16 kHz, a multiple of 16,000) from which on it sends again. pushed: its stream is one that has
    been pushed so many. memory_samples: how many of its last samples rebuild a stream. delay_s, head: of its frames.
    """

    frames: int
    start: int
    pushed: int
    memory_samples: int
    delay_s: float
    head: bool
