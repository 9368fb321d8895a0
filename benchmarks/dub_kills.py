"""Kills at random moments while a shelf is dubbed: python -m benchmarks.dub_kills --recordings 200 --kills 100

Makes a shelf of mixed recordings (wav, flac, mp3, m4b, ogg, mka; a part of a second to minutes; some broken), dubs it
once undisturbed, then again with SIGKILLs to the job's driver, its workers and its Ray node, and runs the same command
again until it ends by itself. Compares every byte. Ends with code 1 where anything is missing, doubled, different or
half-written.
"""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil  # type: ignore[import-untyped]
import pyarrow.parquet as pq
import tyro

from emotalk.audio import SAMPLE_RATE, encode_flac, encode_wav
from emotalk.audio.container import require_av
from emotalk.dubbing.ledger import LEDGER
from emotalk.dubbing.naming import OWN_FOLDER
from emotalk.dubbing.report import FAILED, REPORT
from emotalk.files import is_half_written

CODECS = {
    ".mp3": ("mp3", "libmp3lame"),
    ".m4b": ("ipod", "aac"),
    ".ogg": ("ogg", "libopus"),
    ".mka": ("matroska", "pcm_s16le"),
}
KINDS = (".wav", ".flac", *CODECS)
BROKEN = 0.05  # of the recordings


@dataclass(frozen=True, kw_only=True)
class KillsBenchmark:
    """Dubs a shelf while its processes are killed."""

    recordings: int = 200
    kills: int = 100
    longest_s: float = 240.0
    """Of the recordings; most are much shorter."""
    workers: int = 2
    pause_s: float = 10.0
    """Longest time between two kills; starting takes some seconds."""
    part_minutes: int = 1
    model: str | None = None
    """Model directory. Default: the one that comes with this package."""
    seed: int = 0
    folder: str | None = None
    """Where shelf and outputs lie; kept. Default: a temporary folder."""


def main() -> None:
    config = tyro.cli(KillsBenchmark, prog="python -m benchmarks.dub_kills")
    folder = Path(config.folder or tempfile.mkdtemp(prefix="emotalk-kills-"))
    try:
        sys.exit(_run(config, folder))
    finally:
        if config.folder is None:
            shutil.rmtree(folder, ignore_errors=True)


def _run(config: KillsBenchmark, folder: Path) -> int:
    shelf, calm, wild = folder / "shelf", folder / "undisturbed", folder / "killed"
    hours = make_shelf(shelf, config) / 3600
    print(f"{config.recordings} recordings, {hours:.2f} h", flush=True)
    started = time.monotonic()
    code = _start(config, shelf, calm).wait()
    print(f"undisturbed: exit code {code}, {time.monotonic() - started:.0f} s", flush=True)
    wanted = _digests(calm)
    started = time.monotonic()
    kills, runs, lost = _killed(config, shelf, wild)
    _start(config, shelf, wild).wait()  # tidies up behind workers that were killed in the last run
    got = _digests(wild)
    calm_states, wild_states = _states(calm), _states(wild)
    missing, doubled = sorted(wanted.keys() - got.keys()), sorted(got.keys() - wanted.keys())
    differing = sorted(name for name in wanted.keys() & got.keys() if wanted[name] != got[name])
    half = [str(path) for path in wild.rglob("*") if is_half_written(path.name)]
    failed = calm_states == wild_states
    print(f"killed: {dict(kills)}, {runs} runs, {time.monotonic() - started:.0f} s")
    print(f"{len(wanted)} files: {len(missing)} missing, {len(doubled)} doubled, {len(differing)} differing, ", end="")
    print(f"{len(half)} half-written; finished ones made again: {lost}; the same recordings failed: {failed}")
    for name in (*missing, *doubled, *differing, *half):
        print(f"  {name}")
    return 0 if not (missing or doubled or differing or half) and failed else 1


def make_shelf(shelf: Path, config: KillsBenchmark) -> float:
    """-> seconds of sound."""
    choose = random.Random(config.seed)
    total = 0.0
    for number in range(config.recordings):
        kind = KINDS[number % len(KINDS)]
        seconds = min(
            config.longest_s, choose.choice([0.4, 2, 5, 10, 10, 20, 60, config.longest_s]) * choose.uniform(0.5, 1)
        )
        path = shelf / f"book {number // 20}" / f"part {number}{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = encoded(_speech(seconds, number), kind)
        if choose.random() < BROKEN:
            content = choose.choice([content[: len(content) // 2], b"", b"\0" * 999, content[:60]])
        path.write_bytes(content)
        total += seconds
    return total


def _speech(seconds: float, seed: int) -> np.ndarray:
    """Syllables of buzz and noise with pauses between phrases, (n,) float32."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(max(1, round(seconds * SAMPLE_RATE))) / SAMPLE_RATE
    pitch = 110 + 30 * np.sin(2 * np.pi * 0.3 * time_s + seed)
    buzz = np.sin(2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE) + 0.5 * np.sin(6 * np.pi * np.cumsum(pitch) / SAMPLE_RATE)
    syllables = np.clip(np.sin(2 * np.pi * 4 * time_s), 0, 1)
    phrases = np.clip(3 * np.sin(2 * np.pi * 0.2 * time_s + seed) + 2, 0, 1)
    return (0.2 * syllables * phrases * (buzz + 0.2 * rng.standard_normal(len(time_s)))).astype(np.float32)


def encoded(samples: np.ndarray, kind: str) -> bytes:
    if kind == ".wav":
        return encode_wav(samples)
    if kind == ".flac":
        return encode_flac(samples)
    av = require_av()
    form, codec = CODECS[kind]
    rate = 48_000 if codec == "libopus" else SAMPLE_RATE
    with tempfile.NamedTemporaryFile(suffix=kind) as file:
        with av.open(file.name, "w", format=form) as container:
            stream = container.add_stream(codec, rate=rate, layout="mono")
            pcm = (samples * 32_767).astype(np.int16)[None]
            frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
            frame.sample_rate = SAMPLE_RATE
            resampler = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=rate)
            for one in (*resampler.resample(frame), *resampler.resample(None)):
                container.mux(stream.encode(one))
            container.mux(stream.encode(None))
        return Path(file.name).read_bytes()


def _start(config: KillsBenchmark, shelf: Path, output: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "jobs.dub", str(shelf), "--output", str(output), "--max-failed", "100%"]
    command += ["--workers", str(config.workers), "--part-minutes", str(config.part_minutes), "--formats", "npz", "csv"]
    command += ["--model", config.model] if config.model else []
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet, start_new_session=True)


def _killed(config: KillsBenchmark, shelf: Path, output: Path) -> tuple[Counter[str], int, int]:
    """-> kills by kind, runs that were needed, and files that were written again though they were recorded."""
    choose = random.Random(config.seed)
    kills: Counter[str] = Counter()
    runs = again = 0
    while True:
        recorded = _recorded(output)
        process = _start(config, shelf, output)
        runs += 1
        ended = False
        while not ended and kills.total() < config.kills:
            ended = _ends_within(process, choose.uniform(0, config.pause_s))
            if not ended:
                kind = choose.choices(["worker", "driver", "node"], [6, 3, 1])[0]
                if _kill(kind, process, choose):
                    kills[kind] += 1
                if kind == "node" and not _ends_within(process, 60):
                    process.kill()  # whose job lost its only node, and has not noticed
                ended = kind != "worker" and _ends_within(process, 60)
        code = process.wait()
        _clear(process.pid)
        again += sum(_stamp(output / name) not in (None, stamp) for name, stamp in recorded.items())
        if runs % 10 == 0:
            print(f"  {runs} runs, {dict(kills)}", flush=True)
        if kills.total() >= config.kills and code in (0, 1):
            return kills, runs, again


def _kill(kind: str, process: subprocess.Popen[bytes], choose: random.Random) -> bool:
    """Kills the driver, one of its workers, or its node; False where there is no such process yet."""
    try:
        if kind == "driver":
            process.send_signal(signal.SIGKILL)
            return True
        mark = "ray::" if kind == "worker" else "raylet/raylet"
        children = psutil.Process(process.pid).children(recursive=True)
        found = [child for child in children if mark in " ".join(child.cmdline()) and "Board" not in child.name()]
        if not found:
            return False
        choose.choice(found).kill()
    except psutil.NoSuchProcess:
        return False
    return True


def _clear(pid: int) -> None:
    """What a killed driver leaves: processes of its own Ray, which end by themselves, and their folder."""
    folder = f"/tmp/emotalk-{pid}"
    for child in psutil.process_iter(["cmdline"]):
        try:
            if folder in " ".join(child.info["cmdline"] or []):
                child.kill()
        except psutil.NoSuchProcess:
            continue
    shutil.rmtree(folder, ignore_errors=True)


def _ends_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _recorded(output: Path) -> dict[str, int]:
    """Outputs that the ledger vouches for, with the time at which they were written."""
    found: dict[str, int] = {}
    for segment in (output / LEDGER).glob("*.jsonl"):
        for line in segment.read_bytes().splitlines():
            data = json.loads(line)
            for suffix, entry in data["outputs"].items():
                stamp = _stamp(output / f"{data['name']}{suffix}")
                if entry["key"] and stamp is not None:
                    found[f"{data['name']}{suffix}"] = stamp
    return found


def _stamp(path: Path) -> int | None:
    return path.stat().st_mtime_ns if path.exists() else None


def _digests(output: Path) -> dict[str, str]:
    paths = (path for path in output.rglob("*") if path.is_file() and OWN_FOLDER not in path.parts)
    kept = (path for path in paths if path.suffix in (".npz", ".csv") and not path.name.startswith("."))
    return {str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest() for path in kept}


def _states(output: Path) -> dict[str, bool]:
    """By recording, whether it failed."""
    rows = pq.read_table(output / REPORT, columns=["uri", "state"]).to_pylist()
    return {row["uri"]: row["state"] == FAILED for row in rows}


if __name__ == "__main__":
    main()
