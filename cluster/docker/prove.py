"""Does what the Dockerfile says without a container engine: sudo python3 cluster/docker/prove.py --work /tmp/image

Where no engine can build, this carries out every step of the file in clean Debian roots (debootstrap; its Python in the
place of the base image's) and then, as the image's user, runs the image's command until its HEALTHCHECK passes. It
knows the instructions that the file uses, and stops at any other. Needs root, debootstrap, git and some 8 GB.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
FILE = REPOSITORY / "cluster" / "docker" / "Dockerfile"
MIRROR = "http://deb.debian.org/debian"
# A root is to have the base image's interpreter; Debian's own has the same minor version.
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
BASE_PACKAGES = "python3,python3-venv,ca-certificates"
PASSED_ON = (
    "PIP_FIND_LINKS",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_CERT",
    "SSL_CERT_FILE",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)


@dataclass
class Stage:
    """What the instructions so far made of a stage."""

    root: Path
    arguments: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    shell: tuple[str, ...] = ("/bin/sh", "-c")
    directory: str = "/"
    user: str = "0:0"
    command: tuple[str, ...] = ()
    health: tuple[str, ...] = ()

    def known(self) -> dict[str, str]:
        return self.arguments | self.environment


def instructions(text: str) -> list[tuple[str, str]]:
    """(instruction, the rest of its line) for every line, continued ones joined, without comments."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", "", "\n".join(lines))
    return [
        (word.upper(), rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)
    ]


def filled(text: str, known: dict[str, str]) -> str:
    """$NAME and ${NAME} of what is known; what is not is left out, as a builder does it."""
    return re.sub(r"\$\{?(\w+)\}?", lambda found: known.get(found[1], ""), text)


class Builder:
    """Carries out instructions. work: folder of the roots. share: folders of this machine that the roots may read."""

    def __init__(self, work: Path, arguments: dict[str, str], share: Sequence[str]) -> None:
        self._work, self._given, self._share = work, arguments, share
        self._global: dict[str, str] = {}
        self._stages: dict[str, Stage] = {}
        self._tracked = subprocess.run(
            ["git", "-C", str(REPOSITORY), "ls-files"], check=True, capture_output=True, text=True
        ).stdout.splitlines()

    def build(self) -> Stage:
        """-> the last stage."""
        stage: Stage | None = None
        for word, rest in instructions(FILE.read_text()):
            print(f"{word} {' '.join(rest.split())[:100]}", flush=True)
            started = time.monotonic()
            if word == "FROM":
                stage = self._from(rest)
            elif stage is None:
                assert word == "ARG", f"{word} before FROM"
                self._declare(rest, self._global, {})
            else:
                self._carry_out(stage, word, rest)
            if (took := time.monotonic() - started) > 1:
                print(f"  {took:.0f} s", flush=True)
        assert stage
        return stage

    def _declare(self, rest: str, into: dict[str, str], outside: dict[str, str]) -> None:
        name, _, default = rest.partition("=")
        into[name] = self._given.get(name, outside.get(name, default))

    def _from(self, rest: str) -> Stage:
        image, _, name = filled(rest, self._global).partition(" AS ")
        root = self._work / name
        if root.exists():
            shutil.rmtree(root)
        if image == "scratch":
            root.mkdir(parents=True)
        else:
            assert image.startswith("python:3.11."), f"this proves the Debian image of Python 3.11, not {image}"
            base = self._work / "base"
            if not base.exists():
                begun = self._work / "base.begun"  # a base that was only begun is not used again
                shutil.rmtree(begun, ignore_errors=True)
                begun.parent.mkdir(parents=True, exist_ok=True)
                bootstrap = ["debootstrap", "--variant=minbase", f"--include={BASE_PACKAGES}", "bookworm"]
                subprocess.run([*bootstrap, str(begun), MIRROR], check=True, stdout=subprocess.DEVNULL)
                begun.rename(base)
            subprocess.run(["cp", "-a", "--reflink=auto", str(base), str(root)], check=True)
            shutil.copy("/etc/resolv.conf", root / "etc" / "resolv.conf")
            shutil.copy(CERTIFICATES, f"{root}{CERTIFICATES}")
            for folder in self._share:
                shutil.copytree(folder, f"{root}{folder}", dirs_exist_ok=True)
        self._stages[name] = Stage(
            root, environment={"PATH": "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin"}
        )
        return self._stages[name]

    def _carry_out(self, stage: Stage, word: str, rest: str) -> None:
        if word == "ARG":
            self._declare(rest, stage.arguments, self._global)
        elif word == "ENV":
            values = dict(pair.split("=", 1) for pair in rest.split())
            stage.environment |= {name: filled(value, stage.known()) for name, value in values.items()}
        elif word == "SHELL":
            stage.shell = tuple(json.loads(rest))
        elif word == "WORKDIR":
            stage.directory = rest
            if not (place := Path(f"{stage.root}{rest}")).exists():
                place.mkdir(parents=True)
        elif word == "USER":
            stage.user = rest
        elif word == "COPY":
            self._copy(stage, rest)
        elif word == "RUN":
            inside(stage, [*stage.shell, rest], check=True)
        elif word == "HEALTHCHECK":
            stage.health = tuple(json.loads(rest[rest.index("CMD ") + 4 :]))
        elif word == "CMD":
            stage.command = tuple(json.loads(rest))
        else:
            assert word in ("LABEL", "EXPOSE"), f"{word} is not known here"

    def _copy(self, stage: Stage, rest: str) -> None:
        *sources, target = filled(rest, stage.known()).split()
        place = Path(stage.root) / os.path.normpath(f"{stage.directory}/{target}" if target[0] != "/" else target)[1:]
        if sources[0].startswith("--from="):
            origin = self._stages[sources.pop(0).partition("=")[2]].root
            (source,) = sources
            place.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-a", f"{origin}{source}/.", str(place)], check=True)
            return
        for source in sources:  # as a builder has them: what git tracks, so that no leftover of this machine gets in
            files = [file for file in self._tracked if file == source or file.startswith(f"{source}/")]
            assert files, f"COPY {source}: no such file in the repository"
            for file in files:
                inner = Path(file).name if file == source else Path(file).relative_to(source)
                (place / inner).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(REPOSITORY / file, place / inner)


def inside(stage: Stage, command: Sequence[str], *, check: bool = False) -> subprocess.CompletedProcess[bytes]:
    """Runs a command in a stage's root, as its user, with its environment and no more of this machine's."""
    return subprocess.run(in_root(stage, command), check=check, env=environment(stage))


def in_root(stage: Stage, command: Sequence[str]) -> list[str]:
    """The command line that does it: mounts of its own, which are gone with it."""
    root = str(stage.root)
    mounts = f"mount -t proc proc {root}/proc && mount --rbind /dev {root}/dev"
    script = f'{mounts} && exec chroot --userspec={stage.user} {root} /bin/sh -c \'cd "$0" && exec "$@"\' "$@"'
    return ["unshare", "--mount", "/bin/sh", "-c", script, "sh", stage.directory, *command]


def environment(stage: Stage) -> dict[str, str]:
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    home = "/root" if stage.user == "0:0" else "/home/emotalk"
    return passed | stage.known() | {"HOME": home}


def serve(stage: Stage, port: int, patience_s: float) -> None:
    """The image's command on this machine's loopback, until its HEALTHCHECK passes; RuntimeError where it does not."""
    command = [{"0.0.0.0": "127.0.0.1", "8000": str(port)}.get(word, word) for word in stage.command]
    health = [word.replace(":8000", f":{port}") for word in stage.health]
    keys = Path(stage.root) / "etc" / "emotalk" / "keys.txt"
    keys.parent.mkdir(parents=True, exist_ok=True)
    told = subprocess.run(
        in_root(stage, ["python", "-m", "serve_app.keys", "--name", "proof", "--scopes", "animate"]),
        check=True, capture_output=True, text=True, env=environment(stage),
    )  # fmt: skip
    keys.write_text(told.stdout)
    print(f"CMD {' '.join(command)}", flush=True)
    service = subprocess.Popen(in_root(stage, command), env=environment(stage))
    try:
        started = time.monotonic()
        while inside(stage, health).returncode:
            if service.poll() is not None:
                raise RuntimeError(f"the command ended with code {service.returncode}")
            if time.monotonic() - started > patience_s:
                raise RuntimeError(f"HEALTHCHECK does not pass within {patience_s:.0f} s")
            time.sleep(2)
        print(f"HEALTHCHECK passes after {time.monotonic() - started:.0f} s", flush=True)
    finally:
        service.terminate()
        service.wait(timeout=120)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--work", type=Path, required=True, help="folder for the roots; a base made earlier is used again"
    )
    parser.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE", help="as docker build has it")
    parser.add_argument(
        "--share", action="append", default=[], help="a folder of this machine, as of wheels, to copy in"
    )
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--patience-s", type=float, default=300)
    options = parser.parse_args()
    given = dict(pair.split("=", 1) for pair in options.build_arg)
    image = Builder(options.work.absolute(), given, options.share).build()
    assert image.user != "0:0", "the image's user is root"
    for command in ("id -u", "ray --version", "emotalk --help", "python -m jobs.dub --help", "wget --version"):
        print(f"> {command}", flush=True)
        inside(
            image, ["/bin/bash", "-lc", f"{command} > /dev/null"], check=True
        )  # a login shell, as KubeRay may have it
    serve(image, options.port, options.patience_s)
    for name in ("emotalk", "project"):
        subprocess.run(["du", "-sh", f"{image.root}/opt/{name}"], check=True)
    print("every step of the Dockerfile was carried out")
    return 0


if __name__ == "__main__":
    sys.exit(main())
