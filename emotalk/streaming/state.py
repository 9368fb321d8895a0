"""All that a stream remembers: tensors of fixed size, one row per stream, so that any streams can form a batch.

Small tensors by the dozen cost more to copy than to compute with: a row is one piece of memory per kind of number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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

    def __getitem__(self, name: str) -> Tensor:
        """(B, …)."""
        buffer, start, shape = self.places[name]
        held = self.buffers[buffer][:, start : start + prod(shape)]
        return held.unflatten(1, shape) if shape else held[:, 0]

    def part(self, prefix: str) -> dict[str, Tensor]:
        """The tensors `prefix.name` by name."""
        names = [name for name in self.places if name.startswith(f"{prefix}.")]
        return {name.removeprefix(f"{prefix}."): self[name] for name in names}

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


def drop_front(values: Tensor, counts: Tensor, kept: int) -> Tensor:
    """(B, n, …) without the first `counts` (B,) of each row -> (B, kept, …)."""
    first = int(counts[0])
    if bool((counts == first).all()):
        return values[:, first : first + kept]
    index = counts[:, None] + torch.arange(kept)
    rows = torch.arange(len(values))[:, None]
    return values[rows.to(values.device), index.to(values.device)]
