"""How a run is shown where its command runs: a line on the terminal, and everybody else who watches."""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console

from emotalk.timing import clock
from emotalk.training.watchers import EpochRecord, StepRecord, Watcher
from jobs.train_board import Posted
from jobs.watch import watched


@contextmanager
def shown(board: Any, epochs: int, console: Console, watchers: Sequence[Callable[[], Watcher]] = ()) -> Iterator[None]:
    """Show a run while the block lasts: a line that renews itself on a terminal, and a line per finished epoch.

    Watchers hear of everything in a thread of their own, and all of it before the block ends.
    """
    records: queue.SimpleQueue[StepRecord | EpochRecord | None] = queue.SimpleQueue()
    telling = threading.Thread(target=_tell, args=(records, watchers, console), daemon=True)
    telling.start()
    with console.status("training: starting workers") as status:
        line = _Line(epochs)

        def show(posted: Posted) -> None:
            for record in posted.records:
                records.put(record)
                if isinstance(record, EpochRecord):
                    console.print(_epoch_line(record), highlight=False, soft_wrap=True)
                else:
                    line.step(record)
            if line.last is not None:
                status.update(str(line))

        try:
            with watched(board, show):
                yield
        finally:
            records.put(None)
            telling.join()


def _tell(records: Any, makers: Sequence[Callable[[], Watcher]], console: Console) -> None:
    """Everything that comes until None goes to every watcher; one that fails hears no more."""
    watchers: list[Watcher] = []

    def safely(do: Callable[[], object]) -> bool:
        try:
            do()
        except Exception as error:
            console.print(f"a watcher failed and is left out: {error}", highlight=False, soft_wrap=True, markup=False)
            return False
        return True

    for make in makers:
        safely(lambda make=make: watchers.append(make()))  # type: ignore[misc]
    while (record := records.get()) is not None:
        for watcher in list(watchers):
            hear = watcher.epoch if isinstance(record, EpochRecord) else watcher.step
            if not safely(lambda hear=hear: hear(record)):  # type: ignore[misc]
                watchers.remove(watcher)
    for watcher in watchers:
        safely(watcher.close)


class _Line:
    """The line on the terminal. The time left follows from the steps seen since this command was started."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._first: tuple[float, float] | None = None  # when, and where in the run
        self._audio_s = 0.0
        self.last: StepRecord | None = None

    def step(self, record: StepRecord) -> None:
        if self._first is None:
            self._first = time.monotonic() - record.computed_s - record.waited_s, _place(record, record.step - 1)
        self._audio_s += record.audio_s
        self.last = record

    def __str__(self) -> str:
        assert self.last is not None
        assert self._first is not None
        record, (began, where) = self.last, self._first
        elapsed_s = max(time.monotonic() - began, 1e-6)
        place = _place(record, record.step)
        left_s = elapsed_s / max(place - where, 1e-9) * (self._epochs - place)
        losses = "  ".join(f"{name} {value:.4f}" for name, value in record.losses.items())
        memory = f", {record.gpu_bytes / 2**30:.1f} GiB" if record.gpu_bytes else ""
        return (
            f"training: epoch {record.epoch}/{self._epochs}  step {record.step}/{record.steps}  {losses}  "
            f"{self._audio_s / elapsed_s:.0f} × real time{memory}, {clock(left_s)} left"
        )


def _place(record: StepRecord, step: int) -> float:
    """Epochs done."""
    return record.epoch - 1 + step / record.steps


def _epoch_line(record: EpochRecord) -> str:
    def part(split: str) -> str:
        prefix = f"{split}_"
        values = {name.removeprefix(prefix): v for name, v in record.metrics.items() if name.startswith(prefix)}
        return f"{split}: " + "  ".join(f"{name} {value:.4f}" for name, value in values.items())

    return f"epoch {record.epoch}/{record.epochs}  {part('train')}  |  {part('validation')}"
