"""What runs on the cluster in an evaluation: the baselines' sums in tasks, methods and measures in actors."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch

from emotalk.corpus.corpus import Corpus
from emotalk.inference.animator import Animator
from emotalk.metrics.baselines import Baselines, FitSums
from emotalk.metrics.evaluation import Evaluator, UnitSums, fit_units
from emotalk.metrics.measures import Measures
from emotalk.metrics.plan import Unit
from emotalk.metrics.predictions import Predictions
from emotalk.model.network import EmoTalk
from emotalk.rigs import Rig
from jobs.fan_out import in_order, on_actors, on_tasks

FIT_TASKS = 16


@dataclass(frozen=True)
class Setting:
    """What every worker needs: small, as the models are read where they work."""

    models: dict[str, str]
    predictions: tuple[Predictions, ...]
    corpus: Corpus
    baselines: Baselines | None
    measures: Measures
    rig: Rig

    def worker(self) -> Callable[[Unit], UnitSums]:
        # One thread, however many workers share the machine: sums in another order would be other numbers.
        torch.set_num_threads(1)
        models = {name: Animator(EmoTalk.from_pretrained(directory)) for name, directory in self.models.items()}
        return Evaluator(models, self.predictions, self.baselines, self.measures, self.rig, self.corpus).evaluate


def fit_baselines(corpus: Corpus, units: Sequence[Unit], workers: int | None) -> Iterator[FitSums]:
    """Sums of the training clips, in the order of the units: other orders would be other numbers."""
    # A row group holds few of the chosen clips: several make a task worth its start. Never a matter of the workers.
    size = max(1, -(-len(units) // FIT_TASKS))
    parts = [tuple(units[start : start + size]) for start in range(0, len(units), size)]
    # Some row groups' chosen clips go out, their normal equations (2 MB) come back.
    return in_order(on_tasks(partial(fit_units, corpus), parts, workers=workers))


def evaluate_units(setting: Setting, units: Sequence[Unit], workers: int | None) -> Iterator[UnitSums]:
    """Sums of the evaluated clips, in the order of the units."""
    import ray
    from ray.data import ActorPoolStrategy

    resources = ray.cluster_resources()
    gpus = int(resources.get("GPU", 0))
    size = min(len(units), workers or gpus or max(1, int(resources.get("CPU", 1)) // 2))
    # One row group's clips go out, their sums clip by clip (some MB) come back.
    return in_order(on_actors(setting.worker, units, pool=ActorPoolStrategy(size=size), gpus=1 if gpus else 0))
