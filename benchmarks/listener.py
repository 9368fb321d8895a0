"""A `Watcher` that keeps what it hears, for benchmarks that train."""

from emotalk.training.watchers import EpochRecord, StepRecord


class Listener:
    """Every step and epoch of one training, in order."""

    def __init__(self) -> None:
        self.steps: list[StepRecord] = []
        self.epochs: list[EpochRecord] = []

    def step(self, record: StepRecord) -> None:
        self.steps.append(record)

    def epoch(self, record: EpochRecord) -> None:
        self.epochs.append(record)

    def close(self) -> None:
        """Nothing is open."""
