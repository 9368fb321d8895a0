"""What people watch while a model trains: records of steps and epochs, and whoever wants to hear of them.

A watcher of your own is a class with the three methods of `Watcher`, made with the run's output:
`python -m jobs.train … --watcher mypackage.mymodule:MyWatcher`. It runs where the command runs, in a thread of its own;
an error of it is said once and never disturbs the training.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from emotalk.errors import InputError


@dataclass(frozen=True, kw_only=True)
class StepRecord:
    """One step of all workers together.

    epoch, step: counted from 1; steps: of the epoch; number: steps of the whole run so far. audio_s: sound heard.
    padding: share of the computed frames that are none. waited_s: for data; computed_s: everything else.
    gpu_bytes: the most that the first worker's GPU has held, 0 without one.
    """

    epoch: int
    step: int
    steps: int
    number: int
    losses: Mapping[str, float]
    learning_rate: float
    audio_s: float
    padding: float
    waited_s: float
    computed_s: float
    gpu_bytes: int


@dataclass(frozen=True, kw_only=True, eq=False)
class ValidationFace:
    """A validation clip, real and predicted: (frames, 52) each, with its (n,) samples at 16 kHz."""

    clip_id: str
    real: np.ndarray
    predicted: np.ndarray
    samples: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class EpochRecord:
    """A finished epoch, counted from 1, after `number` steps of the run.

    metrics: `train_…` and `validation_…` losses by name. faces: of some validation clips, in epochs that show them.
    """

    epoch: int
    epochs: int
    number: int
    metrics: Mapping[str, float]
    faces: tuple[ValidationFace, ...] = ()


class Watcher(Protocol):
    """Hears of every step and epoch in order; `close` ends it. A run that goes on repeats steps it had lost."""

    def step(self, record: StepRecord) -> None: ...

    def epoch(self, record: EpochRecord) -> None: ...

    def close(self) -> None: ...


def load_watcher(name: str) -> Callable[[str], Watcher]:
    """`package.module:Name` -> what makes a watcher of a run's output. InputError for what cannot be imported."""
    module, _, attribute = name.partition(":")
    try:
        made: Callable[[str], Watcher] = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"is no watcher, given as package.module:Class ({error})", source=name) from error
    return made
