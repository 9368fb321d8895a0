"""What runs in every actor of a dubbing run: one Animator, and one recording after the other."""

from functools import cached_property
from typing import Any

import torch

from emotalk.dubbing.dub import Dubbing, Item
from emotalk.dubbing.report import FAILED, Row
from emotalk.inference.animator import Animator
from emotalk.model.store import load_model
from jobs.dub_board import MAX_ATTEMPTS, Heard, may_begin


class DubWorker:
    """Number and item of one recording -> its row of the report.

    The model is loaded when the first recording needs it: a folder that was only copied needs none.
    """

    def __init__(self, dubbing: Dubbing, model: str, threads: int, device: str, board: Any) -> None:
        torch.set_num_threads(threads)
        self._dubbing, self._model, self._device, self._board = dubbing, model, device, board

    @cached_property
    def _animator(self) -> Animator:
        return Animator(load_model(self._model), device=self._device, model_digest=self._dubbing.recipe.model)

    def __call__(self, numbered: tuple[int, Item]) -> Row:
        number, item = numbered
        if not may_begin(self._board, number):
            # Ray starts a task again whose process died; without a limit, for ever.
            reason = f"its worker died {MAX_ATTEMPTS} times (out of memory, or a fault of the decoder)"
            return Row(uri=item.recording.uri, state=FAILED, reason=reason, failure="worker died")

        def heard(seconds: float, declared_s: float | None) -> None:
            self._board.hear.remote(number, Heard(seconds, max(seconds, declared_s or 0.0), item.recording.bytes))

        return self._dubbing.dub_recording(item, lambda: self._animator, heard)
