"""A `MelEncoder` that hears a few frames at a time and gives what it would for the whole recording.

Its state: powers of the last three seconds, for the level; the last columns, for patches; what convolutions have heard.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from emotalk.model.mel import HISTORY_COLUMNS, HOP_SAMPLES, ConvBlock, MelEncoder, column_of
from emotalk.streaming.state import drop_front


class Step(NamedTuple):
    """The next T frames of every stream. Numbers below 0 are before a recording.

    first: (B,) number of the first of them. frames: T. advance: (B,) columns from the frame before to the last of
    them. stop: (B,) frames of each recording. On the CPU.
    """

    first: Tensor
    frames: int
    advance: Tensor
    stop: Tensor

    def mask(self, late: int, device: torch.device) -> Tensor:
        """(B, T, 1) float32: 1 where the T frames that come `late` frames behind lie in the recording."""
        number = self.first[:, None] - late + torch.arange(self.frames)
        return ((number >= 0) & (number < self.stop[:, None]))[..., None].to(device, torch.float32)


class StreamingEncoder:
    """Steps of one encoder. Frame k of its features comes `future_frames` frames after frame k of its sound.

    ahead: columns after a frame's own that have been heard when the frame is computed; the encoder may need fewer.
    """

    def __init__(self, encoder: MelEncoder, ahead: int) -> None:
        self._encoder = encoder
        self._lag = (ahead - encoder.config.patch_future) * HOP_SAMPLES
        self._blocks = [block for block in encoder.blocks if isinstance(block, ConvBlock)]
        self.future_frames = sum(block.future for block in self._blocks)

    @property
    def past_samples(self) -> int:
        """Samples before the next ones that a step still needs."""
        return self._kept + self._lag

    def start(self, batch: int) -> dict[str, Tensor]:
        """powers: (B, HISTORY_COLUMNS, bands). columns: (B, patch - 1, bands), normalised. Per block heard:
        (B, past + future, C) normed frames and waiting: (B, future, C) frames whose future is still to come."""
        config, device = self._encoder.config, self._encoder.window.device
        zeros = {
            "powers": (HISTORY_COLUMNS, config.bands),
            "columns": (config.patch_past + config.patch_future, config.bands),
        }
        for i, block in enumerate(self._blocks):
            zeros[f"block{i}.heard"] = (block.past + block.future, config.channels)
            zeros[f"block{i}.waiting"] = (block.future, config.channels)
        return {name: torch.zeros(batch, *shape, device=device) for name, shape in zeros.items()}

    def step(self, samples: Tensor, state: dict[str, Tensor], step: Step) -> tuple[Tensor, dict[str, Tensor]]:
        """(B, n + A hops) samples, n of them old, A the largest advance -> features (B, T, C), the next state."""
        encoder, config = self._encoder, self._encoder.config
        new: dict[str, Tensor] = {}
        columns, new["powers"] = self._columns(samples, state["powers"], step)
        columns = torch.cat([state["columns"], columns], 1)
        new["columns"] = drop_front(columns, step.advance, config.patch_past + config.patch_future)
        number = step.first[:, None] + torch.arange(step.frames)
        place = (column_of(number) - column_of(step.first - 1)[:, None] - 1).to(columns.device)
        rows = torch.arange(len(columns), device=columns.device)[:, None, None]
        patches = columns[rows, place[..., None] + encoder.patch_offsets()].flatten(2)
        late, mask = 0, step.mask(0, columns.device)
        hidden = encoder.patch(patches) * mask
        for i, block in enumerate(self._blocks):
            heard = torch.cat([state[f"block{i}.heard"], block.norm(hidden) * mask], 1)
            waiting = torch.cat([state[f"block{i}.waiting"], hidden], 1)
            if block.future:
                late += block.future
                mask = step.mask(late, columns.device)
            hidden = block.mix(heard, waiting[:, : step.frames], mask)
            new[f"block{i}.heard"], new[f"block{i}.waiting"] = heard[:, step.frames :], waiting[:, step.frames :]
        return encoder.norm(hidden) * mask, new

    def _columns(self, samples: Tensor, history: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """-> (B, A, bands) normalised columns, of which a row's last may be one too many, and the next history."""
        count = int(step.advance.max())
        stop = samples.shape[1] - self._lag
        powers = self._encoder.powers(samples[:, stop - count * HOP_SAMPLES - self._kept : stop])
        first = column_of(step.first - 1) + self._encoder.config.patch_future + 1
        inside = first[:, None] + torch.arange(count) >= 0
        powers = torch.cat([history, powers * inside[..., None].to(powers.device)], 1)
        before = (HISTORY_COLUMNS - first).clamp(min=0).to(powers.device)
        return self._encoder.normalise(powers, before, count), drop_front(powers, step.advance, HISTORY_COLUMNS)

    @property
    def _kept(self) -> int:
        return self._encoder.config.window_samples - HOP_SAMPLES
