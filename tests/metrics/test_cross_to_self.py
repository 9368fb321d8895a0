"""Cross-reconstruction beside self-reconstruction: of the same targets, stretched and with sounds aligned."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from emotalk.corpus.clip import Clip
from emotalk.corpus.corpus import Corpus
from emotalk.inference.animator import Animator
from emotalk.metrics.evaluation import CROSS, CROSS_ALIGNED, SELF, UNCHANGED, Evaluator
from emotalk.metrics.exchange import cross_reconstruct
from emotalk.metrics.face import face_measures
from emotalk.metrics.plan import plan_evaluation
from emotalk.metrics.report import ModelReport, cross_lines
from emotalk.metrics.totals import Totals
from emotalk.model.network import EmoTalk
from emotalk.model.presets import lite_config
from emotalk.rigs import procedural_head
from emotalk.timewarp import even_positions, phone_map
from tests.random_corpus import random_corpus, squares

SPEAKERS = ("ann", "bob", "cem", "dora", "emil", "fay")


@pytest.fixture(scope="module")
def model() -> EmoTalk:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    network = EmoTalk(lite_config(styles=3)).eval()
    torch.nn.init.normal_(network.decoder.output.weight, std=0.1)
    return network


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Six speakers, two emotions, two statements, of one of which the sounds are known."""
    clips = squares("test", SPEAKERS, ("happy", "sad"))
    return random_corpus(tmp_path_factory.mktemp("corpus"), clips, phones=["doors"])


@pytest.fixture(scope="module")
def report(model: EmoTalk, corpus: Corpus) -> ModelReport:
    rig = procedural_head()
    measures = face_measures(rig)
    evaluator = Evaluator({"model": Animator(model)}, (), None, measures, rig, corpus)
    totals = Totals(measures, ["model"], {"model": model.config.emotions})
    for unit in plan_evaluation(corpus, "test"):
        tasks = tuple(replace(task, steered=False, probed=False) for task in unit.tasks)
        totals.add(evaluator.evaluate(replace(unit, tasks=tasks)))
    return totals.model("model")


def lip_error(face: np.ndarray, clip: Clip) -> float:
    rig = procedural_head()
    off = rig.vertices(face, "lips") - rig.vertices(clip.weights, "lips")
    return float(np.linalg.norm(off, axis=-1).max(axis=1).sum())


def test_ratios_are_those_of_a_plain_loop_over_the_same_targets(
    report: ModelReport, model: EmoTalk, corpus: Corpus
) -> None:
    cross, own, aligned, own_aligned, found_aligned = 0.0, 0.0, 0.0, 0.0, 0
    for unit in plan_evaluation(corpus, "test"):
        for task in unit.tasks:
            if task.exchange is None:
                continue
            target, words, feeling = corpus.read([task.clip_id, task.exchange.content, task.exchange.emotion])
            ways = [even_positions(target.frames, words.frames)]
            moments = phone_map(target.phones, target.duration_s, words.phones, words.duration_s)
            if moments is not None:
                ways.append(moments.positions(target.frames, words.frames))
            first, *rest = cross_reconstruct(model, words.samples, feeling.samples, ways)
            by_itself = lip_error(model.predict(target.samples).clip(0, 1), target)
            cross, own = cross + lip_error(first, target), own + by_itself
            for face in rest:
                aligned, own_aligned = aligned + lip_error(face, target), own_aligned + by_itself
                found_aligned += 1
    assert found_aligned == 6
    assert set(report.exchanges) == {CROSS, CROSS_ALIGNED, SELF, UNCHANGED}
    assert report.targets == report.cross_to_self[CROSS].targets == 12
    assert report.cross_to_self[CROSS_ALIGNED].targets == 6
    assert report.cross_to_self[CROSS].ratios["LVE"].value == pytest.approx(cross / own, rel=1e-3)
    assert report.cross_to_self[CROSS_ALIGNED].ratios["LVE"].value == pytest.approx(aligned / own_aligned, rel=1e-3)


def test_intervals_hold_their_ratios_where_there_are_clips_enough(report: ModelReport) -> None:
    for ratio in report.cross_to_self[CROSS].ratios.values():
        assert ratio.interval is not None
        assert ratio.value is not None
        assert ratio.interval[0] <= ratio.value <= ratio.interval[1]
    assert all(ratio.interval is None for ratio in report.cross_to_self[CROSS_ALIGNED].ratios.values())
    first, second = cross_lines(report)
    assert first.startswith("cross-reconstruction over self-reconstruction, 12 targets: LVE ")
    assert second.startswith("cross, phones aligned over self-reconstruction, 6 targets: LVE ")
