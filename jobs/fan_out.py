"""Independent pieces of work over the cluster: a task for each, or a call of a pool of actors.

Pieces and results travel as pickles of this package's own small objects. Each piece is a block of its own, so that a
long one holds nobody else up; what is large is written where the work is done.
"""

import pickle
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from emotalk.errors import EmoTalkError

if TYPE_CHECKING:
    from ray.data import ActorPoolStrategy, Dataset

# What users are meant to read. It travels as a row: raised in a task, it would reach them under two screens of Ray's
# own traces.
TOLD = (EmoTalkError, OSError)


def on_tasks(do: Callable[[Any], Any], pieces: Sequence[Any], *, workers: int | None) -> Iterator[tuple[int, Any]]:
    """`do(piece)` in tasks of one CPU, at most `workers` at once -> number and result of each, as they come.

    Raises the first `TOLD` that `do` raised.
    """
    from ray.data import TaskPoolStrategy

    def run(batch: pa.Table) -> pa.Table:
        return _answer(batch, do)

    if pieces:
        most = TaskPoolStrategy(size=workers and min(workers, len(pieces)))
        # In: one piece. Out: one row, its result or what it raised; fan-out 1 : 1.
        yield from _results(
            _rows(pieces).map_batches(run, batch_size=1, batch_format="pyarrow", num_cpus=1, compute=most)
        )


def on_actors(
    make: Callable[[], Callable[[Any], Any]],
    pieces: Sequence[Any],
    *,
    pool: "ActorPoolStrategy",
    cpus: float = 1,
    gpus: float = 0,
) -> Iterator[tuple[int, Any]]:
    """`make()(piece)` in a pool of actors -> number and result of each piece, as they come.

    Every actor makes its worker when it is given its first piece. Raises the first `TOLD` that either raised.
    """
    if pieces:
        # In: one piece. Out: one row, its result or what it raised; fan-out 1 : 1.
        yield from _results(
            _rows(pieces).map_batches(
                _Actor,
                fn_constructor_args=(make,),
                batch_size=1,
                batch_format="pyarrow",
                num_cpus=cpus,
                num_gpus=gpus or None,
                compute=pool,
            )
        )


def in_order(numbered: Iterable[tuple[int, Any]]) -> Iterator[Any]:
    """Results in the order of their numbers, each as soon as all before it are there."""
    waiting: dict[int, Any] = {}
    following = 0
    for number, result in numbered:
        waiting[number] = result
        while following in waiting:
            yield waiting.pop(following)
            following += 1


class _Actor:
    def __init__(self, make: Callable[[], Callable[[Any], Any]]) -> None:
        self._make = make
        self._do: Callable[[Any], Any] | None = None

    def __call__(self, batch: pa.Table) -> pa.Table:
        return _answer(batch, self._run)

    def _run(self, piece: Any) -> Any:
        # Here and not in the constructor, whose errors reach the user as a dead actor.
        if self._do is None:
            self._do = self._make()
        return self._do(piece)


def _rows(pieces: Sequence[Any]) -> "Dataset":
    import ray

    return ray.data.from_arrow(
        [pa.table({"number": [number], "piece": [pickle.dumps(piece)]}) for number, piece in enumerate(pieces)]
    )


def _answer(batch: pa.Table, do: Callable[[Any], Any]) -> pa.Table:
    (piece,) = batch.column("piece").to_pylist()
    try:
        result = do(pickle.loads(piece))
    except TOLD as error:
        error.add_note("".join(traceback.format_exception(error)))
        result = error
    return pa.table({"number": batch.column("number"), "result": [pickle.dumps(result)]})


def _results(answers: "Dataset") -> Iterator[tuple[int, Any]]:
    for row in answers.iter_rows():
        result = pickle.loads(row["result"])
        if isinstance(result, TOLD):
            raise result
        yield row["number"], result
