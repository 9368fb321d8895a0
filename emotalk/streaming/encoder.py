"""A `MelEncoder` that hears a few frames at a time and gives what it would for the whole recording.

Its state: the energy of the last three seconds, for the level; the last columns, for patches; what convolutions have
heard.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from emotalk.model.mel import HISTORY_COLUMNS, HOP_SAMPLES, ConvBlock, MelEncoder, column_of
from emotalk.streaming.state import drop_front


@dataclass(frozen=True)
class Step:
    """The next T frames of every stream. Numbers below 0 are before a recording.

    first: (B,) number of the first of them. frames: T. advance: (B,) columns from the frame before to the last of
    them. stop: (B,) frames of each recording. On the CPU.
    """

    first: Tensor
    frames: int
    advance: Tensor
    stop: Tensor

    def inside(self, late: int) -> bool:
        """Whether the T frames that come `late` frames behind lie in the recording, of every stream."""
        return self.earliest >= late and self._latest <= late

    def mask(self, late: int, device: torch.device) -> Tensor:
        """(B, T, 1) float32: 1 where the T frames that come `late` frames behind lie in the recording."""
        number = self.first[:, None] - late + torch.arange(self.frames)
        return ((number >= 0) & (number < self.stop[:, None]))[..., None].to(device, torch.float32)

    def mask_unless_inside(self, late: int, device: torch.device) -> Tensor | None:
        """`mask`, or None where it would be 1 throughout: nearly always, and multiplying by 1 takes time, too."""
        return None if self.inside(late) else self.mask(late, device)

    @cached_property
    def places(self) -> list[list[int]]:
        """Per stream, the column of each frame, counted from the one behind the column of the frame before."""
        apart: dict[int, list[int]] = {}  # three frames are ten columns: more differences there are not
        for phase in {first % 3 for first in self._firsts}:
            before = column_of(phase - 1) + 1
            apart[phase] = [column_of(phase + frame) - before for frame in range(self.frames)]
        return [apart[first % 3] for first in self._firsts]

    @cached_property
    def columns(self) -> int | Tensor:
        """`advance`, as one number where all streams have the same: nearly always, and simpler to cut by."""
        advances = self.advance.tolist()
        return advances[0] if min(advances) == max(advances) else self.advance

    @cached_property
    def most_columns(self) -> int:
        """The largest `advance`."""
        return self.columns if isinstance(self.columns, int) else int(self.columns.max())

    @cached_property
    def earliest(self) -> int:
        """The smallest `first`."""
        return min(self._firsts)

    @cached_property
    def _firsts(self) -> list[int]:
        return self.first.tolist()

    @cached_property
    def _latest(self) -> int:
        return int((self.first - self.stop).max()) + self.frames


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
        """energy: (B, HISTORY_COLUMNS), mean power over bands. columns: (B, patch - 1, bands), normalised. Per block
        heard: (B, past + future, C) normed frames and waiting: (B, future, C) frames whose future is still to come."""
        config, device = self._encoder.config, self._encoder.window.device
        zeros: dict[str, tuple[int, ...]] = {
            "energy": (HISTORY_COLUMNS,),
            "columns": (config.patch_past + config.patch_future, config.bands),
        }
        for i, block in enumerate(self._blocks):
            zeros[f"block{i}.heard"] = (block.past + block.future, config.channels)
            if block.future:
                zeros[f"block{i}.waiting"] = (block.future, config.channels)
        return {name: torch.zeros(batch, *shape, device=device) for name, shape in zeros.items()}

    def step(self, samples: Tensor, state: dict[str, Tensor], step: Step) -> tuple[Tensor, dict[str, Tensor]]:
        """(B, n + A hops) samples, n of them old, A the largest advance -> features (B, T, C), the next state."""
        encoder, config = self._encoder, self._encoder.config
        new: dict[str, Tensor] = {}
        columns, new["energy"] = self._columns(samples, state["energy"], step)
        columns = torch.cat([state["columns"], columns], 1)
        new["columns"] = drop_front(columns, step.columns, config.patch_past + config.patch_future)
        late, mask = 0, step.mask_unless_inside(0, columns.device)
        hidden = _masked(encoder.patch(_patches_of(encoder.patches(columns), step)), mask)
        for i, block in enumerate(self._blocks):
            heard = torch.cat([state[f"block{i}.heard"], _masked(block.norm(hidden), mask)], 1)
            new[f"block{i}.heard"] = heard[:, step.frames :]
            if block.future:
                waiting = torch.cat([state[f"block{i}.waiting"], hidden], 1)
                hidden, new[f"block{i}.waiting"] = waiting[:, : step.frames], waiting[:, step.frames :]
                late += block.future
                mask = step.mask_unless_inside(late, columns.device)
            hidden = block.mix(heard, hidden, mask)
        return _masked(encoder.norm(hidden), mask), new

    def _columns(self, samples: Tensor, history: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """-> (B, A, bands) normalised columns, of which a row's last may be one too many, and the next history."""
        encoder, count = self._encoder, step.most_columns
        stop = samples.shape[1] - self._lag
        powers = encoder.powers(samples[:, stop - count * HOP_SAMPLES - self._kept : stop])
        inside = None
        if column_of(step.earliest - 1) + encoder.config.patch_future + 1 < 0:
            first = column_of(step.first - 1) + encoder.config.patch_future + 1
            inside = (first[:, None] + torch.arange(count) >= 0).to(powers.device)
        energy = torch.cat([history, _masked(powers.mean(-1), inside)], 1)
        columns = _masked(encoder.normalise(powers, energy), None if inside is None else inside[..., None])
        return columns, drop_front(energy, step.columns, HISTORY_COLUMNS)

    @property
    def _kept(self) -> int:
        return self._encoder.config.window_samples - HOP_SAMPLES


def _patches_of(patches: Tensor, step: Step) -> Tensor:
    """(B, n, patch) by first column -> (B, T, patch), those of the step's frames."""
    places, device = step.places, patches.device
    if all(place is places[0] or place == places[0] for place in places):
        return patches.index_select(1, torch.tensor(places[0], device=device))
    return patches[torch.arange(len(patches), device=device)[:, None], torch.tensor(places, device=device)]


def _masked(values: Tensor, mask: Tensor | None) -> Tensor:
    return values if mask is None else values * mask
