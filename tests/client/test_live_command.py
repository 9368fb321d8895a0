"""`emotalk live`: a recording at the speed of speech, and what is said of it."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from emotalk.animation import Animation
from emotalk.client.live import LivePiece
from emotalk.inference.animator import Animator
from emotalk.live_command import RATE, Watch
from serve_app.api import build_api
from tests.client.test_client import served
from tests.commands import emotalk
from tests.serve_app.conftest import LIMITS, LocalModel
from tests.serve_app.conftest import animator as animator
from tests.serve_app.conftest import model_dir as model_dir
from tests.serve_app.recordings import voice, wav


def test_a_recording_is_spoken_and_its_face_is_kept(animator: Animator, tmp_path: Path) -> None:
    (tmp_path / "speech.wav").write_bytes(wav(1.5))
    with served(build_api(LIMITS, {"default": LocalModel(animator)})) as url:
        options = (url, "--speech", tmp_path / "speech.wav", "--emotion", "sad", "-o", tmp_path / "a.npz")
        command = [sys.executable, "-m", "emotalk.cli", "live", *map(str, options)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    told = re.search(r"(\d+) frames, from a sound to its frame \d+ ms \(median\)", done.stdout)
    assert told is not None, done.stdout
    assert int(told[1]) == 45
    from emotalk.controls import Controls

    expected = animator.animate(voice(1.5), Controls(emotion="sad"))
    np.testing.assert_allclose(Animation.load(tmp_path / "a.npz").weights, expected.weights, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["http://127.0.0.1:9"], "--speech FILE or --microphone"),
        (["http://127.0.0.1:9", "--microphone", "-o", "face.xyz"], "xyz"),
    ],
)
def test_what_cannot_be_is_one_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert emotalk("live", *arguments) == 2
    errors = capsys.readouterr().err
    assert said in errors
    assert errors.count("\n") == 1


def test_delays_are_counted_from_the_sound_that_a_frame_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 50.0
    monkeypatch.setattr("emotalk.live_command.monotonic", lambda: now)
    watch = Watch()
    for _ in range(10):
        now += 0.1
        watch.sent(RATE // 10)
    # Frame 15 shows the sound at 0.5 s, which was spoken at 50.5; it is here 0.7 s later.
    watch.took(LivePiece(first=15, animation=Animation(np.zeros((1, 52))), arrived=51.2))
    assert watch._delays == pytest.approx([0.7])
