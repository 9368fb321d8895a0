"""How good a model is on real speech, where no real face is known: lips, talking heads, emotion, beside their targets.

    python -m benchmarks.real_speech demo/model --data FOLDER
    python -m benchmarks.real_speech demo/model --sections lips --recordings reading.mp3 other.wav --json scores.json

FOLDER has `speech/` (recordings; those with a text of their name beside them are aligned, those whose names end in an
emotion are compared, `Mark_anger.wav`), `video/` (talking heads) and `models/face_landmarker.task`.

* lips: sounds by forced alignment (extra `align`); lips closed are an inner gap under 1 mm on the default head.
* video: the lip opening beside the one captured from the picture, and loudness beside it (extra `capture`).
* emotion: what one speaker's recordings show, two by two, and the emotion of one voice on the words of another.
* loudness: jawOpen in silence (30 dB below the loudest) and where it is loud (within 10 dB), its correlation with
  loudness, and the emotion heard.
"""

import json
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro

from emotalk import Animation, Animator, EmoTalk, command_line, load_audio
from emotalk.audio import SAMPLE_RATE
from emotalk.dubbing.listing import RECORDING_SUFFIXES
from emotalk.errors import InputError
from emotalk.files import atomic_write
from emotalk.metrics.exchange import cross_reconstruct
from emotalk.metrics.loudness import jaw_follows_loudness
from emotalk.metrics.opening import LipOpening
from emotalk.metrics.spoken_lips import FALSE_SHARE, LipCounts, LipDepths, lip_counts, lip_depths
from emotalk.metrics.talking_head import compare_with_captured
from emotalk.metrics.voices import Voice, borrowed, contrasts, voice_of
from emotalk.model.store import model_digest
from emotalk.rigs import procedural_head
from emotalk.timing import frames_of

Section = Literal["lips", "video", "emotion", "loudness"]
ALL: tuple[Section, ...] = ("lips", "video", "emotion", "loudness")
LANDMARKER = "models/face_landmarker.task"
TARGETS: dict[str, tuple[Literal[">=", "<"], float]] = {
    "p, b, m that close": (">=", 0.85),
    "vowels closed, own frames": ("<", 0.07),
    "vowels closed, ± 1 frame": ("<", 0.07),
    "open vowels over p, b, m": (">=", 2.5),
    "open vowels over silence": (">=", 4.0),
    "pairs in the right direction": (">=", 0.75),
    "jawOpen r with own emotion": (">=", 0.9),
}


@dataclass(frozen=True, kw_only=True)
class Config:
    """Scores a model on real speech."""

    model: Annotated[str, tyro.conf.Positional]
    """Model directory or URI."""
    data: str | None = None
    """Folder with `speech/`, `video/` and `models/face_landmarker.task`."""
    recordings: tuple[str, ...] = ()
    """Recordings instead of those of `data`, each with its text beside it as `.txt` for the lips."""
    sections: tuple[Section, ...] = ALL
    """What is measured."""
    cache: str | None = None
    """Folder for alignments and captured faces, made if missing: they are then made once."""
    json: str | None = None
    """File for all numbers."""

    def __post_init__(self) -> None:
        if self.data is None and not self.recordings:
            raise InputError("give --data FOLDER or --recordings FILE …")
        if self.data is not None and not Path(self.data).is_dir():
            raise InputError("no such folder", source=self.data)


@dataclass(frozen=True)
class Row:
    """A line of the table. note: what a number alone would hide."""

    section: str
    what: str
    name: str
    value: float | None
    note: str = ""

    @property
    def target(self) -> str:
        sign, value = TARGETS.get(self.name, ("", 0.0))
        return f"{sign} {value:g}" if sign else ""

    @property
    def verdict(self) -> str:
        if self.value is None or self.name not in TARGETS:
            return ""
        sign, value = TARGETS[self.name]
        return "met" if (self.value >= value if sign == ">=" else self.value < value) else "missed"


class Bench:
    """A model, and what all sections share."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.model = EmoTalk.from_pretrained(config.model)
        self.animator = Animator(self.model)
        self.opening = LipOpening(procedural_head())
        self._animations: dict[Path, Animation] = {}

    def face(self, path: Path, samples: np.ndarray) -> np.ndarray:
        """(frames, 52) with the default controls, without the tail."""
        return self.animation(path, samples).weights[: frames_of(len(samples))]

    def animation(self, path: Path, samples: np.ndarray) -> Animation:
        """Made once for all sections."""
        if path not in self._animations:
            self._animations[path] = self.animator.animate(samples)
        return self._animations[path]

    def recordings(self) -> list[Path]:
        if self.config.recordings:
            return [Path(name) for name in self.config.recordings]
        assert self.config.data is not None
        found = sorted((Path(self.config.data) / "speech").rglob("*"))
        return [path for path in found if path.suffix.lower() in RECORDING_SUFFIXES]


def lips(bench: Bench) -> Iterator[Row]:
    """Every recording with a text, then all together."""
    from emotalk.alignment import Aligner
    from emotalk.alignment.storage import kept

    aligner, total, said = Aligner(), LipCounts(), 0
    depths = LipDepths(np.zeros(0), np.zeros(0))
    for path in bench.recordings():
        if not path.with_suffix(".txt").exists():
            continue
        samples, text = load_audio(path), path.with_suffix(".txt").read_text(encoding="utf-8-sig")
        try:
            alignment = kept(bench.config.cache, samples, text, aligner)
        except InputError as error:
            yield Row("lips", path.name, "left out", None, error.reason)
            continue
        counts = lip_counts(
            bench.face(path, samples),
            alignment.phones,
            bench.opening,
            duration_s=len(samples) / SAMPLE_RATE,
            unknown=alignment.doubtful,
        )
        doubtful_s = sum(end - start for start, end in alignment.doubtful)
        note = (
            f"{len(alignment.sure)} of {alignment.text_words} words are sure, {doubtful_s:.1f} s of speech are not: "
            "left out"
        )
        yield Row("lips", path.name, "speech that is aligned", alignment.sure_share, note)
        yield from _lip_rows(path.name, counts)
        total, said = total + counts, said + 1
        depths += lip_depths(bench.opening.of(bench.face(path, samples)), alignment.phones)
    if said > 1:
        yield from _lip_rows("all together", total)
    if said:
        about = "whatever counts as closed"
        yield Row("lips", "all together", "p, b, m told from vowels (ROC area)", depths.told_apart(), about)
        yield Row("lips", "all together", f"closed where {FALSE_SHARE:.0%} of vowels are", depths.closed_at(), about)


def _lip_rows(what: str, counts: LipCounts) -> Iterator[Row]:
    notes = {
        "p, b, m that close": f"{counts.bilabials} sounds, ± 1 frame",
        "vowels closed, own frames": f"{counts.vowels} vowels",
        "vowels closed, own frames, not beside p, b, m": f"{counts.vowels_free} vowels",
        "jawOpen on open vowels": f"{counts.open_frames} frames",
        "jawOpen on p, b, m": f"{counts.bilabial_frames} frames",
        "jawOpen in silence": f"{counts.silent_frames} frames",
    }
    for name, value in counts.values().items():
        yield Row("lips", what, name, value, notes.get(name, ""))
    if counts.beyond:
        yield Row("lips", what, "sounds behind the last frame", float(counts.beyond), "not counted")


def video(bench: Bench) -> Iterator[Row]:
    """Every talking head. Their sound may be out of step, so that every correlation stands with its lag."""
    from emotalk.capture.landmarker import FaceLandmarker, read_landmarker_file
    from emotalk.capture.retime import retime

    folder = Path(bench.config.data) if bench.config.data else None
    films = sorted((folder / "video").glob("*.mp4")) if folder else []
    if not films or folder is None:
        yield Row("video", "", "left out", None, "no FOLDER/video/*.mp4")
        return
    file = read_landmarker_file(folder / LANDMARKER if (folder / LANDMARKER).exists() else None)
    with FaceLandmarker(file) as landmarker, _scratch(bench.config.cache) as tracks:
        for film in films:
            track = _captured(film, landmarker, tracks, file.sha256)
            info = track.info
            begin_s = max(info.sound_start_s, float(track.times_s[0]))
            end_s = min(info.sound_end_s, info.picture_end_s)
            samples = load_audio(film)[round((begin_s - info.sound_start_s) * SAMPLE_RATE) :]
            captured = retime(track, begin_s, int((end_s - begin_s) * 30)).weights
            found = compare_with_captured(bench.face(film, samples), samples, captured, bench.opening)
            late = round(30 * info.offset.late_s) if info.offset is not None else 0
            sure = "sure" if info.offset is not None and info.offset.sure else "not sure"
            yield Row("video", film.name, "sound late by [frames]", late, f"as capture finds by itself, {sure}")
            for who, follows in (("model", found.model), ("loudness", found.loudness)):
                note = "constant"
                if follows.lag_frames is not None:
                    note = f"at {follows.lag_frames:+d}; {_number(follows.at(0))} at 0"
                    note += f", {_number(follows.at(late))} at {late:+d}" if late else ""
                yield Row("video", film.name, f"{who} r", follows.best, note)


def _captured(film: Path, landmarker: Any, folder: Path, landmarker_sha256: str) -> Any:
    """The track of a film, from the folder or put there."""
    from emotalk.capture.record import Shot, capture
    from emotalk.capture.track import read_track
    from emotalk.files import sha256_of

    sha256 = sha256_of(film)
    path = folder / f"capture-{sha256[:24]}.npz"
    if not path.exists():
        with atomic_write(str(path)) as temporary:
            shot = Shot(path=str(film), name=film.name)
            capture(shot, landmarker, temporary, video_sha256=sha256, landmarker_sha256=landmarker_sha256)
    return read_track(path)


def emotion(bench: Bench) -> Iterator[Row]:
    """Comparisons within a speaker, then the emotion of one voice on the words of another."""
    faces: list[tuple[str, Voice, np.ndarray]] = []
    sounds: dict[str, np.ndarray] = {}
    for path in bench.recordings():
        voice = voice_of(path.name)
        if voice is None:
            continue
        sounds[path.name] = load_audio(path)
        faces.append((path.name, voice, bench.face(path, sounds[path.name])))
    found = contrasts(faces)
    for each in found:
        what = f"{each.more} over {each.less}" + ("" if each.speaker else " (speaker not named)")
        note = f"{each.more_value:.3f} over {each.less_value:.3f}: {'right' if each.is_right else 'wrong'}"
        yield Row("emotion", what, each.coefficient, each.more_value - each.less_value, note)
    for what, some in (("named speakers", [c for c in found if c.speaker]), ("all", found)):
        if some:
            right = sum(c.is_right for c in some)
            yield Row("emotion", what, "pairs in the right direction", right / len(some), f"{right} of {len(some)}")
    for words, of_words, _ in faces:
        for felt, of_felt, _ in faces:
            if of_words.emotion == "neutral" and of_felt.speaker != of_words.speaker and of_felt.speaker:
                yield from _crossed(bench, words, felt, sounds, of_felt.emotion)


def _crossed(bench: Bench, words: str, felt: str, sounds: dict[str, np.ndarray], label: str) -> Iterator[Row]:
    itself = [np.arange(frames_of(len(sounds[words])), dtype=np.float64)]
    (own,) = cross_reconstruct(bench.model, sounds[words], sounds[words], itself)
    (other,) = cross_reconstruct(bench.model, sounds[words], sounds[felt], itself)
    rows = borrowed(words, own, felt, other, felt=label)
    for row in rows:
        rise = row.borrowed_value - row.own_value
        note = f"{row.own_value:.3f} -> {row.borrowed_value:.3f}: {'raised' if rise > 0 else 'not raised'}"
        yield Row("emotion", f"{felt} on {words}", row.coefficient, rise, note)
    for row in rows[:1]:
        yield Row("emotion", f"{felt} on {words}", "jawOpen r with own emotion", row.jaw_correlation)


def loudness(bench: Bench) -> Iterator[Row]:
    for path in bench.recordings():
        try:
            samples = load_audio(path)
        except InputError as error:
            yield Row("loudness", path.name, "left out", None, error.reason)
            continue
        jaw = jaw_follows_loudness(samples, bench.face(path, samples))
        heard, share = max(bench.animation(path, samples).meta["heard"].items(), key=lambda pair: pair[1])
        note = (
            f"jawOpen {_number(jaw.silent)} in silence, {_number(jaw.loud)} where it is loud; heard {heard} {share:.0%}"
        )
        yield Row("loudness", path.name, "jawOpen r with loudness", jaw.correlation, note)


SECTIONS: dict[Section, Callable[[Bench], Iterator[Row]]] = {
    "lips": lips,
    "video": video,
    "emotion": emotion,
    "loudness": loudness,
}


@contextmanager
def _scratch(folder: str | None) -> Iterator[Path]:
    """The folder that was given, or one that is gone afterwards."""
    if folder is not None:
        Path(folder).mkdir(parents=True, exist_ok=True)
        yield Path(folder)
    else:
        with tempfile.TemporaryDirectory() as own:
            yield Path(own)


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"


def show(rows: list[Row]) -> str:
    """The table as text: a heading for each recording, a line for each number."""
    lines: list[str] = []
    last = ("", "")
    for row in rows:
        if (row.section, row.what) != last:
            lines += ["", f"{row.section}: {row.what}"] if row.what else ["", row.section]
            last = (row.section, row.what)
        lines.append(f"  {row.name:<48}{_number(row.value):>8}  {row.target:<8}{row.verdict:<8}{row.note}".rstrip())
    return "\n".join(lines[1:])


def main() -> None:
    config: Config = command_line.parse(Config, prog="python -m benchmarks.real_speech")
    sys.exit(command_line.run(lambda: _main(config)))


def _main(config: Config) -> int:
    started = time.monotonic()
    bench = Bench(config)
    rows = [row for section in ALL if section in config.sections for row in SECTIONS[section](bench)]
    print(show(rows))
    took_s = time.monotonic() - started
    print(f"\n{config.model}, {procedural_head().name}, {platform.processor() or platform.machine()}, {took_s:.0f} s")
    if config.json:
        content = {
            "model": config.model,
            "digest": model_digest(config.model),
            "rig": procedural_head().name,
            "rows": [asdict(row) | {"target": row.target, "verdict": row.verdict} for row in rows],
        }
        with atomic_write(config.json) as temporary:
            temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    main()
