"""Several processes learn what one would: shares of a step add up to the same gradient, however unequal they are."""

from functools import partial
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from emotalk.training.learner import Learner
from emotalk.training.losses import LossWeights
from emotalk.training.optimiser import OptimiserConfig
from emotalk.training.squares import Single, Square, Unit
from tests.model.small import small_lite
from tests.training.test_learner import place, without_dropout, work
from tests.training.test_losses import SQUARE

# By worker: its passes of the step, and whether they count.
SHARES: list[tuple[list[list[Unit]], bool]] = [
    ([[SQUARE], [Single(4)]], True),
    ([[Square(1, 0, 3, 2)]], True),
    ([[SQUARE]], False),
]


def learner(rank: int, workers: int) -> Learner:
    torch.manual_seed(0)
    model = without_dropout(small_lite())
    made = Learner(
        model,
        OptimiserConfig(learning_rate=1.0, warmup_steps=0, clip_norm=1e9),
        LossWeights(gap=0.5, closure=0.5),
        device=torch.device("cpu"),
        seed=0,
        rank=rank,
        workers=workers,
        wrap=partial(DistributedDataParallel, broadcast_buffers=False) if workers > 1 else nn.Identity(),
    )
    # Plain gradients show their scale, which Adam would hide.
    made.optimiser = torch.optim.SGD([{"params": list(model.parameters()), "lr": 0.1, "base_lr": 0.1}])  # type: ignore[assignment]
    return made


def weights(one: Learner) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in one.model.parameters()])


def run(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    store = dist.FileStore(f"{folder}/store", len(SHARES))
    dist.init_process_group("gloo", store=store, rank=rank, world_size=len(SHARES))
    one, (passes, counted) = learner(rank, len(SHARES)), SHARES[rank]
    report = one.learn(work(*passes, counted=counted), place())
    torch.save((weights(one), report.sums, report.counts), f"{folder}/{rank}.pt")
    dist.destroy_process_group()


def test_unequal_workers_learn_what_one_process_learns(tmp_path: Path) -> None:
    mp.spawn(run, (str(tmp_path),), nprocs=len(SHARES))
    alone = learner(0, 1)
    before = weights(alone)
    everything = [units for passes, counted in SHARES if counted for units in passes]
    report = alone.learn(work(*everything), place())
    assert (weights(alone) - before).abs().max() > 1e-3
    for rank in range(len(SHARES)):
        after, sums, counts = torch.load(tmp_path / f"{rank}.pt")
        torch.testing.assert_close(after, weights(alone), atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(sums, report.sums, atol=1e-3, rtol=1e-4)
        assert torch.equal(counts, report.counts)
