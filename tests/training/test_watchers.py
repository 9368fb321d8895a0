"""Who watches a run: curves that TensorBoard reads, films that play, and what cannot be imported."""

from pathlib import Path

import av
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from emotalk.errors import InputError
from emotalk.training.films import Films
from emotalk.training.tensorboard import TensorBoard
from emotalk.training.watchers import EpochRecord, StepRecord, ValidationFace, load_watcher
from tests.model.small import noise
from tests.s3 import S3Server


def step(number: int, loss: float = 0.5) -> StepRecord:
    return StepRecord(
        epoch=1 + number // 10,
        step=1 + number % 10,
        steps=10,
        number=number,
        losses={"cross": loss, "self": 0.1},
        learning_rate=1e-3,
        audio_s=90.0,
        padding=0.05,
        waited_s=0.5,
        computed_s=1.5,
        gpu_bytes=0,
    )


def epoch(number: int, faces: tuple[ValidationFace, ...] = ()) -> EpochRecord:
    metrics = {"train_cross": 0.4, "validation_cross": 0.6}
    return EpochRecord(epoch=number, epochs=3, number=10 * number, metrics=metrics, faces=faces)


def curve(folder: Path, tag: str) -> list[tuple[int, float]]:
    events = EventAccumulator(str(folder))
    events.Reload()
    return [(scalar.step, pytest.approx(scalar.value)) for scalar in events.Scalars(tag)]


def test_curves_of_a_run_that_went_on_show_every_step_once(tmp_path: Path) -> None:
    first = TensorBoard(str(tmp_path))
    for number in range(1, 6):
        first.step(step(number, loss=9.0 if number > 3 else 0.5))
    first.close()
    again = TensorBoard(str(tmp_path))  # from the checkpoint after step 3
    for number in range(4, 7):
        again.step(step(number))
    again.epoch(epoch(1))
    again.close()
    folder = tmp_path / "tensorboard"
    assert curve(folder, "step/cross") == [(number, 0.5) for number in range(1, 7)]
    assert curve(folder, "speed/share of waiting for data")[0] == (1, 0.25)
    assert curve(folder, "speed/audio hours per hour")[0] == (1, 45.0)
    assert curve(folder, "validation/cross") == [(1, 0.6)]


@pytest.mark.s3
def test_curves_reach_a_bucket(s3_server: S3Server, tmp_path: Path) -> None:
    import fsspec

    bucket = s3_server.make_bucket("curves")
    board = TensorBoard(f"{bucket}/run")
    board.step(step(1))
    board.epoch(epoch(1))
    fs, path = fsspec.core.url_to_fs(f"{bucket}/run/tensorboard")
    fs.get(path, str(tmp_path / "after an epoch"), recursive=True)
    assert curve(tmp_path / "after an epoch", "train/cross") == [(1, 0.4)]
    board.step(step(2))
    board.close()
    fs.get(path, str(tmp_path / "after all"), recursive=True)
    assert [at for at, _ in curve(tmp_path / "after all", "step/cross")] == [1, 2]


def test_a_film_shows_the_clips_one_after_the_other(tmp_path: Path) -> None:
    pytest.importorskip("vtkmodules", reason="drawing needs emotalk[render]")
    from emotalk.render.stage import NoOpenGLError

    weights = np.zeros((5, 52), np.float32)
    faces = tuple(
        ValidationFace(clip_id=name, real=weights, predicted=weights + 0.5, samples=noise(5 / 30)) for name in "ab"
    )
    films = Films(str(tmp_path))
    films.epoch(epoch(1))
    assert not (tmp_path / "films").exists()
    try:
        films.epoch(epoch(2, faces))
    except NoOpenGLError as error:
        pytest.skip(str(error))
    with av.open(str(tmp_path / "films/epoch-0002.mp4")) as film:
        pictures = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
        assert len(film.streams.audio) == 1
    assert len(pictures) == 10
    half = pictures[0].shape[1] // 2
    assert np.abs(pictures[0][:, :half].astype(int) - pictures[0][:, half:]).max() > 50


def test_watchers_are_found_by_name() -> None:
    assert load_watcher("emotalk.training.films:Films") is Films
    for name in ("emotalk.training.films", "emotalk.training.films:Nobody", "no.such:Thing", ":"):
        with pytest.raises(InputError, match="is no watcher"):
            load_watcher(name)
