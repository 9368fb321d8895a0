"""A report of many rows that nobody dubbed, its size and cost, and its pictures: python -m benchmarks.dub_report

Rows are drawn at random (seeded) as a shelf of audiobooks might give them. The pictures are those of
docs/dubbing-report.md; they are taken by Chromium where one is installed.
"""

import argparse
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.pictures import save_small
from emotalk.dubbing.emotions import BUCKET_S, MOST_BUCKETS, EmotionCurve
from emotalk.dubbing.findings import MEANINGS, Finding
from emotalk.dubbing.report import (
    ALREADY_DONE,
    ANIMATED,
    FAILED,
    LEFT,
    PAGE,
    REPORT,
    FailureClass,
    ReportWriter,
    Row,
)
from emotalk.labels import EMOTIONS

PICTURES = Path(__file__).parents[1] / "docs" / "images"
SCREENS = {
    "dub-report": (1280, 2100, False),
    "dub-report-dark": (1280, 2100, True),
    "dub-report-narrow": (500, 1500, False),
}
REASONS: dict[FailureClass, str] = {
    "recording": "damaged at 2820.14 s (Invalid data found when processing input)",
    "storage": "No space left on device (/faces/book/chapter.npz)",
    "timeout": "no sound for 60 s: the decoder hangs",
    "worker died": "its worker died 3 times (out of memory, or a fault of the decoder)",
}
BOOKS = ("Sense and Sensibility", "Ghosts & <script>", "Die Verwandlung", "Les Misérables", "A Tale of Two Cities")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--output", type=Path, help="folder of the report; default: a temporary one")
    parser.add_argument("--pictures", action="store_true", help=f"write those of {PICTURES}")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.output or Path(scratch)
        started = time.perf_counter()
        with ReportWriter(str(folder), price_per_hour=2.4) as writer:
            before = _peak_mib()
            for row in made_up(options.rows):
                writer.add(row)
            # About what 16 workers need for so many hours at 4,000 × real time.
            writer.totals.workers, writer.totals.gpus = 16, 0.5
            writer.totals.elapsed_s = writer.totals.hours_animated * 3600 / (16 * 4_000) + 40
        seconds = time.perf_counter() - started
        print(f"{options.rows:,} rows in {seconds:.1f} s, memory +{_peak_mib() - before:.0f} MiB")
        for name in (REPORT, PAGE):
            print(f"{name}: {(folder / name).stat().st_size / 2**20:.1f} MiB")
        print(writer.report.summary())
        if options.pictures:
            for name, (width, height, dark) in SCREENS.items():
                screenshot(folder / PAGE, PICTURES / f"{name}.png", width, height, dark=dark)


def made_up(rows: int) -> Iterator[Row]:
    random = np.random.default_rng(0)
    for number in range(rows):
        book = BOOKS[int(random.integers(len(BOOKS)))]
        uri = f"s3://shelf/audiobooks/{book}/{number:06d}.mp3"
        seconds = float(random.lognormal(np.log(1_100), 0.8))
        size = round(seconds * 8_000)
        fate = float(random.random())
        if fate < 0.004:
            kind = list(REASONS)[int(random.choice(len(REASONS), p=(0.7, 0.1, 0.1, 0.1)))]
            yield Row(uri=uri, state=FAILED, reason=REASONS[kind], failure=kind, bytes=size)
        elif fate < 0.02:
            yield Row(uri=uri, state=LEFT, bytes=size)
        else:
            yield _dubbed(uri, seconds, size, random, done=fate > 0.85)


def _dubbed(uri: str, seconds: float, size: int, random: np.random.Generator, *, done: bool) -> Row:
    curve = _curve(seconds, random)
    means = {label: float(np.mean(shares)) for label, shares in curve.shares.items()}
    label = max(means, key=lambda name: means[name])
    speed = float(random.lognormal(np.log(3_900), 0.2))
    name = uri.removeprefix("s3://shelf/").removesuffix(".mp3")
    values = {"silence": 47.0, "quiet": -48.0, "clipped": 0.013, "offset": 0.021, "cut": 12.5}
    warnings = [
        Finding(kind, float(random.uniform(0, seconds)), float(random.uniform(0.01, 1)), values.get(kind, 0.0))
        for kind in MEANINGS
        if random.random() < (0.02 if kind == "music" else 0.004)
    ]
    return Row(
        uri=uri,
        state=ALREADY_DONE if done else ANIMATED,
        seconds=seconds,
        bytes=size,
        work_s=None if done else seconds / speed,
        speed=None if done else speed,
        emotion=label,
        share=means[label],
        emotions=curve,
        style="mean of the trained styles",
        made_on="cuda",
        sha256=random.bytes(32).hex(),
        outputs=(f"s3://faces/{name}.npz",),
        output_sha256=(random.bytes(32).hex(),),
        warnings=tuple(warnings),
    )


def _curve(seconds: float, random: np.random.Generator) -> EmotionCurve:
    bucket_s = float(BUCKET_S)
    while seconds > MOST_BUCKETS * bucket_s:
        bucket_s *= 2
    buckets = max(1, round(seconds / bucket_s))
    drift = np.cumsum(random.standard_normal((buckets, len(EMOTIONS))) * 0.5, axis=0) + 2 * (
        np.arange(len(EMOTIONS)) == 0
    )
    shares = np.exp(drift) / np.exp(drift).sum(1, keepdims=True)
    return EmotionCurve(bucket_s, {label: tuple(shares[:, k].round(3).tolist()) for k, label in enumerate(EMOTIONS)})


def screenshot(page: Path, target: Path, width: int, height: int, *, dark: bool) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        print(f"no Chromium: {target.name} is not taken")
        return
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                f"--user-data-dir={profile}",
                f"--window-size={width},{height}",
                f"--blink-settings=preferredColorScheme={0 if dark else 1}",
                "--virtual-time-budget=5000",
                f"--screenshot={target}",
                page.resolve().as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )
    with Image.open(target) as taken:
        picture = np.asarray(taken.convert("RGB"))
    save_small(target, picture)


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
