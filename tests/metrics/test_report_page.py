"""The report's plots and texts: numbers that are drawn, and what is missing said so."""

import base64
import io
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from emotalk.blendshapes import COEFFICIENTS
from emotalk.metrics import plots
from emotalk.metrics.emotions import EmotionCounts
from emotalk.metrics.measures import Quantity
from emotalk.metrics.pictures import worst_frames
from emotalk.metrics.predictions import Prediction
from emotalk.metrics.report import Amount, Report, Scores, emotion_lines
from emotalk.metrics.worst import EXCERPT_FRAMES, KEPT, Worst, excerpt, keep_worst
from emotalk.render import still
from emotalk.render.heat import round_limit
from emotalk.render.stage import NoOpenGLError
from emotalk.rigs import procedural_head

QUANTITIES = (
    Quantity(name="LVE", unit="mm", definition="…"),
    Quantity(name="MAE", unit="coefficient", definition="…"),
)


def report() -> Report:
    amount = Amount(clips=3, frames=90, hours=0.001)
    return Report(
        version="0",
        corpus={"location": "corpus", "digest": "0" * 64, "source": None},
        split="test",
        evaluated=amount,
        fitted_on=None,
        rig={"name": "a mesh"},
        quantities=QUANTITIES,
        methods={},
        faces={},
        counts={},
    )


def test_values_show_half_the_width_of_their_interval() -> None:
    rows = {
        "one": Scores(values={"LVE": 3.014, "MAE": 0.03456}, intervals={"LVE": (2.9, 3.1), "MAE": None}),
        "two": Scores(values={"LVE": None, "MAE": None}, intervals={"LVE": None, "MAE": None}),
    }
    assert report().table(rows, intervals=True) == [
        ["", "LVE [mm]", "MAE [0–1]"],
        ["one", "3.01 ±.10", "0.0346"],
        ["two", "n/a", "n/a"],
    ]


def test_bars_are_as_long_as_their_values() -> None:
    drawn = plots.bars({"a": [(1.0, (0.5, 2.0))], "b": [(0.5, None)], "c <": [(None, None)]}, ["x"])
    widths = [float(width) for width in re.findall(r'width="([\d.]+)" height', drawn)]
    assert widths[0] == pytest.approx(2 * widths[1], rel=1e-3)
    whisker = [float(x) for x in re.search(r'x1="([\d.]+)" y1="[\d.]+" x2="([\d.]+)"', drawn).groups()]  # type: ignore[union-attr]
    assert whisker[1] - whisker[0] == pytest.approx(1.5 * widths[0], rel=1e-2)
    assert "n/a" in drawn
    assert "c &lt;" in drawn


def test_a_histogram_counts_every_clip_and_leaves_out_what_is_missing() -> None:
    values = np.array([*np.full(30, 1.0), *np.full(10, 2.0), np.nan, 1e6])  # the last falls into the last bin
    assert "up to 30 clips" in plots.histogram({"model": values}, "mm")
    assert plots.histogram({"model": np.array([np.nan])}, "mm") == "<p>n/a</p>"


@given(st.floats(1e-6, 1e6))
def test_ticks_are_a_few_round_numbers_that_fit(most: float) -> None:
    found = plots.ticks(most)
    assert 4 <= len(found) <= 7
    assert found[0] == 0
    assert found[-1] <= most * 1.000001
    assert most - found[-1] < found[1] * 1.00001
    assert all(len(f"{tick / 10 ** np.floor(np.log10(most)):.3g}") <= 4 for tick in found)


def test_confusion_shows_counts_and_shares() -> None:
    counts = EmotionCounts(("happy", "sad"), ("sad", "happy"))
    heard = [("happy", {"sad": 0.1, "happy": 0.9})] * 3 + [("happy", {"sad": 0.9, "happy": 0.1})]
    found = counts.accuracy(sum((counts.sums(*pair) for pair in heard), np.zeros(counts.shape)))
    drawn = plots.confusion(found.confusion)
    assert "happy heard as happy: 3 of 4 clips (75%)" in drawn
    assert 'fill-opacity="0.250"' in drawn
    assert emotion_lines(found)[0].startswith("emotion accuracy: 75.0% of 4 clips")


def test_the_accuracy_of_clips_that_agree_is_sure() -> None:
    counts = EmotionCounts(("happy", "sad"), ("sad", "happy"))
    sums = np.stack([counts.sums("happy", {"sad": 0.1, "happy": 0.9})] * 12)
    resampled = np.stack([sums.sum(axis=0)] * 101)
    assert counts.accuracy(resampled[0], resampled).interval == (1.0, 1.0)


def worst(name: str, lve: float) -> Worst:
    weights = np.zeros((4, 52), np.float32)
    face = Prediction(weights=weights)
    return excerpt(name, lve * np.array([1, 1.1, 1, 0.9]), face, weights, np.zeros(2_133, np.float32))


def test_the_worst_few_are_kept_in_order_however_they_come() -> None:
    clips = [worst(name, lve) for name, lve in (("a", 1.0), ("b", 5.0), ("c", 3.0), ("d", 5.0), ("e", 2.0))]
    kept = keep_worst(clips)
    assert [clip.clip_id for clip in kept] == ["b", "d", "c"]
    assert [clip.clip_id for clip in keep_worst((*keep_worst(clips[3:]), *clips[:3]))] == ["b", "d", "c"]
    assert len(kept) == KEPT


@pytest.mark.parametrize("at", [0, 100, 450, 899])
def test_of_a_long_clip_ten_seconds_around_the_worst_frame_are_kept(at: int) -> None:
    distances = np.ones(900)
    distances[at] = 91.0
    real = np.tile(np.arange(900, dtype=np.float32)[:, None], (1, 52))
    samples = np.arange(480_000, dtype=np.float32)
    vertices = np.tile(np.arange(900.0)[:, None, None], (1, 2, 3))
    found = excerpt("a", distances, Prediction(vertices=vertices), real, samples)
    assert found.lve_mm == pytest.approx(1.1)
    assert len(found.real) == EXCERPT_FRAMES
    assert found.real[found.frame, 0] == at
    assert found.second == pytest.approx(at / 30)
    assert found.predicted is None
    assert found.vertices is not None
    assert (found.vertices == at).all()
    assert (found.samples[0], len(found.samples)) == (found.start * 16_000 // 30, 160_000)


def test_worst_frames_show_real_predicted_and_distance() -> None:
    """A method that predicts coefficients and one that predicts their vertices give the same picture."""
    pytest.importorskip("vtkmodules", reason="drawing needs emotalk[render]")
    rig = procedural_head()
    real, open_mouth = np.zeros((2, 52), np.float32), np.zeros((2, 52), np.float32)
    open_mouth[1, COEFFICIENTS.index("jawOpen")] = 1
    distances, sound = np.array([0.0, 9.0]), np.zeros(1_067, np.float32)
    faces = Prediction(weights=open_mouth), Prediction(vertices=rig.vertices(open_mouth))
    try:
        one, other = worst_frames([excerpt("a", distances, face, real, sound) for face in faces], rig)
    except NoOpenGLError as error:
        pytest.skip(str(error))
    title, picture = one
    assert other == one
    limit = round_limit(float(np.linalg.norm(rig.vertices(open_mouth[1:])[0] - rig.neutral, axis=1).max()))
    assert title == f"a at 0.03 s: real, predicted, distance up to {limit:g} mm"
    kind, _, data = picture.partition(",")
    assert kind == "data:image/png;base64"
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))), np.int16)
    faces_seen = np.split(pixels, 3, axis=1)
    assert np.abs(faces_seen[0] - faces_seen[1]).max() > 50
    assert (still(rig, real[0], size=faces_seen[0].shape[0]) == faces_seen[0]).all()
    saturation = [float((face.max(-1) - face.min(-1)).max()) for face in faces_seen]
    assert saturation[2] > 100  # the scale's reds
