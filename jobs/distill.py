"""Teaches a small network what a large one says: python -m jobs.distill shelf/ --teacher EmoTalk.pth --output run

First the teacher gives every recording a face, once: OUTPUT/taught is a corpus like any other. Then a student is
trained on it as jobs.train does, whose options are this command's too; the model ends in OUTPUT/model. The output is
the run's identity: the same command goes on where an interrupted run stopped. Exit code: 0, or 1 where recordings could
not be read, which are told and left out.
"""

import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, fields, replace
from functools import partial

import tyro
from rich.console import Console

from emotalk import command_line
from emotalk.corpus.corpora import Corpora
from emotalk.corpus.corpus import Corpus
from emotalk.corpus.manifest import QUARANTINE, Manifest
from emotalk.distillation.labelling import FAILED, Labelling
from emotalk.distillation.records import Labelled
from emotalk.distillation.teacher import Teacher, TeacherFile
from emotalk.dubbing.listing import list_recordings
from emotalk.errors import InputError
from emotalk.files import absolute
from emotalk.timing import counted, length
from jobs.cluster import start_ray
from jobs.distill_worker import Labeller
from jobs.pool import Pool, check_gpus
from jobs.progress import Progress, ProgressCallback, progress_line
from jobs.train import TrainConfig, TrainOptions, train
from jobs.train_identity import check_identity, claim
from jobs.watch import watched
from jobs.work_board import Heard, start_board

TAUGHT, CONFIG = "taught", "distill.json"
MAX_TOLD = 20  # recordings that could not be read; the quarantine has all of them


@dataclass(frozen=True, kw_only=True)
class DistillConfig(TrainOptions):
    """Teaches a network what a larger one says of speech without labels, and trains as jobs.train does."""

    inputs: tyro.conf.Positional[tuple[str, ...]]
    """Recordings of speech: files, folders with all below them, globs, or URIs of these such as s3://bucket/shelf."""
    teacher: str
    """Model directory or URI of the teacher, or the authors' EmoTalk.pth."""
    output: str
    """Folder or URI of the run: the model ends in its folder `model`, the teacher's faces in its corpus `taught`."""
    corpus: str | None = None
    """Corpus with labelled clips to learn besides; then --plan.unlabelled-ratio says how many of the teacher's come to
    each of them."""
    max_clip_s: float = 20.0
    """Recordings are cut at pauses into clips of at most so many seconds."""
    teachers: int | None = None
    """Teachers at work at a time. Default: as many as the cluster has GPUs or CPUs for."""
    teacher_threads: int = 1
    """CPU threads of a teacher; with all cores for one, a large network is in memory once."""
    teacher_gpus: float | None = None
    """GPUs of a teacher; 0.5 lets two share one. Default: 1 where the cluster has GPUs, else 0."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.inputs:
            raise InputError("no recordings given")
        if (self.teachers is not None and self.teachers < 1) or self.teacher_threads < 1:
            raise InputError("teachers and teacher_threads must be at least 1")
        check_gpus(self.teacher_gpus)

    def training(self) -> TrainConfig:
        """The second half, once the teacher's faces are there."""
        output = absolute(self.output)
        options = {option.name: getattr(self, option.name) for option in fields(TrainOptions)}
        corpora = [*([self.corpus] if self.corpus else []), f"{output}/{TAUGHT}"]
        return TrainConfig(corpus=corpora[0], with_corpus=tuple(corpora[1:]), output=output, **options)


@dataclass(frozen=True)
class Distilled:
    """model: its directory. taught: what the teacher's corpus holds. failed: recordings left out, with the reason."""

    model: str
    taught: Manifest
    failed: tuple[tuple[str, str], ...]


def distill(
    config: DistillConfig, console: Console | None = None, progress: ProgressCallback | None = None
) -> Distilled:
    """Labels what is not labelled yet, then trains; `progress` hears of the labelling.

    Raises what `train` raises, InputError for a changed configuration, naming the key, and where there is nothing to
    learn from.
    """
    output = absolute(config.output)
    if config.corpus is not None:
        Corpora.open([absolute(config.corpus)])  # what is missing is said before hours of work
    teacher = TeacherFile.read(absolute(config.teacher))
    listing = list_recordings(config.inputs, output=output)
    labelling = Labelling.plan(listing, f"{output}/{TAUGHT}", teacher, max_clip_s=config.max_clip_s)
    check_identity(output, labelling.identity, CONFIG)
    taught = labelling.finished()
    with start_ray() if taught is None else nullcontext():
        if taught is None:
            taught = _label(labelling, config, output, progress)
        model = train(config.training(), console)
    rows = Corpus.open(labelling.location).quarantine.to_pylist()
    failed = tuple((row["item_id"], row["text"]) for row in rows if row["reason"] in FAILED)
    return Distilled(model, taught, failed)


def _label(labelling: Labelling, config: DistillConfig, output: str, progress: ProgressCallback | None) -> Manifest:
    """The first half: every portion to an actor with a teacher."""
    # Here, because what is wrong with the teacher is wrong for every recording.
    Teacher(labelling.teacher, device="cpu")
    pieces = list(enumerate(labelling.portions))
    pool = Pool.of(len(pieces), workers=config.teachers, threads=config.teacher_threads, gpus=config.teacher_gpus)
    claim(output, labelling.identity, CONFIG)
    board, started = start_board(), time.monotonic()
    done: list[Labelled] = []
    all_bytes = sum(portion.bytes for portion in labelling.portions)

    def show(heard: Heard) -> None:
        if progress is not None:
            progress(
                Progress(
                    clips=sum(one.index.num_rows for one in done),
                    rejected=sum(len(one.rejections) for one in done),
                    audio_s=heard.seconds,
                    planned_audio_s=heard.promised_s * all_bytes / heard.bytes if heard.bytes else 0.0,
                    elapsed_s=time.monotonic() - started,
                    nouns=("clips", "turned away"),
                )
            )

    # The longest first, so that none is the last to begin. A portion goes out, its rows of the index come back; the
    # shards are written by the actor.
    pieces.sort(key=lambda piece: -piece[1].bytes)
    make = partial(Labeller, replace(labelling, portions=()), config.teacher_threads, pool.device, board)
    with watched(board, show):
        for one in pool.run(make, pieces):
            done.append(one)
    return labelling.finish(done)


def main(arguments: Sequence[str] | None = None) -> None:
    config: DistillConfig = command_line.parse(DistillConfig, prog="python -m jobs.distill", args=arguments)
    sys.exit(command_line.run(lambda: _main(config)))


def _main(config: DistillConfig) -> int:
    with progress_line("teaching") as progress:
        distilled = distill(config, progress=progress)
    total = distilled.taught.total
    print(f"taught: {counted(total.clips, 'clip')}, {length(total.hours)}")
    print(f"model: {distilled.model}")
    for name, reason in distilled.failed[:MAX_TOLD]:
        print(f"error: {name}: {reason}", file=sys.stderr)
    if distilled.failed:
        left_out = counted(len(distilled.failed), "recording")
        print(f"error: {left_out} could not be read, see {TAUGHT}/{QUARANTINE}", file=sys.stderr)
    return 1 if distilled.failed else 0


if __name__ == "__main__":
    main()
