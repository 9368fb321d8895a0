"""The evaluation job: complete, the same on any number of workers, equal to what a plain loop computes."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from emotalk.blendshapes import INDEX
from emotalk.errors import InputError
from emotalk.metrics.evaluation import BASELINES, CROSS, REAL, SELF, UNCHANGED, other_sound
from emotalk.model.network import EmoTalk
from emotalk.model.presets import lite_config
from emotalk.model.store import CONFIG, WEIGHTS, model_digest
from emotalk.rigs import procedural_head
from jobs.evaluate import EvaluateConfig, evaluate
from jobs.progress import Progress
from tests.four_points import four_points
from tests.random_corpus import Labels, random_clip, random_corpus, squares

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("ray_session")]

TEST = [
    *squares("test", ("dora", "emil")),
    Labels("test", "fay", "x", None, None),
    Labels("test", "fay", "y", None, None),
]
TRAIN = squares("train", ("ann", "bob"))
ROWS = ("model", other_sound("model"), *BASELINES, REAL)
FILES = ("report.json", "report.md", "report.html", "clips.csv")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> str:
    return random_corpus(tmp_path_factory.mktemp("corpus"), TEST + TRAIN).location


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _save(tmp_path_factory.mktemp("model"), lite_config(styles=3).emotions)


@pytest.fixture(scope="module")
def output(corpus: str, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    evaluate(EvaluateConfig(model=(str(model),), corpus=corpus, output=str(folder), workers=1))
    return folder


@pytest.fixture(scope="module")
def report(output: Path) -> dict:
    return json.loads((output / "report.json").read_text())


def test_the_report_is_complete(report: dict, model: Path) -> None:
    assert tuple(report["faces"]) == ROWS
    mine = report["methods"]["model"]
    # No sounds are known, so none are aligned.
    assert tuple(mine["model"]["exchanges"]) == (CROSS, SELF, UNCHANGED)
    names = {quantity["name"] for quantity in report["quantities"]}
    assert {"LVE", "LVE squared", "EVE", "MAE", "RMSE", "MAE speech", "velocity error", "jawOpen r"} <= names
    assert {"jerk error", "RMSE brows", "MAE tongue", "closure recall", "lag to sound"} <= names
    still = {"jawOpen r", *(name for name in names if "lag to" in name)}
    for subject, scores in (report["faces"] | mine["model"]["exchanges"]).items():
        empty = {name for name, value in scores["values"].items() if value is None}
        assert set(scores["values"]) == set(scores["intervals"]) == names
        # The corpus knows no speech sounds, and a face that never moves lags behind nothing.
        assert empty == {"closure recall", "closure precision"} | (still if subject == "mean face" else set()), subject
    assert mine["about"]["digest"] == model_digest(model)
    assert report["evaluated"]["clips"] == len(TEST)
    assert report["evaluated"]["frames"] == sum(random_clip(labels).frames for labels in TEST)
    assert report["fitted_on"]["clips"] == len(TRAIN)
    assert mine["model"]["targets"] == 4
    assert report["rig"]["name"] == procedural_head().name
    assert report["failed"] == {}


def test_intervals_hold_their_values_and_differences_are_those_of_the_rows(report: dict) -> None:
    for scores in report["faces"].values():
        for name in ("LVE", "MAE", "velocity error"):
            low, high = scores["intervals"][name]
            assert low <= scores["values"][name] <= high
    values = {row: scores["values"] for row, scores in report["faces"].items()}
    for row, by_name in report["methods"]["model"]["differences"].items():
        for name, found in by_name.items():
            if found["value"] is not None:
                assert found["value"] == pytest.approx(values["model"][name] - values[row][name]), (row, name)
        low, high = by_name["MAE"]["interval"]
        assert low <= by_name["MAE"]["value"] <= high
    # Four targets of exchanges are too few to promise anything.
    exchanges = report["methods"]["model"]["model"]["exchanges"]
    assert all(scores["intervals"]["LVE"] is None for scores in exchanges.values())


def test_leakage_and_response_are_measured(report: dict) -> None:
    mine = report["methods"]["model"]["model"]
    assert {(p["features"], p["reads"], p["labels"]) for p in mine["leakage"]} == {
        (what, reads, labels)
        for what in ("content features", "emotion features", "prosody")
        for reads, labels in (("emotion", 3), ("statement", 2))
    }
    assert mine["response"]["clips"] == 12  # every clip of an emotion
    assert set(mine["response"]["by_intensity"]) == {"0.5", "1.0", "1.5"}
    assert mine["response"]["intensity_slope"]["value"] is None  # a model without prototypes
    assert mine["response"]["level_slope"]["interval"] is not None


def test_the_models_numbers_are_those_of_a_plain_loop(report: dict, model: Path) -> None:
    network, rig = EmoTalk.from_pretrained(model), procedural_head()
    distances, errors, jaws, right = [], [], [], []
    for clip in map(random_clip, TEST):
        samples = np.rint(clip.samples * 32_768) / np.float32(32_768)  # as the corpus keeps it
        face = network.predict(samples).clip(0, 1)
        off = rig.vertices(face, "lips") - rig.vertices(clip.weights, "lips")
        distances.append(np.linalg.norm(off, axis=-1).max(axis=1))
        errors.append(np.abs(face - clip.weights))
        jaws.append(np.stack([face[:, INDEX["jawOpen"]], clip.weights[:, INDEX["jawOpen"]]]))
        logits = network(samples, samples, clip.frames, clip.frames).logits
        right.append(network.config.emotions[int(logits.argmax())] == clip.emotion)
    found = report["faces"]["model"]["values"]
    assert found["LVE"] == pytest.approx(np.concatenate(distances).mean(), rel=1e-3)
    assert found["MAE"] == pytest.approx(np.concatenate(errors).mean(), rel=1e-3)
    assert found["jawOpen r"] == pytest.approx(np.corrcoef(np.concatenate(jaws, axis=1))[0, 1], abs=1e-3)
    emotion = report["methods"]["model"]["model"]["emotion"]
    assert emotion["accuracy"] == pytest.approx(sum(right) / 12)
    assert emotion["unlabelled"] == 2


def test_fitted_baselines_beat_a_random_network_and_ridge_beats_the_mean(report: dict) -> None:
    error = {subject: scores["values"]["MAE"] for subject, scores in report["faces"].items()}
    assert error["mean face"] < error["model"]
    jaw = {subject: scores["values"]["jawOpen r"] for subject, scores in report["faces"].items()}
    assert jaw["ridge regression"] > 0.8
    assert jaw["jaw by loudness"] > 0.8


def test_two_workers_write_the_same_bytes(output: Path, corpus: str, model: Path, tmp_path: Path) -> None:
    evaluate(EvaluateConfig(model=(str(model),), corpus=corpus, output=str(tmp_path), workers=2))
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (output / name).read_bytes()


def test_the_pages_show_every_row_with_units(output: Path, report: dict) -> None:
    page = (output / "report.md").read_text()
    assert "LVE [mm]" in page
    for subject in (*ROWS, CROSS, SELF, UNCHANGED):
        assert f"| {subject} |" in page
    html = (output / "report.html").read_text()
    content = next(p for p in report["methods"]["model"]["model"]["leakage"] if p["features"] == "content features")
    for text in (page, html):
        assert f"emotion read from the content features: {content['accuracy']:.1%} (prosody " in text
        assert "cross-reconstruction over self-reconstruction, 4 targets: LVE " in text
    for quantity in report["quantities"]:
        assert f"<th>{quantity['name']}" in html
    for clip_id, _ in report["methods"]["model"]["worst"]:
        assert clip_id in html
    assert html.count("<svg") >= 8
    assert "http://" not in html.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in html


def test_a_row_of_the_table_of_clips_is_a_clip(output: Path, report: dict) -> None:
    table = pd.read_csv(output / "clips.csv")
    assert list(table.clip_id) == [labels.name for labels in sorted_as_in(report, table)]
    weighted = (table["model MAE"] * table.frames).sum() / table.frames.sum()
    assert weighted == pytest.approx(report["faces"]["model"]["values"]["MAE"], rel=1e-4)
    worst = table.sort_values("model LVE", ascending=False)
    assert [clip_id for clip_id, _ in report["methods"]["model"]["worst"]] == list(worst.clip_id[:3])


def sorted_as_in(report: dict, table: pd.DataFrame) -> list[Labels]:
    order = {name: i for i, name in enumerate(table.clip_id)}
    assert set(order) == {labels.name for labels in TEST}
    return sorted(TEST, key=lambda labels: order[labels.name])


@pytest.fixture(scope="module")
def faceless(corpus: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another method's files: the mean of truth and rest as coefficients; a clip is missing."""
    folder = tmp_path_factory.mktemp("coefficients")
    for clip in map(random_clip, TEST[1:]):
        np.save(folder / f"{clip.clip_id}.npy", clip.weights / 2)
    return folder


def test_other_methods_stand_in_the_same_table_on_the_same_clips(
    corpus: str, model: Path, faceless: Path, tmp_path: Path
) -> None:
    meshes = tmp_path / "meshes"
    meshes.mkdir()
    rig = procedural_head()
    for clip in map(random_clip, TEST):
        np.save(meshes / f"{clip.clip_id}.npy", (rig.vertices(clip.weights / 2) / 1000).reshape(clip.frames, -1))
    config = EvaluateConfig(
        model=(str(model),),
        predictions=(str(faceless), str(meshes)),
        name=("halved", "halved mesh"),
        scale=(1.0, 1000.0),
        corpus=corpus,
        output=str(tmp_path / "out"),
        workers=1,
    )
    report = evaluate(config)
    assert tuple(report.faces) == ("model", other_sound("model"), "halved", "halved mesh", *BASELINES, REAL)
    assert report.methods["halved"].missing == (TEST[0].name,)
    assert report.evaluated.clips == len(TEST) - 1
    assert set(report.counts.values()) == {len(TEST) - 1}
    one, other = report.faces["halved"].values, report.faces["halved mesh"].values
    for quantity in report.quantities:
        if quantity.table in ("coefficients", "regions") or quantity.name == "jawOpen r":
            assert other[quantity.name] is None
        else:
            expected = one[quantity.name]
            assert other[quantity.name] == (None if expected is None else pytest.approx(expected, abs=2e-3))
    real = [random_clip(labels) for labels in TEST[1:]]
    distances = [
        np.linalg.norm(rig.vertices(c.weights, "lips") - rig.vertices(c.weights / 2, "lips"), axis=-1) for c in real
    ]
    assert one["LVE"] == pytest.approx(np.concatenate([d.max(axis=1) for d in distances]).mean(), rel=1e-3)
    page = (tmp_path / "out" / "report.md").read_text()
    assert f"1 clips without a file of halved, left out: {TEST[0].name}" in page


@pytest.mark.slow
def test_a_file_that_cannot_be_read_is_named_and_its_clip_left_out(
    corpus: str, faceless: Path, rig_file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(faceless, folder)
    (folder / f"{TEST[2].name}.npy").write_bytes(b"no array")
    config = EvaluateConfig(
        predictions=(str(folder),), rig=str(rig_file), corpus=corpus, output=str(tmp_path / "out"), workers=1
    )
    report = evaluate(config)
    assert list(report.methods) == ["broken"]  # no model was asked for
    assert list(report.failed) == [TEST[2].name]
    assert f"{TEST[2].name}.npy: not a NumPy array" in report.failed[TEST[2].name]
    assert report.evaluated.clips == len(TEST) - 2
    assert report.rig["name"] == "four points"
    assert "four points" in (tmp_path / "out" / "report.html").read_text()


@pytest.fixture
def rig_file(tmp_path: Path) -> Path:
    four_points().save(tmp_path / "rig.npz")
    return tmp_path / "rig.npz"


@pytest.mark.slow
def test_two_models_are_compared_side_by_side(corpus: str, model: Path, tmp_path: Path) -> None:
    other = _save(tmp_path / "runs" / "b", ("happy", "sad"))
    config = EvaluateConfig(model=(str(model), str(other)), corpus=corpus, output=str(tmp_path / "out"), workers=1)
    report = evaluate(config)
    first, second = report.methods
    assert second == "b"
    assert {first, second, other_sound(first), other_sound(second)} <= set(report.faces)
    assert set(report.methods[first].differences) == set(report.faces) - {first}
    assert report.methods["b"].model is not None
    assert report.methods["b"].model.emotion.unknown == {"angry": 4}


def test_a_model_with_other_labels_and_a_corpus_without_training_clips(tmp_path: Path) -> None:
    directory = _save(tmp_path / "model", ("bored", "happy"))
    clips = [clip for clip in TEST if clip.speaker in ("dora", "fay")]
    corpus = random_corpus(tmp_path / "corpus", clips)
    heard: list[Progress] = []
    config = EvaluateConfig(model=(str(directory),), corpus=corpus.location, output=str(tmp_path / "out"), workers=1)
    report = evaluate(config, heard.append)
    assert report.fitted_on is None
    assert set(report.faces) == {"model", "model, other sound", REAL}
    mine = report.methods["model"].model
    assert mine is not None
    assert mine.emotion.clips == 2
    assert mine.emotion.unknown == {"sad": 2, "angry": 2}
    assert all(found.accuracy is None for found in mine.leakage if found.reads == "emotion")  # of one speaker alone
    assert heard[-1].clips == len(clips)
    assert heard[-1].audio_s == pytest.approx(heard[-1].planned_audio_s)


def test_a_damaged_clip_is_named_and_left_out(model: Path, tmp_path: Path) -> None:
    corpus = random_corpus(tmp_path / "corpus", squares("test", ("dora",)))
    broken = corpus.clip_ids("test")[1]
    (shard,) = corpus.manifest.shards
    path = tmp_path / "corpus" / shard
    table = pq.read_table(path)
    audio = table.column("audio").to_pylist()
    audio[1] = b"no sound"
    table = table.set_column(table.schema.get_field_index("audio"), table.schema.field("audio"), pa.array([*audio]))
    pq.write_table(table, path)
    config = EvaluateConfig(model=(str(model),), corpus=corpus.location, output=str(tmp_path / "out"), workers=1)
    report = evaluate(config)
    assert list(report.failed) == [broken]
    assert report.evaluated.clips == 5
    mine = report.methods["model"].model
    assert mine is not None
    assert mine.emotion.clips == 5


def test_what_cannot_be_evaluated_is_refused_by_name(corpus: str, model: Path, tmp_path: Path) -> None:
    good = EvaluateConfig(model=(str(model),), corpus=corpus, output=str(tmp_path / "out"), workers=1)
    with pytest.raises(InputError, match="no clips in its split 'validation'"):
        evaluate(replace(good, split="validation"))
    with pytest.raises(InputError, match="no model directory"):
        evaluate(replace(good, model=(str(tmp_path),)))
    with pytest.raises(InputError, match="no finished corpus"):
        evaluate(replace(good, corpus=str(tmp_path)))
    with pytest.raises(InputError, match="at least one worker"):
        replace(good, workers=0)
    with pytest.raises(InputError, match="2 names for 1"):
        replace(good, predictions=("a",), name=("b", "c"))
    with pytest.raises(InputError, match="no such folder of predictions"):
        evaluate(replace(good, predictions=(str(tmp_path / "nothing"),)))
    with pytest.raises(InputError, match="'mean face' is used already"):
        evaluate(replace(good, predictions=("a",), name=("mean face",)))
    with pytest.raises(InputError, match=rf"{CONFIG}: not a rig file"):
        evaluate(replace(good, rig=str(model / CONFIG)))
    with pytest.raises(InputError, match="no such file"):
        evaluate(replace(good, rig=str(tmp_path / "none.npz")))
    assert not (tmp_path / "out").exists()


def test_weights_that_do_not_fit_are_the_users_error(corpus: str, model: Path, tmp_path: Path) -> None:
    other = _save(tmp_path / "other", ("happy",))
    (other / WEIGHTS).write_bytes((model / WEIGHTS).read_bytes())
    with pytest.raises(InputError, match=f"does not fit its {CONFIG}"):
        evaluate(EvaluateConfig(model=(str(other),), corpus=corpus, output=str(tmp_path / "out"), workers=1))


def _save(directory: Path, emotions: tuple[str, ...]) -> Path:
    torch.manual_seed(0)
    network = EmoTalk(replace(lite_config(styles=3), emotions=emotions))
    # About the middle of what is not clamped, so that every coefficient moves whatever weights are drawn.
    torch.nn.init.normal_(network.decoder.output.weight, std=0.05)
    torch.nn.init.constant_(network.decoder.output.bias, 0.5)
    network.save_pretrained(directory)
    return directory
