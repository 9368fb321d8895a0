"""What runs in every actor of a dubbing run: one network, and one portion of the shelf after the other.

On a CPU one strand is worked on at a time. With a GPU several are, each in a lane of its own: while some decode or
write, others keep the network busy.
"""

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from threading import Lock
from typing import Any

import torch

from emotalk.dubbing.journal import Journal
from emotalk.dubbing.lease import Lease
from emotalk.dubbing.plan import Dubbing
from emotalk.dubbing.predicting import Alone, Predictor, Shared
from emotalk.dubbing.report import FailureClass
from emotalk.dubbing.strands import Strand
from emotalk.dubbing.watchdog import Watchdog
from emotalk.dubbing.work import Decided, Dubber, failed_row
from emotalk.files import is_uri
from emotalk.inference.animator import Animator
from emotalk.model.store import load_model
from jobs.work_board import MAX_ATTEMPTS, Heard, Posts, asked

LANES = 6  # recordings at a time with a GPU
LEASE_EVERY_S = 5.0  # where asking is a request
STALLED_EXIT = 75  # of a process that ends itself because something in it stands still

Answer = tuple[int, tuple[Decided, ...]]  # the number of a strand, and what is decided with it


@dataclass(frozen=True, kw_only=True)
class DubWork:
    """What every worker of a run is told. stalled_s: without progress for so long, a recording is given up."""

    dubbing: Dubbing
    lease: Lease
    model: str
    threads: int
    device: str
    stalled_s: float


class DubWorker:
    """A portion -> the answers of all its strands.

    The model is loaded when the first recording needs it: a folder that was only copied needs none.
    """

    def __init__(self, work: DubWork, board: Any) -> None:
        torch.set_num_threads(work.threads)
        self._work, self._board, self._posts = work, board, Posts(board)
        self._lanes = LANES if work.device == "cuda" else 1
        self._loading = Lock()
        self._lease_seen = 0.0
        self._watchdog = Watchdog(work.stalled_s, self._end_stalled)
        self._journal = Journal(work.dubbing.folder.location, work.dubbing.generation)
        self._dubber = Dubber(work.dubbing, self._journal, self._loaded, self._watchdog.tick, self._check_lease)

    def __call__(self, portion: Sequence[Strand]) -> tuple[Answer, ...]:
        numbers = [strand.number for strand in portion]
        answers: dict[int, tuple[Decided, ...]] = asked(self._board.finished, numbers, otherwise={})
        left = self._dubber.forget_outdated([strand for strand in portion if strand.number not in answers])
        suspects: list[Strand] = []

        def dub(strand: Strand) -> None:
            # Ray starts a task again whose process died; without a limit, for ever.
            attempt = int(asked(self._board.attempt, strand.number, otherwise=1))
            if attempt == 0:
                answer = self._given_up(strand, f"no progress for {self._work.stalled_s:g} s", "timeout")
            elif attempt > MAX_ATTEMPTS:
                why = f"its worker died {MAX_ATTEMPTS} times (out of memory, or a fault of the decoder)"
                answer = self._given_up(strand, why, "worker died")
            elif attempt > 1 and self._lanes > 1:
                suspects.append(strand)  # was at work when a worker died: alone, so that no other dies with it
                return
            else:
                answer = self._dub(strand)
            self._answer(answers, strand, answer)

        if self._lanes == 1:
            for strand in left:
                dub(strand)
        else:
            with ThreadPoolExecutor(self._lanes) as lanes:
                list(lanes.map(dub, left))
            for strand in suspects:
                self._answer(answers, strand, self._dub(strand))
        self._journal.flush()
        self._posts.flush()
        self._board.close.remote(numbers)
        return tuple(answers.items())

    def _dub(self, strand: Strand) -> tuple[Decided, ...]:
        with self._watchdog.watch(strand.number):
            return tuple(self._dubber.dub(strand, partial(self._hear, strand)))

    @cached_property
    def _predictor(self) -> Predictor:
        model = load_model(self._work.model)
        recipe = self._work.dubbing.recipe
        animator = Animator(model, device=self._work.device, precision=recipe.precision, model_digest=recipe.model)
        return Alone(animator) if self._lanes == 1 else Shared(animator, self._lanes)

    def _loaded(self) -> Predictor:
        with self._loading:
            return self._predictor

    def _answer(self, answers: dict[int, tuple[Decided, ...]], strand: Strand, decided: tuple[Decided, ...]) -> None:
        answers[strand.number] = decided
        self._journal.done(lambda: self._board.finish.remote(strand.number, decided))

    def _hear(self, strand: Strand, seconds: float, declared_s: float | None) -> None:
        promised = strand.seconds if declared_s is None or not strand.is_whole else declared_s
        self._posts.hear(strand.number, Heard(seconds, max(seconds, promised), strand.bytes))

    def _given_up(self, strand: Strand, reason: str, failure: FailureClass) -> tuple[Decided, ...]:
        return tuple((take.name, failed_row(strand.recording, take, reason, failure)) for take in strand.takes)

    def _check_lease(self) -> None:
        near = not is_uri(self._work.lease.location)
        if near or time.monotonic() - self._lease_seen > LEASE_EVERY_S:
            self._work.lease.check()
            self._lease_seen = time.monotonic()

    def _end_stalled(self, number: int) -> None:
        asked(self._board.stalled, number, otherwise=None)
        os._exit(STALLED_EXIT)
