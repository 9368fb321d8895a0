"""A pool of actors that hold a network: how many, what each of them holds, and work for them piece by piece."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from emotalk.errors import InputError
from jobs.fan_out import on_actors

CPU_SHARE = 0.9  # of the cluster's CPUs for all actors together: with every one of them held, Ray Data waits for ever


def check_gpus(gpus: float | None) -> None:
    """InputError for what no actor can hold."""
    if gpus is not None and not (0 <= gpus <= 1 or (gpus > 1 and gpus == int(gpus))):
        raise InputError(f"gpus must be a share of one or a whole number, not {gpus}")


@dataclass(frozen=True)
class Pool:
    """How many actors, and what each of them holds. first: how many the cluster has room for now."""

    first: int
    largest: int
    cpus: float
    gpus: float

    @classmethod
    def of(cls, pieces: int, *, workers: int | None, threads: int, gpus: float | None) -> "Pool":
        """For so many pieces of work. workers: actors wanted, gpus: of each; None for what the cluster offers."""
        import ray

        cluster = ray.cluster_resources()
        all_cpus, all_gpus = cluster.get("CPU", 1.0), cluster.get("GPU", 0.0)
        each = (1.0 if all_gpus else 0.0) if gpus is None else gpus
        if each > all_gpus and not workers:
            raise InputError(f"a worker needs {each:g} GPUs, the cluster has {all_gpus:g}")
        # A local Ray may claim more CPUs than there are, so that nothing waits for ever.
        cores = min(all_cpus, os.cpu_count() or 1) if len(ray.nodes()) == 1 else all_cpus
        room = int(all_gpus / each) if each else int(cores / threads)
        largest = max(1, min(workers or room, pieces))
        first = max(1, min(largest, room if each else int(all_cpus / threads)))
        return cls(first, largest, min(threads, CPU_SHARE * all_cpus / first), each)

    @property
    def device(self) -> str:
        return "cuda" if self.gpus else "cpu"

    def run(self, make: Callable[[], Callable[[Any], Any]], pieces: Sequence[Any]) -> Iterator[Any]:
        """`make()(piece)` for every piece, results in the order of completion."""
        from ray.data import ActorPoolStrategy, DataContext

        scaling = DataContext.get_current().autoscaling_config
        before = scaling.actor_pool_util_upscaling_threshold
        # One piece at a time per actor, so that none waits behind an audiobook while another actor has nothing to do.
        # By default the pool grows only where work queues up at its actors; here it grows as soon as all are busy.
        scaling.actor_pool_util_upscaling_threshold = 1.0
        try:
            actors = ActorPoolStrategy(min_size=self.first, max_size=self.largest, max_tasks_in_flight_per_actor=1)
            for _, result in on_actors(make, pieces, pool=actors, cpus=self.cpus, gpus=self.gpus):
                yield result
        finally:
            scaling.actor_pool_util_upscaling_threshold = before
