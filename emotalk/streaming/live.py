"""Streams of models that hear a bounded future: every frame comes out as soon as its future has been heard."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from emotalk.animation import Animation
from emotalk.audio import SAMPLE_RATE
from emotalk.controls import Controls
from emotalk.errors import InputError
from emotalk.inference.conditions import check
from emotalk.inference.direction import Direction
from emotalk.inference.finish import columns_of, joined, piece_of, shown_labels
from emotalk.inference.heard import HeardEmotion, ShownEmotion
from emotalk.inference.post import tail
from emotalk.inference.windows import FRAMES_PER_STEP, SAMPLES_PER_STEP
from emotalk.streaming.network import OPEN, Asked, StepFrames, StreamingNetwork, post_state
from emotalk.streaming.state import StreamState
from emotalk.streaming.stream import Stream
from emotalk.timing import frames_of

MAX_STEP_FRAMES = 30  # a long chunk is taken in steps of so many
SETTLED_FRAMES = 60  # so long after controls were changed no frame of before is on its way any more


class LiveStream(Stream):
    """One stream's state and the samples that wait for its next step.

    `emotion` of a piece tells the mean of all that has been heard so far in the recording.
    """

    _state: StreamState
    _next: int  # frame to enter

    def __init__(self, network: StreamingNetwork, controls: Controls, wanted: Direction | None = None) -> None:
        super().__init__(controls, network.delay_s(controls.compiled))
        self.network = network
        self._wanted = Direction.of(controls) if wanted is None else wanted
        check(network.model, self._wanted)
        self._begin()

    def rebuild(self, samples: np.ndarray, pushed: int) -> None:
        """Become the stream that has been pushed `pushed` samples at 16 kHz since its recording began.

        samples: the last of them, `network.memory_samples(controls)` and 0.1 s at least, or all. The frames that follow
        are then those of that stream; the emotion heard so far is that of these samples alone.
        """
        start = pushed - len(samples)
        skip = -start % SAMPLES_PER_STEP
        enough = min(pushed, self.network.memory_samples(self._now.controls) + SAMPLES_PER_STEP)
        if not enough <= len(samples) <= pushed:
            raise InputError(f"{len(samples)} samples do not rebuild a stream of {pushed}: give the last {enough}")
        self.reset()
        # Numbered as in the recording, for controls that change over time. The silence that the first frames take for
        # their past reaches into none that follows.
        frames = (start + skip) // SAMPLES_PER_STEP * FRAMES_PER_STEP
        self._state = self._state.put("next", self._state["next"] + frames)
        self._next += frames
        self.push(samples[skip:])
        self._pushed = pushed

    def _begin(self) -> None:
        self._state = self.network.start()
        self._next = self.network.first_frame
        self._pushed = 0
        # From the first sample that the next step takes: before the recording it is silent.
        self._waiting = np.zeros(-self.network.heard_at(self._next - 1), np.float32)
        self._pieces: list[Animation] = []
        config = self.network.model.config
        self._logits = np.zeros(len(config.emotions), np.float32)
        self._shown = ShownEmotion(config.emotions, self._wanted)
        # Of the frames that post-processing holds back: how much was kept of what was heard.
        self._kept = np.ones(self.network.late(self._wanted.controls) - self.network.future_frames, np.float32)
        self._last_kept = 1.0
        self._direct(self._wanted)

    def _direct(self, wanted: Direction, settles: int | None = None) -> None:
        """Be asked for that from now on; from frame `settles` on it is what was asked for last, and nothing else."""
        self._now, self._settles = wanted, settles
        self._shown.wanted = wanted
        self._steady = self.network.asked(wanted) if wanted.steady else None

    def _change(self, controls: Controls) -> None:
        later = Direction.of(controls, self._wanted.take)
        check(self.network.model, later)
        start = max(self._next, 0)
        both = self._now.changed(controls, start)
        if later.controls.shows_intensity and not self._now.controls.shows_intensity:
            # The face without emotion has no past of its own yet.
            self._state = self._state.put("neutral", self._state["decoder"])
        self._wanted = later
        # When the next blink comes depends on how many were due before.
        rate = both.controls.blinks_per_minute
        same = rate == later.controls.blinks_per_minute
        self._settled = later if same else Direction(replace(later.controls, blinks_per_minute=rate), later.take)
        self._direct(both, start + SETTLED_FRAMES)

    def _asked(self, frames: int) -> Asked:
        """What is asked for in the next step."""
        if self._settles is not None and self._next >= self._settles:
            self._direct(self._settled)
        if self._steady is not None:
            return self._steady
        return self.network.asked(self._now, self._next - self.network.future_frames, frames)

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
            last = own - 1 + network.late(self._now.controls)
            self._waiting = np.pad(self._waiting, (0, self._until(last) - len(self._waiting)))
            _run([self], ends=self._pushed)
            frames = tail(post_state(self._state), own, self._now.treatment)
            closing = np.full(len(frames), own - 1)
            kept = np.full(len(frames), self._last_kept) if self._now.controls.doubts else None
            labels = shown_labels(config, self._now, self._logits, closing, kept)
            heard = HeardEmotion(config.emotions)
            heard.add(self._logits, own)
            self._pieces.append(piece_of(config, frames, labels, {"heard": heard.shares(), **self._shown.told()}))
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
        new = np.ones(count, np.float32) if out.kept is None else out.kept[row]
        kept, self._kept = np.split(np.concatenate([self._kept, new]), [count])
        real = slice(max(0, -first), max(0, min(count, frames_of(ends) - first)))
        if real.start < real.stop:
            config = self.network.model.config
            numbers = np.arange(first, first + count)[real]
            doubted = kept[real] if self._now.controls.doubts else None
            labels = shown_labels(config, self._now, out.logits[row, real], numbers, doubted)
            self._shown.add(labels, doubted)
            self._last_kept = kept[real][-1]
            frames = out.frames[row, real, : columns_of(config, self._now.controls)]
            self._pieces.append(piece_of(config, frames, labels))

    def _out(self) -> Animation:
        pieces, self._pieces = self._pieces, []
        return joined(self.network.model.config, pieces, self._now.controls)


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
            asked = Asked.stack([stream._asked(frames) for stream in members])
            out, after = network.step(chunks, before, asked, frames, lengths)
            for row, (stream, state) in enumerate(zip(members, after.split(), strict=True)):
                stream._stepped(state, out, row, ends)
