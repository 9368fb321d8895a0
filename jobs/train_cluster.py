"""A training run and its cluster: what it needs, and how it ends."""

import os
from typing import Any

import ray
from ray.train import Checkpoint, ControllerError, UserCallback
from ray.train.torch import TorchTrainer

from emotalk.errors import EmoTalkError, InputError


class GiveUp(UserCallback):
    """Ends a run at once where a worker raised an error on purpose: another attempt would meet the same.

    Ray counts every error of a worker as a lost worker and tries again; an error of a callback is final.
    """

    def after_exception(self, run_context: Any, worker_exceptions: dict[int, Exception]) -> None:
        for error in worker_exceptions.values():
            if isinstance(error, EmoTalkError):
                raise error


def fit(trainer: TorchTrainer, objective: str) -> tuple[Checkpoint, dict[str, Any]]:
    """-> the checkpoint with the lowest `objective`, and its metrics. Raises what a worker raised on purpose."""
    try:
        result = trainer.fit()
    except ControllerError as error:
        if isinstance(error.controller_failure, EmoTalkError):
            raise error.controller_failure from error
        raise
    checkpoint, metrics = min(result.best_checkpoints, key=lambda pair: pair[1][objective])
    return checkpoint, metrics


def threads_of_worker(workers: int, most: int) -> int:
    """-> CPU threads of each of at most `most` workers. InputError where `workers` leave no CPU for reading data."""
    resources = ray.cluster_resources()
    if has_gpus():
        if resources["GPU"] < workers:
            raise InputError(f"{workers} workers need a GPU each, the cluster has {resources['GPU']:.0f}")
    elif resources.get("CPU", 0) <= workers:
        raise InputError(
            f"{workers} workers would hold all {resources.get('CPU', 0):.0f} CPUs of the cluster and none would be "
            "left to read data: use fewer workers or a larger cluster"
        )
    # The most, so that a run that grows does not overload its machines.
    return max(1, (os.cpu_count() or 1) // most)


def has_gpus() -> bool:
    return ray.cluster_resources().get("GPU", 0) >= 1
