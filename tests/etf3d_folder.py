"""A small folder in the 3D-ETF layout, good and broken, for tests of the corpus."""

from pathlib import Path

import numpy as np

from emotalk.audio import encode_wav

GOOD = tuple(
    f"03-01-{emotion:02d}-01-{statement:02d}-01-{actor:02d}"
    for actor in (1, 2, 21, 24)
    for emotion in (1, 3)
    for statement in (1, 2)
)
GOOD_HDTF = ("RD_Radio11_000", "RD_Radio11_001", "WDA_Some_Body_003")


def speech(seconds: float, seed: int) -> np.ndarray:
    """Noise, as loud as speech, that sits on the 16-bit grid."""
    noise = np.random.default_rng(seed).normal(0, 0.1, round(seconds * 16_000))
    return (np.rint(noise.clip(-1, 1) * 32_767) / 32_768).astype(np.float32)


def face(frames: int, seed: int) -> np.ndarray:
    """(frames, 52) moving coefficients well inside [0, 1]."""
    phase = np.random.default_rng(seed).uniform(0, 6, 52)
    return (0.5 + 0.4 * np.sin(0.3 * np.arange(frames)[:, None] + phase)).astype(np.float32)


class Etf3dFolder:
    """Writes pairs under `root`; broken ones are remembered with the reason they must be turned away for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.expected: dict[str, str] = {}

    def audio(self, part: str, name: str) -> Path:
        return self._path(part, "audio", name)

    def coefficients(self, part: str, name: str) -> Path:
        return self._path(part, "blendshape", name)

    def pair(self, part: str, stem: str, *, seconds: float = 0.7, extra_frames: int = 0) -> None:
        seed = sum(stem.encode())
        self.audio(part, f"{stem}.wav").write_bytes(encode_wav(speech(seconds, seed)))
        frames = -(-30 * round(seconds * 16_000) // 16_000) + extra_frames
        np.save(self.coefficients(part, f"{stem}.npy"), face(frames, seed))

    def good(self) -> "Etf3dFolder":
        for number, stem in enumerate(GOOD):
            self.pair("RAVDESS", stem, seconds=0.6 + 0.05 * (number % 4), extra_frames=number % 3 - 1)
        for stem in GOOD_HDTF:
            self.pair("HDTF", stem, seconds=1.0)
        return self

    def broken(self) -> "Etf3dFolder":
        """One of every kind of bad input."""
        self.pair("RAVDESS", "03-01-09-01-01-01-01")
        self._expect("ravdess-03-01-09-01-01-01-01", "stem")
        self.pair("HDTF", "holiday")
        self._expect("hdtf-holiday", "stem")
        self.audio("HDTF", "notes.txt").write_text("not a recording")
        self._expect("hdtf-audio/notes.txt", "layout")

        self._bad("missing_coefficients").unlink()
        stem = self._next()
        self.pair("RAVDESS", stem)
        self.audio("RAVDESS", f"{stem}.wav").unlink()
        self._expect(f"ravdess-{stem}", "missing_audio")
        for reason, samples in (("silent", np.zeros(11_200, np.float32)), ("duration", speech(0.1, 1))):
            stem = self._next()
            self.audio("RAVDESS", f"{stem}.wav").write_bytes(encode_wav(samples))
            np.save(self.coefficients("RAVDESS", f"{stem}.npy"), face(-(-30 * len(samples) // 16_000), 1))
            self._expect(f"ravdess-{stem}", reason)
        stem = self._next()
        self.pair("RAVDESS", stem)
        self.audio("RAVDESS", f"{stem}.wav").write_bytes(b"RIFF but no more")
        self._expect(f"ravdess-{stem}", "unreadable_audio")

        self._bad("unreadable_coefficients").write_bytes(b"\x93NUMPY")
        np.save(self._bad("unreadable_coefficients"), np.array([{"a": 1}], dtype=object), allow_pickle=True)
        with self._bad("unreadable_coefficients").open("wb") as file:
            np.savez(file, a=face(21, 1))
        arrays = {
            "shape": [face(21, 1)[:, :51], face(21, 1).astype(np.int32), np.zeros((0, 52), np.float32)],
            "not_finite": [np.where(np.eye(21, 52) == 1, np.nan, face(21, 1))],
            "range": [face(21, 1) * 100],
            "length": [face(23, 1), face(19, 1)],
            "frozen": [np.full((21, 52), 0.3)],
        }
        for reason, bad in arrays.items():
            for array in bad:
                np.save(self._bad(reason), array)
        return self

    def _bad(self, reason: str) -> Path:
        """A new pair that is good so far; returns the path of its coefficients, to be spoilt."""
        stem = self._next()
        self.pair("RAVDESS", stem)
        self._expect(f"ravdess-{stem}", reason)
        return self.coefficients("RAVDESS", f"{stem}.npy")

    def _next(self) -> str:
        number = len(self.expected)
        return f"03-01-{2 + number % 7:02d}-02-{1 + number // 7 % 2:02d}-{1 + number // 14 % 2:02d}-03"

    def _expect(self, item_id: str, reason: str) -> None:
        assert item_id not in self.expected
        self.expected[item_id] = reason

    def _path(self, part: str, folder: str, name: str) -> Path:
        path = self.root / part / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder by its relative name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
