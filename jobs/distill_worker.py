"""What runs in every actor of the labelling: one teacher, and one portion of the recordings after the other."""

from functools import cached_property
from typing import Any

import torch

from emotalk.distillation.labelling import Labelling, Portion
from emotalk.distillation.records import Labelled
from emotalk.distillation.teacher import Teacher
from jobs.work_board import MAX_ATTEMPTS, Heard, Posts, may_begin


class Labeller:
    """Number and portion -> what became of it. The teacher is loaded when the first clip needs it."""

    def __init__(self, labelling: Labelling, threads: int, device: str, board: Any) -> None:
        torch.set_num_threads(threads)
        self._labelling, self._device, self._board = labelling, device, board
        self._posts = Posts(board)

    @cached_property
    def _teacher(self) -> Teacher:
        return Teacher(self._labelling.teacher, device=self._device)

    def __call__(self, numbered: tuple[int, Portion]) -> Labelled:
        number, portion = numbered
        if not may_begin(self._board, number):
            # Ray starts a task again whose process died; without a limit, for ever.
            reason = f"its worker died {MAX_ATTEMPTS} times (out of memory, or a fault of the decoder)"
            return self._labelling.given_up(portion, reason)

        def heard(seconds: float, promised_s: float) -> None:
            self._posts.hear(number, Heard(seconds, promised_s, portion.bytes))

        labelled = self._labelling.label(portion, lambda: self._teacher, heard)
        self._posts.flush()
        return labelled
