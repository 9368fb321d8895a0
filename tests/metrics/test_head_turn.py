"""Errors of the head by hand, and where the table has them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from emotalk.inference.animator import Animator
from emotalk.metrics.baselines import MEAN, Baselines
from emotalk.metrics.evaluation import REAL, Evaluator, fit_units, other_sound
from emotalk.metrics.face import face_measures
from emotalk.metrics.head import HeadTurn
from emotalk.metrics.pair import Pair
from emotalk.metrics.plan import plan_evaluation, plan_fit
from emotalk.metrics.totals import Totals
from emotalk.model.network import EmoTalk
from emotalk.rigs import Rig
from tests.model.small import small_lite
from tests.random_corpus import random_corpus, squares


def pair(predicted: np.ndarray | None, real: np.ndarray | None) -> Pair:
    frames = len(predicted if predicted is not None else np.zeros(4))
    face = np.zeros((frames, 52), np.float32)
    return Pair(face, face, head=predicted, target_head=real)


def test_errors_by_hand() -> None:
    measure = HeadTurn()
    real = np.zeros((4, 6))
    real[:, 0] = np.radians(70)  # where the camera stood
    real[:, 1] = np.radians([-6, 6, -6, 6])
    still, right, half = np.zeros((4, 6)), np.zeros((4, 6)), np.zeros((4, 6))
    right[:, 1] = real[:, 1]
    half[:, 1] = real[:, 1] / 2
    for predicted, error, nods in ((still, 6, None), (right, 0, 1), (half, 3, 1), (-right, 12, -1)):
        found = measure.values(measure.sums(pair(predicted, real)))
        assert float(found[0]) == pytest.approx(error, abs=1e-4)
        assert np.isnan(found[1]) if nods is None else float(found[1]) == pytest.approx(nods)
    for one, other in ((None, real), (still, None)):
        assert not measure.sums(pair(one, other)).any()


def test_the_table_sets_the_model_beside_the_mean_pose(rig: Rig, tmp_path: Path) -> None:
    corpus = random_corpus(tmp_path, [*squares("train", ("ann",)), *squares("test", ("bob",))], heads=True)
    torch.manual_seed(0)
    model = EmoTalk(replace(small_lite().config, head_pose=True))
    assert model.decoder.head_output is not None
    torch.nn.init.normal_(model.decoder.head_output.weight, std=0.01)
    animator = Animator(model)
    measures = face_measures(rig, head=True)
    baselines = Baselines.fit(fit_units(corpus, plan_fit(corpus)))
    evaluator = Evaluator({"model": animator}, (), baselines, measures, rig, corpus)
    totals = Totals(measures, ["model"], {"model": model.config.emotions})
    for unit in plan_evaluation(corpus, "test"):
        totals.add(evaluator.evaluate(unit))
    faces = totals.faces()
    error = {row: scores.values["head error"] for row, scores in faces.items()}
    assert error[REAL] == pytest.approx(0, abs=1e-4)
    assert 1 < (error[MEAN] or 0) < 6  # a nod of 0.1 rad with the loudness
    assert error["model"] != error[other_sound("model")] != error[MEAN]
    assert error["ridge regression"] is None
    assert totals.differences("model")[MEAN]["head error"].value == pytest.approx(
        (error["model"] or 0) - (error[MEAN] or 0)
    )
    assert not [q for q in face_measures(rig).quantities if q.table == "head"]
