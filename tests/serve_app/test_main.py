"""`python -m serve_app`: starts, answers, ends what it started; says what is wrong."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.serve_app.recordings import wav

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "serve_app", *arguments]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [(["--model", "nowhere"], 1, "nowhere"), (["--max-audio-s", "-1"], 2, "max_audio_s")],
)
def test_what_the_user_can_mend_is_said(arguments: list[str], code: int, said: str) -> None:
    done = subprocess.run(command(*arguments), env=ENVIRONMENT, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


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
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert not Path(f"/tmp/emotalk-{process.pid}").exists()
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)
