"""Curves of a run for TensorBoard: OUTPUT/tensorboard, on a disk or in a bucket."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from emotalk.files import atomic_write, is_uri, local_path
from emotalk.training.watchers import EpochRecord, StepRecord

FOLDER = "tensorboard"


class TensorBoard:
    """A `Watcher`. In a bucket the curves are renewed once per epoch: objects cannot grow."""

    def __init__(self, output: str) -> None:
        self._uri = f"{output}/{FOLDER}" if is_uri(output) else None
        self._folder = Path(tempfile.mkdtemp()) if self._uri else local_path(output) / FOLDER
        self._writer: Any = None

    def step(self, record: StepRecord) -> None:
        board = self._board(record.number)
        for name, value in record.losses.items():
            board.add_scalar(f"step/{name}", value, record.number)
        total_s = record.waited_s + record.computed_s
        board.add_scalar("step/learning rate", record.learning_rate, record.number)
        board.add_scalar("speed/audio hours per hour", record.audio_s / total_s, record.number)
        board.add_scalar("speed/seconds per step", total_s, record.number)
        board.add_scalar("speed/share of waiting for data", record.waited_s / total_s, record.number)
        board.add_scalar("speed/padding", record.padding, record.number)
        if record.gpu_bytes:
            board.add_scalar("speed/GPU memory, GiB", record.gpu_bytes / 2**30, record.number)

    def epoch(self, record: EpochRecord) -> None:
        board = self._board(record.number)
        for name, value in record.metrics.items():
            split, _, loss = name.partition("_")
            board.add_scalar(f"{split}/{loss}", value, record.epoch)
        board.flush()
        self._send()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._send()
        if self._uri:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _board(self, number: int) -> Any:
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            # What an interrupted run wrote behind its last checkpoint is written again.
            self._writer = SummaryWriter(str(self._folder), purge_step=number)
        return self._writer

    def _send(self) -> None:
        if self._uri:
            for file in sorted(self._folder.iterdir()):
                with atomic_write(f"{self._uri}/{file.name}") as temporary:
                    shutil.copyfile(file, temporary)
