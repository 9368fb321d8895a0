"""Streams of models that hear a bounded future: every frame comes out as soon as its future has been heard."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import torch

from emotalk.animation import Animation
from emotalk.audio import SAMPLE_RATE
from emotalk.controls import Controls
from emotalk.errors import InputError
from emotalk.inference.finish import columns_of, joined, piece_of, shown_labels
from emotalk.inference.heard import HeardEmotion
from emotalk.inference.post import tail
from emotalk.inference.windows import FRAMES_PER_STEP, SAMPLES_PER_STEP
from emotalk.streaming.network import OPEN, Asked, StepFrames, StreamingNetwork, post_state
from emotalk.streaming.state import StreamState
from emotalk.streaming.stream import Stream
from emotalk.timing import frames_of

MAX_STEP_FRAMES = 30  # a long chunk is taken in steps of so many


class LiveStream(Stream):
    """One stream's state and the samples that wait for its next step.

    `emotion` of a piece tells the mean of all that has been heard so far in the recording.
    """

    _state: StreamState
    _next: int  # frame to enter

    def __init__(self, network: StreamingNetwork, controls: Controls) -> None:
        super().__init__(controls, network.delay_s(controls))
        self.network = network
        self._asked = network.asked(controls)
        self._begin()

    def rebuild(self, samples: np.ndarray, pushed: int) -> None:
        """Become the stream that has been pushed `pushed` samples at 16 kHz since its recording began.

        samples: the last of them, `network.memory_samples(controls)` and 0.1 s at least, or all. The frames that follow
        are then those of that stream; the emotion heard so far is that of these samples alone.
        """
        start = pushed - len(samples)
        skip = -start % SAMPLES_PER_STEP
        enough = min(pushed, self.network.memory_samples(self.controls) + SAMPLES_PER_STEP)
        if not enough <= len(samples) <= pushed:
            raise InputError(f"{len(samples)} samples do not rebuild a stream of {pushed}: give the last {enough}")
        self.reset()
        self.push(samples[skip:])
        frames = (start + skip) // SAMPLES_PER_STEP * FRAMES_PER_STEP
        self._state = self._state.put("next", self._state["next"] + frames)
        self._next += frames
        self._pushed = pushed

    def _begin(self) -> None:
        self._state = self.network.start()
        self._next = self.network.first_frame
        self._pushed = 0
        # From the first sample that the next step takes: before the recording it is silent.
        self._waiting = np.zeros(-self.network.heard_at(self._next - 1), np.float32)
        self._pieces: list[Animation] = []
        self._logits = np.zeros(len(self.network.model.config.emotions), np.float32)

    def _hear(self, samples: np.ndarray) -> Animation:
        self._add(samples)
        _run([self])
        return self._out()

    def _end(self, samples: np.ndarray) -> Animation:
        self._add(samples)
        network, config = self.network, self.network.model.config
        own = frames_of(self._pushed)
        if own:
            _run([self])
            last = own - 1 + network.late(self.controls)
            self._waiting = np.pad(self._waiting, (0, self._until(last) - len(self._waiting)))
            _run([self], ends=self._pushed)
            frames = tail(post_state(self._state), own, self._asked.recipes[0])
            labels = shown_labels(config, self.controls, np.tile(self._logits, (len(frames), 1)))
            heard = HeardEmotion(config.emotions)
            heard.add(self._logits, own)
            self._pieces.append(piece_of(config, frames, labels, {"heard": heard.shares()}))
        return self._out()

    def _add(self, samples: np.ndarray) -> None:
        self._waiting = np.concatenate([self._waiting, samples])
        self._pushed += len(samples)

    def _until(self, frame: int) -> int:
        """Samples that still have to be heard for frame `frame` to enter."""
        return self.network.heard_at(frame) - self.network.heard_at(self._next - 1)

    def _ready(self) -> int:
        """Frames that can enter."""
        heard = self.network.heard_at(self._next - 1) + len(self._waiting)
        return self.network.entering(heard) - self._next

    def _chunk(self, frames: int) -> np.ndarray:
        return self._waiting[: self._until(self._next + frames - 1)]

    def _stepped(self, state: StreamState, out: StepFrames, row: int, ends: int) -> None:
        """A step of these frames is done; `ends`: samples of the recording."""
        count = out.frames.shape[1]
        self._waiting = self._waiting[self._until(self._next + count - 1) :]
        self._state, self._next = state, self._next + count
        self._logits = out.logits[row, -1]
        first = int(out.first[row])
        real = slice(max(0, -first), max(0, min(count, frames_of(ends) - first)))
        if real.start < real.stop:
            config = self.network.model.config
            labels = shown_labels(config, self.controls, out.logits[row, real])
            frames = out.frames[row, real, : columns_of(config, self.controls)]
            self._pieces.append(piece_of(config, frames, labels))

    def _out(self) -> Animation:
        pieces, self._pieces = self._pieces, []
        return joined(self.network.model.config, pieces, self.controls)


def push_together(
    streams: Sequence[LiveStream], chunks: Sequence[np.ndarray], rate: int = SAMPLE_RATE
) -> list[Animation]:
    """What `push` would return to each of different streams of one Animator, computed as one batch."""
    if any(stream.network is not streams[0].network for stream in streams):
        raise InputError("streams of different Animators cannot be pushed together")
    resampled = [stream._resampled(chunk, rate) for stream, chunk in zip(streams, chunks, strict=True)]
    for stream, samples in zip(streams, resampled, strict=True):
        stream._add(samples)
    _run(streams)
    return [stream._out() for stream in streams]


def _run(streams: Sequence[LiveStream], ends: int = OPEN) -> None:
    """Every step that the waiting samples are enough for; streams with as many frames to enter take it together."""
    while True:
        groups: dict[int, list[LiveStream]] = defaultdict(list)
        for stream in streams:
            groups[min(stream._ready(), MAX_STEP_FRAMES)].append(stream)
        groups.pop(0, None)
        if not groups:
            return
        for frames, members in groups.items():
            rows = [stream._chunk(frames) for stream in members]
            chunks = torch.zeros(len(rows), max(map(len, rows)))
            for chunk, samples in zip(chunks, rows, strict=True):
                chunk[: len(samples)] = torch.from_numpy(samples)
            network, lengths = members[0].network, torch.full((len(members),), ends)
            before = StreamState.stack([stream._state for stream in members])
            asked = Asked.stack([stream._asked for stream in members])
            out, after = network.step(chunks, before, asked, frames, lengths)
            for row, (stream, state) in enumerate(zip(members, after.split(), strict=True)):
                stream._stepped(state, out, row, ends)
