"""Writes the locks anew: python -m cluster.supply.lock [--upgrade] [PACKAGE ...]

constraints.txt has the version of everything, tests included; pip takes it as constraints, whatever is installed, on
any platform. cpu.txt has what runs on a cluster, with the digests of the public index, all but torch, whose CPU build
comes from elsewhere. cuda.txt has torch with its digests, what its CUDA build needs, and all of cpu.txt.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from emotalk import command_line
from emotalk.errors import EmoTalkError

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
CONSTRAINTS, CPU, CUDA = ROOT / "constraints.txt", HERE / "cpu.txt", HERE / "cuda.txt"
PYTHON = "3.11"  # the oldest that is supported
# What training, dubbing and the service use; nothing under the GPL, nothing for tests.
EXTRAS = ("render", "usd", "capture", "client")
TORCH = "torch"

ABOUT_CONSTRAINTS = """\
# The versions that everything here was tested with, all the way down: for pip's --constraint. torch is pinned so that a
# machine that offers a CPU build of it takes that one. Written by python -m cluster.supply.lock
"""
ABOUT_CPU = """\
# What runs on a cluster, all but torch, for pip's --require-hashes; torch by ../../constraints.txt, from wherever its
# CPU build lies. Written by python -m cluster.supply.lock
"""
ABOUT_CUDA = """\
# What runs on a cluster with GPUs, for pip's --require-hashes. Written by python -m cluster.supply.lock
-r cpu.txt
"""


@dataclass(frozen=True, kw_only=True)
class LockConfig:
    """Writes the locks anew."""

    packages: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Of these the newest version that fits. Default: nothing but what pyproject.toml makes necessary."""
    upgrade: bool = False
    """Of everything."""


def lock(config: LockConfig) -> None:
    """Asks the index that uv is told of. EmoTalkError where there is no answer that fits."""
    wanted = ["--upgrade"] * config.upgrade
    for package in config.packages:
        wanted += ["--upgrade-package", package]
    cpu_torch = ["--config-file", str(HERE / "torch_cpu.toml")]
    # uv keeps what an output file has, where it can.
    _compile("--all-extras", *wanted, *cpu_torch, "--output-file", str(CONSTRAINTS))
    _write(CONSTRAINTS, ABOUT_CONSTRAINTS, entries(CONSTRAINTS.read_text(encoding="utf-8")))

    extras = [argument for extra in EXTRAS for argument in ("--extra", extra)]
    hashed = [*extras, "--generate-hashes", "--constraint", str(CONSTRAINTS)]
    cpu = entries(_compile(*hashed, *cpu_torch, "--no-emit-package", TORCH))
    cuda = entries(_compile(*hashed))
    known = {name_of(entry) for entry in cpu}
    _write(CPU, ABOUT_CPU, cpu)
    _write(CUDA, ABOUT_CUDA, [entry for entry in cuda if name_of(entry) not in known])


def entries(text: str) -> list[str]:
    """The packages of a requirements file, each with its marker and digests."""
    return re.findall(r"^[\w.-]+==[^\n]*(?:\n {4}--hash[^\n]*)*", text, re.MULTILINE)


def name_of(entry: str) -> str:
    """In the index's spelling."""
    return re.sub(r"[-_.]+", "-", entry.partition("==")[0]).lower()


def version_of(entry: str) -> str:
    return re.split(r"[ \\\n;]", entry.partition("==")[2].strip(), maxsplit=1)[0]


def _compile(*arguments: str) -> str:
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if uv is None:
        raise EmoTalkError("uv is not there: pip install 'emotalk[release]'")
    command = [uv, "pip", "compile", str(ROOT / "pyproject.toml"), "--universal"]
    command += ["--python-version", PYTHON, "--no-header", "--no-annotate", "--quiet", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise EmoTalkError(f"no lock: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def _write(file: Path, about: str, packages: Iterable[str]) -> None:
    file.write_text(about + "".join(f"{package}\n" for package in packages), encoding="utf-8")


def main() -> None:
    config: LockConfig = command_line.parse(LockConfig, prog="python -m cluster.supply.lock")

    def run() -> int:
        lock(config)
        return 0

    sys.exit(command_line.run(run))


if __name__ == "__main__":
    main()
