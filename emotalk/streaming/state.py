"""All that a stream remembers: tensors of fixed size, one row per stream, so that any streams can form a batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class StreamState:
    """tensors: by name, each (B, …); what they hold is told where they are made. None is ever changed in place."""

    tensors: Mapping[str, Tensor]

    def __getitem__(self, name: str) -> Tensor:
        return self.tensors[name]

    @property
    def batch(self) -> int:
        return len(next(iter(self.tensors.values())))

    @property
    def nbytes(self) -> int:
        return sum(tensor.nbytes for tensor in self.tensors.values())

    @classmethod
    def stack(cls, states: Sequence["StreamState"]) -> "StreamState":
        """Streams of one model side by side."""
        if len(states) == 1:
            return states[0]
        return cls({name: torch.cat([state[name] for state in states]) for name in states[0].tensors})

    def split(self) -> list["StreamState"]:
        """Every stream by itself, in memory of its own: a stream that rests keeps nothing of its neighbours alive."""
        if self.batch == 1:
            return [self]
        return [
            StreamState({name: tensor[row : row + 1].clone() for name, tensor in self.tensors.items()})
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
