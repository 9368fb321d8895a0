"""The evaluation job: complete, the same on any number of workers, equal to what a plain loop computes."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from emotalk.blendshapes import INDEX
from emotalk.errors import InputError
from emotalk.metrics.evaluation import EXCHANGES, SUBJECTS
from emotalk.model.network import EmoTalk
from emotalk.model.presets import lite_config
from emotalk.model.store import CONFIG, WEIGHTS, model_digest
from emotalk.rigs import procedural_head
from jobs.evaluate import EvaluateConfig, evaluate
from jobs.progress import Progress
from tests.random_corpus import Labels, random_clip, random_corpus, squares

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("ray_session")]

TEST = [
    *squares("test", ("dora", "emil")),
    Labels("test", "fay", "x", None, None),
    Labels("test", "fay", "y", None, None),
]
TRAIN = squares("train", ("ann", "bob"))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> str:
    return random_corpus(tmp_path_factory.mktemp("corpus"), TEST + TRAIN).location


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _save(tmp_path_factory.mktemp("model"), lite_config(styles=3).emotions)


@pytest.fixture(scope="module")
def output(corpus: str, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    evaluate(EvaluateConfig(model=str(model), corpus=corpus, output=str(folder), workers=1))
    return folder


@pytest.fixture(scope="module")
def report(output: Path) -> dict:
    return json.loads((output / "report.json").read_text())


def test_the_report_is_complete(report: dict, model: Path) -> None:
    assert tuple(report["faces"]) == SUBJECTS
    assert tuple(report["exchanges"]) == EXCHANGES
    names = {quantity["name"] for quantity in report["quantities"]}
    assert {"LVE", "LVE squared", "EVE", "MAE", "RMSE", "MAE speech", "velocity error", "jawOpen r"} <= names
    for subject, values in (report["faces"] | report["exchanges"]).items():
        empty = {name for name, value in values.items() if value is None}
        assert set(values) == names
        assert empty == ({"jawOpen r"} if subject == "mean face" else set()), subject
    assert report["model"]["digest"] == model_digest(model)
    assert report["evaluated"]["clips"] == len(TEST)
    assert report["evaluated"]["frames"] == sum(random_clip(labels).frames for labels in TEST)
    assert report["fitted_on"]["clips"] == len(TRAIN)
    assert report["counts"]["cross-reconstruction"] == 4
    assert report["rig"]["name"] == procedural_head().name
    assert report["failed"] == {}


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
    found = report["faces"]["model"]
    assert found["LVE"] == pytest.approx(np.concatenate(distances).mean(), rel=1e-3)
    assert found["MAE"] == pytest.approx(np.concatenate(errors).mean(), rel=1e-3)
    assert found["jawOpen r"] == pytest.approx(np.corrcoef(np.concatenate(jaws, axis=1))[0, 1], abs=1e-3)
    assert report["emotion"]["accuracy"] == pytest.approx(sum(right) / 12)
    assert report["emotion"]["unlabelled"] == 2


def test_fitted_baselines_beat_a_random_network_and_ridge_beats_the_mean(report: dict) -> None:
    error = {subject: values["MAE"] for subject, values in report["faces"].items()}
    assert error["mean face"] < error["model"]
    jaw = {subject: values["jawOpen r"] for subject, values in report["faces"].items()}
    assert jaw["ridge regression"] > 0.8
    assert jaw["jaw by loudness"] > 0.8


def test_two_workers_write_the_same_bytes(output: Path, corpus: str, model: Path, tmp_path: Path) -> None:
    evaluate(EvaluateConfig(model=str(model), corpus=corpus, output=str(tmp_path), workers=2))
    for name in ("report.json", "report.md"):
        assert (tmp_path / name).read_bytes() == (output / name).read_bytes()


def test_the_page_shows_every_subject_with_units(output: Path) -> None:
    page = (output / "report.md").read_text()
    assert "LVE [mm]" in page
    for subject in (*SUBJECTS, *EXCHANGES):
        assert f"| {subject} |" in page


def test_a_model_with_other_labels_and_a_corpus_without_training_clips(tmp_path: Path) -> None:
    directory = _save(tmp_path / "model", ("bored", "happy"))
    clips = [clip for clip in TEST if clip.speaker in ("dora", "fay")]
    corpus = random_corpus(tmp_path / "corpus", clips)
    heard: list[Progress] = []
    config = EvaluateConfig(model=str(directory), corpus=corpus.location, output=str(tmp_path / "out"), workers=1)
    report = evaluate(config, heard.append)
    assert report.fitted_on is None
    assert set(report.faces) == {"model", "model, other sound"}
    assert report.emotion.clips == 2
    assert report.emotion.unknown == {"sad": 2, "angry": 2}
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
    config = EvaluateConfig(model=str(model), corpus=corpus.location, output=str(tmp_path / "out"), workers=1)
    report = evaluate(config)
    assert list(report.failed) == [broken]
    assert report.evaluated.clips == 5
    assert report.emotion.clips == 5


def test_what_cannot_be_evaluated_is_refused_by_name(corpus: str, model: Path, tmp_path: Path) -> None:
    good = EvaluateConfig(model=str(model), corpus=corpus, output=str(tmp_path / "out"), workers=1)
    with pytest.raises(InputError, match="no clips in its split 'validation'"):
        evaluate(replace(good, split="validation"))
    with pytest.raises(InputError, match="no model directory"):
        evaluate(replace(good, model=str(tmp_path)))
    with pytest.raises(InputError, match="no finished corpus"):
        evaluate(replace(good, corpus=str(tmp_path)))
    with pytest.raises(InputError, match="at least one worker"):
        replace(good, workers=0)
    assert not (tmp_path / "out").exists()


def test_weights_that_do_not_fit_are_the_users_error(corpus: str, model: Path, tmp_path: Path) -> None:
    other = _save(tmp_path / "other", ("happy",))
    (other / WEIGHTS).write_bytes((model / WEIGHTS).read_bytes())
    with pytest.raises(InputError, match=f"does not fit its {CONFIG}"):
        evaluate(EvaluateConfig(model=str(other), corpus=corpus, output=str(tmp_path / "out"), workers=1))


def _save(directory: Path, emotions: tuple[str, ...]) -> Path:
    torch.manual_seed(0)
    network = EmoTalk(replace(lite_config(styles=3), emotions=emotions))
    torch.nn.init.normal_(network.decoder.output.weight, std=0.1)
    network.save_pretrained(directory)
    return directory
