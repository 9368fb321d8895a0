"""`python -m serve_app`: starts, answers, ends what it started; says what is wrong."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import ray

from serve_app.__main__ import main
from tests.commands import exit_code
from tests.serve_app.recordings import wav

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "serve_app", *arguments]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "nowhere"], "nowhere: is no model directory: config.json: no such file"),
        (["--model", "HALF"], "is no model directory: model.safetensors: no such file"),
        (["--max-audio-s", "-1"], "max_audio_s must be positive"),
        (["--port", "eighty"], "--port"),
        (["--port", "70000"], "port must lie between 1 and 65535"),
        (["--listen", "0.0.0.0:8000"], "give --host and --port"),
        (["--model", "MODEL", "--port", "TAKEN"], "is taken: choose another with --port"),
        (["--model", "MODEL", "--host", "192.0.2.1", "--open"], "cannot be used"),
        (["--model", "MODEL", "--host", "0.0.0.0"], "other machines can reach 0.0.0.0: give --api-keys"),
        (["--model", "MODEL", "--api-keys", "nowhere.txt"], "nowhere.txt: no such file"),
    ],
)
def test_what_the_user_can_mend_is_said_before_ray_starts(
    arguments: list[str],
    said: str,
    model_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)  # other tests of this process may have one
    monkeypatch.setattr(ray, "init", lambda *_, **__: pytest.fail("Ray was started"))
    shutil.copy(model_dir / "config.json", tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        places = {"HALF": str(tmp_path), "MODEL": str(model_dir), "TAKEN": str(taken.getsockname()[1])}
        assert exit_code(main, *(places.get(argument, argument) for argument in arguments)) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    assert said in errors


def test_what_is_wrong_is_all_that_a_process_says(model_dir: Path) -> None:
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "RAY_ADDRESS"}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        line = command("--model", str(model_dir), "--port", str(taken.getsockname()[1]))
        with subprocess.Popen(line, env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
            _, errors = process.communicate(timeout=120)
    assert process.returncode == 2
    assert re.fullmatch(r"error: port \d+ of 127.0.0.1 is taken: .*\n", errors)
    assert not Path(f"/tmp/emotalk-{process.pid}").exists()


@pytest.mark.slow
@pytest.mark.cluster
def test_it_serves_until_it_is_interrupted(model_dir: Path, free_port: int) -> None:
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "RAY_ADDRESS"}
    arguments = command("--model", str(model_dir), "--port", str(free_port))
    with subprocess.Popen(arguments, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        greeting = ""
        while "Ctrl-C" not in greeting:
            line = process.stdout.readline()
            assert line, "it ended before it served"
            greeting += line
        url = re.findall(r"http://\S+/v1/animations", greeting)[0]
        assert httpx.post(url, files={"audio": wav(0.5)}, timeout=60).status_code == 200
        process.send_signal(signal.SIGHUP)
        assert process.stdout.readline() == "models loaded anew\n"
        assert httpx.post(url, files={"audio": wav(0.5)}, timeout=60).status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert not Path(f"/tmp/emotalk-{process.pid}").exists()
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)
