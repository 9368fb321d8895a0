"""A training run and its cluster: what it needs, and how it ends."""

import os
from typing import Any

import ray
from ray.exceptions import RayActorError
from ray.train import Checkpoint, ControllerError, UserCallback, WorkerGroupError
from ray.train.torch import TorchTrainer

from emotalk.errors import EmoTalkError, InputError


class RunError(EmoTalkError):
    """A run that cannot go on now, through no fault of what it was asked to do; the same command continues it."""


class GiveUp(UserCallback):
    """Ends a run at once where a worker raised an error on purpose: another attempt would meet the same.

    Ray counts every error of a worker as a lost worker and tries again; an error of a callback is final.
    """

    def after_exception(self, run_context: Any, worker_exceptions: dict[int, Exception]) -> None:
        for error in worker_exceptions.values():
            if isinstance(error, EmoTalkError):
                raise error


def fit(trainer: TorchTrainer, output: str, objective: str) -> tuple[Checkpoint, dict[str, Any]]:
    """-> the checkpoint with the lowest `objective`, and its metrics.

    Raises what a worker raised on purpose; RunError for a store that fails and for workers that die too often.
    """
    go_on = "the last checkpoint is kept, and the same command goes on from it"
    try:
        result = trainer.fit()
    except ControllerError as error:
        failure = error.controller_failure
        if isinstance(failure, EmoTalkError):
            raise failure from error
        if isinstance(failure, OSError):
            raise RunError(f"{output}: cannot be written ({_first_line(failure)}); {go_on}") from error
        raise
    except WorkerGroupError as error:
        deaths = [getattr(failure, "health_check_failure", None) for failure in error.worker_failures.values()]
        # The others then fail too, for want of a partner.
        if any(isinstance(death, RayActorError) for death in deaths):
            reason = "out of memory, killed, or a lost node: see the logs of Ray's workers"
            raise RunError(f"{output}: workers died too often ({reason}); {go_on}") from error
        raise
    checkpoint, metrics = min(result.best_checkpoints, key=lambda pair: pair[1][objective])
    return checkpoint, metrics


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]


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
