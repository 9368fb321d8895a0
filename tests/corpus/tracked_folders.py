"""Small folders of tracked faces beside recordings, in the layouts of the sources that read such."""

import json
from pathlib import Path

import numpy as np

from emotalk.audio import encode_wav
from emotalk.blendshapes import COEFFICIENTS
from emotalk.formats.live_link import CHANNELS
from tests.etf3d_folder import speech

BEAT_NAMES = COEFFICIENTS[:51]  # no tongueOut


def wave(times_s: np.ndarray) -> np.ndarray:
    """(n, 52) coefficients as a function of time: column k of a time is the same whoever samples it."""
    return 0.5 + 0.4 * np.sin(2 * np.pi * (0.3 + 0.02 * np.arange(52)) * times_s[:, None] + np.arange(52))


def speech_with_pauses(seconds: float, pauses_s: list[float], seed: int = 0) -> np.ndarray:
    """Noise as loud as speech, with half a second of near silence around each of `pauses_s`."""
    samples = speech(seconds, seed).copy()
    for at in pauses_s:
        start = round((at - 0.25) * 16_000)
        samples[start : start + 8_000] *= 0.001
    return samples


def write_beat(
    folder: Path,
    stem: str,
    seconds: float,
    *,
    names: tuple[str, ...] = BEAT_NAMES,
    emotions: list[tuple[float, float, int]] | None = None,
    pauses_s: list[float] | None = None,
    face_s: float | None = None,
    fps: float = 60.0,
) -> None:
    """One recording as BEAT stores it: .wav, .json and, where `emotions` are given, .csv."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{stem}.wav").write_bytes(encode_wav(speech_with_pauses(seconds, pauses_s or [], len(stem))))
    times = np.arange(round((face_s or seconds) * fps)) / fps
    rows = wave(times)[:, [COEFFICIENTS.index(name) if name in COEFFICIENTS else 0 for name in names]]
    frames = [
        {"weights": row, "time": time, "rotation": []}
        for time, row in zip(times.tolist(), rows.round(6).tolist(), strict=True)
    ]
    (folder / f"{stem}.json").write_text(json.dumps({"names": list(names), "frames": frames}))
    if emotions is not None:
        lines = [f"{number:02d}_x,{start},{end},{end - start},{number}" for start, end, number in emotions]
        (folder / f"{stem}.csv").write_text("\n".join(lines) + "\n")


def write_capture(
    path: Path, ticks: np.ndarray, *, base: int = 60, columns: tuple[str, ...] = CHANNELS, head: float = 0.25
) -> np.ndarray:
    """A file of Live Link Face with rows at `ticks` (thousandths of a frame of the base); -> (n, 61) as printed."""
    times = (ticks - ticks[0]) / (base * 1000)
    values = np.zeros((len(ticks), len(CHANNELS)))
    faces = wave(times)
    for column, name in enumerate(CHANNELS[:52]):
        values[:, column] = faces[:, COEFFICIENTS.index(name[0].lower() + name[1:])]
    values[:, 52:55] = head * np.sin(times)[:, None] * [1, 0.5, 0.25]
    values[:, 55:61] = 0.1 * np.cos(times)[:, None]
    lines = [",".join(("Timecode", "BlendShapeCount", *columns))]
    for tick, row in zip(ticks.tolist(), values, strict=True):
        seconds, rest = divmod(tick, base * 1000)
        clock = f"{seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
        cells = [f"{row[CHANNELS.index(name)]:.10f}" for name in columns]
        lines.append(",".join([f"{clock}:{rest // 1000:02d}.{rest % 1000:03d}", str(len(columns)), *cells]))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return values


def write_wav(path: Path, seconds: float, seed: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_wav(speech(seconds, seed)))
