"""The whole way in one command: corpus → training → evaluation → a dubbed chapter, on Ray, on this machine.

python -m jobs.demo [--audio RECORDING]. Finished parts are kept: a second run is quick.
"""

import hashlib
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console

import emotalk
from emotalk import Animation, command_line
from emotalk.audio import SAMPLE_RATE, encode_wav, stream_audio
from emotalk.corpus.manifest import Manifest
from emotalk.corpus.sources import Synthetic
from emotalk.corpus.synthetic.corpus import CorpusConfig
from emotalk.dubbing.report import Report as DubReport
from emotalk.errors import EmoTalkError, InputError
from emotalk.files import atomic_write
from emotalk.model.store import model_digest
from emotalk.player import MAX_PAGE_S, Take, write_page
from emotalk.rigs import procedural_head
from emotalk.training.optimiser import OptimiserConfig
from emotalk.training.plan import PlanConfig
from jobs.build_corpus import BuildConfig, build_corpus
from jobs.cluster import start_ray
from jobs.dub_config import DubConfig
from jobs.dub_run import dub
from jobs.evaluate import REPORT_HTML, REPORT_JSON, EvaluateConfig, evaluate, print_summary
from jobs.progress import progress_line
from jobs.train import TrainConfig, train


@dataclass(frozen=True, kw_only=True)
class DemoConfig:
    """Builds a synthetic corpus, trains `lite` on it, evaluates it, dubs a recording and makes a page of it."""

    output: str = "demo"
    """Folder of everything the demo makes."""
    audio: str | None = None
    """A recording to dub; a story told by a held-out synthetic voice, if not given."""
    workers: int = 2
    """Training processes."""
    epochs: int = 6
    """Times every clip of the corpus is a target. More make a better model."""
    size: CorpusConfig = field(default_factory=CorpusConfig)


def demo(config: DemoConfig, console: Console) -> None:
    """Every step in turn; each goes on where it was interrupted."""
    started = time.monotonic()
    root = Path(config.output)
    corpus, model = str(root / "corpus"), str(root / "model")
    recording = config.audio or str(_narration(root / "narration.wav"))
    # The beginning is enough for the page; what cannot be read should be known before minutes of work.
    beginning = next(stream_audio(recording, block_samples=MAX_PAGE_S * SAMPLE_RATE))
    with start_ray():
        with (
            _step(console, 1, "a synthetic corpus with exact truth"),
            progress_line("  speaking and animating") as show,
        ):
            source = Synthetic(size=config.size)
            with _kept(root):
                manifest = build_corpus(BuildConfig(source=source, output=corpus, shard_mib=6.0), show)
        total = manifest.total
        console.print(
            f"  {total.clips} clips, {total.hours:.1f} h, {total.speakers} voices, 8 emotions", highlight=False
        )
        with _step(console, 2, f"training lite with {config.workers} workers, {config.epochs} epochs"), _kept(root):
            train(_training(config, corpus), console)
        with (
            _step(console, 3, "evaluating on voices and sentences it never heard"),
            progress_line("  comparing") as show,
        ):
            known = is_evaluated(root / "report", manifest, model)
            if not known:
                report = evaluate(EvaluateConfig(corpus=corpus, model=(model,), output=str(root / "report")), show)
        if known:
            console.print(f"  this model is evaluated: see {root / 'report' / REPORT_HTML}", highlight=False)
        else:
            print_summary(report, console.file)
        with _step(console, 4, f"dubbing {recording}"), progress_line("  dubbing") as show:
            dubbed = dub(DubConfig(inputs=(recording,), output=str(root / "animations"), model=model), show)
    with _step(console, 5, "a page that plays it"):
        page = _page(root, recording, beginning, dubbed)
    minutes = (time.monotonic() - started) / 60
    console.print(f"\nDone in {minutes:.1f} minutes.")
    for name, place in (
        ("model", model),
        ("report", root / "report" / REPORT_HTML),
        ("animations", root / "animations"),
        ("page", f"{page} (open it in a browser)"),
    ):
        console.print(f"  {name:<11}{place}", highlight=False, soft_wrap=True)


def _training(config: DemoConfig, corpus: str) -> TrainConfig:
    return TrainConfig(
        corpus=corpus,
        output=config.output,
        workers=config.workers,
        epochs=config.epochs,
        optimiser=OptimiserConfig(learning_rate=1e-3),
        plan=PlanConfig(seconds_per_step=50),
    )


def is_evaluated(folder: Path, manifest: Manifest, model: str) -> bool:
    """Whether the report in the folder is about this model and corpus, by this version."""
    try:
        told = json.loads((folder / REPORT_JSON).read_text())  # written last
        of = (told["version"], told["corpus"]["digest"], told["methods"]["model"]["about"]["digest"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):  # none yet, or not of this version
        return False
    return of == (emotalk.__version__, hashlib.sha256(manifest.to_json()).hexdigest(), model_digest(model))


def _narration(path: Path) -> Path:
    from emotalk.corpus.synthetic.narration import narrate

    if not path.exists():
        with atomic_write(str(path)) as temporary:
            temporary.write_bytes(encode_wav(narrate()))
    return path


def _page(root: Path, recording: str, beginning: np.ndarray, dubbed: DubReport) -> Path:
    (row,) = dubbed.rows
    if row.reason:
        raise EmoTalkError(f"{recording}: {row.reason}")
    animation = Animation.load(next(path for path in row.outputs if path.endswith(".npz")))
    frames = min(animation.frames, int(MAX_PAGE_S * animation.fps))
    take = Take(
        title=Path(recording).stem,
        weights=animation.weights[:frames],
        samples=beginning,
        fps=animation.fps,
        emotion=None if animation.emotion is None else animation.emotion[:frames],
        emotion_names=animation.emotion_names,
        head=None if animation.head is None else animation.head[:frames],
        caption="" if frames == animation.frames else f"its first {MAX_PAGE_S // 60} minutes",
    )
    return write_page(root / "index.html", [take], procedural_head(), title="EmoTalk demo")


@contextmanager
def _step(console: Console, number: int, title: str) -> Iterator[None]:
    console.print(f"[bold]{number}/5[/bold] {title}", highlight=False)
    started = time.monotonic()
    yield
    console.print(f"  done in {time.monotonic() - started:.0f} s", highlight=False)


@contextmanager
def _kept(root: Path) -> Iterator[None]:
    """What an older demo left is never replaced unasked."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{error.reason} (to start over, remove the folder {root})", source=error.source) from error


def main() -> None:
    config: DemoConfig = command_line.parse(DemoConfig, prog="python -m jobs.demo")

    def run() -> int:
        demo(config, Console(stderr=True))
        return 0

    sys.exit(command_line.run(run))


if __name__ == "__main__":
    main()
