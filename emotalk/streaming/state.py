"""All that a stream remembers: tensors of fixed size, one row per stream, so that any streams can form a batch.

Small tensors by the dozen cost more to copy than to compute with: a row is one piece of memory per kind of number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor


class Place(NamedTuple):
    """Where a tensor's rows lie: in which buffer, from which column on, of which shape."""

    buffer: str
    start: int
    shape: tuple[int, ...]


@dataclass(frozen=True)
class StreamState:
    """buffers: (B, n) each, one per device and type of number. places: of the tensors in them, by name.

    What the tensors hold is told where they are made. None is ever changed in place.
    """

    buffers: Mapping[str, Tensor]
    places: Mapping[str, Place]

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> "StreamState":
        """Tensors (B, …) by name."""
        parts: dict[str, list[Tensor]] = {}
        filled: dict[str, int] = {}
        places = {}
        for name, tensor in sorted(tensors.items()):  # whoever made them, in one order: states must fit together
            buffer = f"{tensor.device} {tensor.dtype}"
            start = filled.get(buffer, 0)
            places[name] = Place(buffer, start, tuple(tensor.shape[1:]))
            filled[buffer] = start + prod(tensor.shape[1:])
            parts.setdefault(buffer, []).append(tensor.reshape(len(tensor), -1))
        return cls({buffer: torch.cat(rows, 1) for buffer, rows in parts.items()}, places)

    def then(self, tensors: Mapping[str, Tensor]) -> "StreamState":
        """New values for all of its tensors, of the same shapes."""
        parts: dict[str, list[Tensor]] = {buffer: [] for buffer in self.buffers}
        for name, place in self.places.items():
            parts[place.buffer].append(tensors[name].flatten(1) if place.shape else tensors[name][:, None])
        return StreamState({buffer: torch.cat(rows, 1) for buffer, rows in parts.items()}, self.places)

    def __getitem__(self, name: str) -> Tensor:
        """(B, …)."""
        return self._tensors[name]

    def part(self, prefix: str) -> dict[str, Tensor]:
        """The tensors `prefix.name` by name."""
        skip = len(prefix) + 1
        return {name[skip:]: tensor for name, tensor in self._tensors.items() if name.startswith(f"{prefix}.")}

    @cached_property
    def _tensors(self) -> dict[str, Tensor]:
        # One cut per buffer: views by the dozen take longer to make one by one.
        widths: dict[str, list[int]] = {buffer: [] for buffer in self.buffers}
        for place in self.places.values():
            widths[place.buffer].append(prod(place.shape))
        cuts = {buffer: iter(self.buffers[buffer].split(widths[buffer], 1)) for buffer in self.buffers}
        held = {name: next(cuts[place.buffer]) for name, place in self.places.items()}
        return {
            name: held[name].unflatten(1, place.shape) if place.shape else held[name][:, 0]
            for name, place in self.places.items()
        }

    def put(self, name: str, tensor: Tensor) -> "StreamState":
        """The same with another tensor for a name."""
        return StreamState.of({**{key: self[key] for key in self.places}, name: tensor})

    @property
    def batch(self) -> int:
        return len(next(iter(self.buffers.values())))

    @property
    def nbytes(self) -> int:
        return sum(buffer.nbytes for buffer in self.buffers.values())

    @classmethod
    def stack(cls, states: Sequence["StreamState"]) -> "StreamState":
        """Streams of one model side by side."""
        if len(states) == 1:
            return states[0]
        buffers = {name: torch.cat([one.buffers[name] for one in states]) for name in states[0].buffers}
        return cls(buffers, states[0].places)

    def split(self) -> list["StreamState"]:
        """Every stream by itself, in memory of its own: a stream that rests keeps nothing of its neighbours alive."""
        if self.batch == 1:
            return [self]
        return [
            StreamState({name: buffer[row : row + 1].clone() for name, buffer in self.buffers.items()}, self.places)
            for row in range(self.batch)
        ]


def drop_front(values: Tensor, counts: Tensor | int, kept: int) -> Tensor:
    """(B, n, …) without the first `counts` (B,) of each row, or so many of all -> (B, kept, …)."""
    if isinstance(counts, int):
        return values[:, counts : counts + kept]
    index = counts[:, None] + torch.arange(kept)
    rows = torch.arange(len(values))[:, None]
    return values[rows.to(values.device), index.to(values.device)]
