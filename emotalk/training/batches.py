"""From units of the plan to tensors: each recording is listened to once, each target is decoded once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from emotalk.timewarp import even_positions
from emotalk.timing import frames_of
from emotalk.training.squares import Unit
from emotalk.training.units import UNKNOWN, Example, heard_in, parts_of


@dataclass(frozen=True)
class Batch:
    """R recordings and D reconstructions made of them.

    samples (R, N), lengths (R,): the sound. content, emotion (D,): rows of `samples`. targets (D, T, 52), frames (D,).
    positions (D, T) float64: where a target's frames lie among those of the recording that gives the words.
    sounds (D, T): what is said in each frame, numbers in `SOUNDS`, UNKNOWN where nobody knows.
    cross (D,) bool. level (D, 2), style (D, styles): mixes. labels (D,): emotion of the recording that gives it, or
    UNKNOWN. heard (D, labels): what a teacher heard in a recording without a label, shares of the emotions; zeros where
    there was none, no columns where there is none at all. head (D, T, 6): the targets' heads about their mean poses,
    where known (D,) bool `posed`; else zeros. clip_ids: of the D targets.
    """

    samples: Tensor
    lengths: Tensor
    content: Tensor
    emotion: Tensor
    targets: Tensor
    frames: Tensor
    positions: Tensor
    sounds: Tensor
    cross: Tensor
    level: Tensor
    style: Tensor
    labels: Tensor
    head: Tensor
    posed: Tensor
    heard: Tensor
    clip_ids: tuple[str, ...]

    def to(self, device: torch.device) -> "Batch":
        tensors = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "clip_ids"}
        return replace(self, **{name: tensor.to(device, non_blocking=True) for name, tensor in tensors.items()})


def collate(units: Sequence[Unit], examples: Mapping[int, Example], styles: int) -> Batch:
    """Units and their decoded clips (by position) -> one padded batch."""
    heard = sorted({clip for unit in units for clip in heard_in(unit)})
    row = {clip: i for i, clip in enumerate(heard)}
    parts = [part for unit in units for part in parts_of(unit)]
    sounds = [torch.from_numpy(examples[clip].samples) for clip in heard]
    targets = [torch.from_numpy(examples[part.target].weights) for part in parts]
    asked = [examples[part.target] for part in parts]
    moments = [_heard_at(examples[part.target], examples[part.content]) for part in parts]
    heads = [torch.zeros(len(e.weights), 6) if e.head is None else torch.from_numpy(e.head) for e in asked]
    return Batch(
        samples=torch.nn.utils.rnn.pad_sequence(sounds, batch_first=True),
        lengths=torch.tensor([len(sound) for sound in sounds]),
        content=torch.tensor([row[part.content] for part in parts]),
        emotion=torch.tensor([row[part.emotion] for part in parts]),
        targets=torch.nn.utils.rnn.pad_sequence(targets, batch_first=True),
        frames=torch.tensor([len(target) for target in targets]),
        positions=torch.nn.utils.rnn.pad_sequence(moments, batch_first=True),
        sounds=torch.nn.utils.rnn.pad_sequence([_sounds(e) for e in asked], batch_first=True, padding_value=UNKNOWN),
        cross=torch.tensor([part.cross for part in parts]),
        level=torch.stack([_mix(example.level, 2) for example in asked]),
        style=torch.stack([_mix(example.style, styles) for example in asked]),
        labels=torch.tensor([examples[part.emotion].emotion for part in parts]),
        head=torch.nn.utils.rnn.pad_sequence(heads, batch_first=True),
        posed=torch.tensor([example.head is not None for example in asked]),
        heard=torch.nn.utils.rnn.pad_sequence(
            [torch.from_numpy(examples[part.emotion].heard) for part in parts], batch_first=True
        ),
        clip_ids=tuple(example.clip_id for example in asked),
    )


def _heard_at(target: Example, content: Example) -> Tensor:
    frames, heard = len(target.weights), frames_of(len(content.samples))
    even = target.heard_at is None
    return torch.from_numpy(even_positions(frames, heard) if even else target.heard_at)


def _sounds(example: Example) -> Tensor:
    known = example.sounds is not None
    return torch.from_numpy(example.sounds) if known else torch.full((len(example.weights),), UNKNOWN)


def _mix(index: int, size: int) -> Tensor:
    """One-hot weights, or equal ones where the index is UNKNOWN."""
    if index == UNKNOWN:
        return torch.full((size,), 1 / size)
    return torch.nn.functional.one_hot(torch.tensor(index), size).float()
