"""The Ray that a job starts for itself."""

import subprocess
import sys

NO_PLACE = """
import os
from pathlib import Path
from emotalk.command_line import run
from jobs.cluster import start_ray

os.environ.pop("RAY_ADDRESS", None)
place = Path(f"/tmp/emotalk-{os.getpid()}")
place.write_text("a file where Ray's folder should be")

def work() -> int:
    with start_ray():
        return 0

code = run(work)
place.unlink()
raise SystemExit(code)
"""


def test_a_ray_that_does_not_start_is_one_line() -> None:
    done = subprocess.run([sys.executable, "-c", NO_PLACE], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: Ray does not start (is the machine very busy, /tmp full?): ")
    assert done.stderr.count("\n") == 1
