"""Broken inputs by the thousand, from a seed: damaged bytes, and well-formed files that say wrong things."""

import io
import json
import struct
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from emotalk.audio import encode_wav
from emotalk.blendshapes import COEFFICIENTS
from tests.audio.recordings import encoded
from tests.corpus.tracked_folders import BEAT_NAMES, wave, write_capture
from tests.etf3d_folder import speech

SECONDS = 0.8
FRAMES = 24
Rng = np.random.Generator
_CODECS = {
    ".flac": ("flac", "flac"),
    ".mp3": ("mp3", "libmp3lame"),
    ".opus": ("ogg", "libopus"),
    ".mov": ("mov", "aac"),
    ".mka": ("matroska", "pcm_s16le"),
}


def good_audio(rng: Rng) -> tuple[str, bytes]:
    """A suffix and a recording of it."""
    suffix = str(rng.choice([".wav", ".wav", *_CODECS]))
    return suffix, _recording(suffix, int(rng.integers(4)))


def good_npy(rng: Rng) -> bytes:
    return npy(wave(np.arange(FRAMES) / 30).astype(rng.choice(["<f4", "<f8", ">f8", "<f2"])))


def good_beat(rng: Rng) -> bytes:
    return json.dumps(beat_json(rng)).encode()


def good_csv(rng: Rng) -> bytes:
    names = list(COEFFICIENTS[: int(rng.integers(51, 53))])
    rows = wave(np.arange(FRAMES) / 30)[:, : len(names)]
    return "\n".join([",".join(names), *(",".join(f"{v:.6f}" for v in row) for row in rows), ""]).encode()


def good_npz(rng: Rng) -> bytes:
    return npz(weights=wave(np.arange(FRAMES) / 30), names=np.array(COEFFICIENTS), fps=np.array([30, 1]))


def good_capture(folder: Path) -> bytes:
    path = folder / "capture.tmp"
    write_capture(path, 2_000 * np.arange(FRAMES))
    content = path.read_bytes()
    path.unlink()
    return content


def beat_json(rng: Rng) -> dict:
    times = np.arange(round(SECONDS * 60)) / 60
    rows = wave(times)[:, :51].round(5).tolist()
    return {
        "names": list(BEAT_NAMES),
        "frames": [{"weights": w, "time": t, "rotation": []} for w, t in zip(rows, times.tolist(), strict=True)],
    }


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def damaged(content: bytes, rng: Rng) -> bytes:
    """The bytes after one to three accidents."""
    for _ in range(int(rng.integers(1, 4))):
        content = _ACCIDENTS[int(rng.integers(len(_ACCIDENTS)))](content, rng)
    return content


def wrong_npy(rng: Rng) -> bytes:
    """An `.npy` that can be read and is none of what is wanted, or whose header lies."""
    good = wave(np.arange(FRAMES) / 30)
    header = [
        "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999, 52), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 52), }",
        "{'descr': '<V0', 'fortran_order': False, 'shape': (99999999999, 52), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (24, 52), }",
        "{'descr': [('a', '<f4')], 'fortran_order': True, 'shape': (24, 52), }",
        "{'descr': '<f8', 'fortran_order': 1, 'shape': 24}",
        "{'descr': '<f8', " * 40,
        "(" * 3000,
        "{'descr': '<f8', 'fortran_order': False, 'shape': (24L, 52), }",
        "  {\n 'descr': 'x\"\"\"",
        "[]",
    ]
    arrays = [
        good[:, :51], good[0], good[None], good[:0], good * 100, good - 3, good.astype(int), good.astype(complex),
        good.astype(str), np.array([{"a": 1}]), np.where(np.eye(FRAMES, 52) > 0, np.nan, good),
        np.full_like(good, np.inf), np.zeros_like(good), np.array(1.0), np.tile(good, (9, 1)), np.zeros((0, 0)),
        np.zeros(3, "M8[s]"), np.full_like(good, 1e300),
    ]  # fmt: skip
    choice = int(rng.integers(len(header) + len(arrays)))
    if choice < len(arrays):
        return npy(arrays[choice])
    text = header[choice - len(arrays)].encode("latin-1") + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + good.tobytes()


def wrong_beat(rng: Rng) -> bytes:
    """JSON that is no face, or a face that cannot be."""
    data = beat_json(rng)
    frames = data["frames"]
    row = int(rng.integers(len(frames)))
    value = _odd_value(rng)
    choice = int(rng.integers(12))
    if choice == 0:
        return b"[" * int(rng.integers(1, 100_000))
    if choice == 1:
        return json.dumps(data).encode(str(rng.choice(["utf-16", "utf-32", "utf-8-sig", "cp037"])))
    if choice == 2:
        frames[row]["weights"][int(rng.integers(51))] = value
    elif choice == 3:
        frames[row]["time"] = value
    elif choice == 4:
        data["names"][int(rng.integers(51))] = value
    elif choice == 5:
        frames[row] = value
    elif choice == 6:
        data[str(rng.choice(["names", "frames"]))] = value
    elif choice == 7:
        frames[row]["weights"] = frames[row]["weights"][: int(rng.integers(51))]
    elif choice == 8:
        rng.shuffle(frames)
    elif choice == 9:
        data["frames"] = frames[: int(rng.integers(len(frames)))]
    elif choice == 10:
        frames[row]["weights"] = {"a": value}
    else:
        del frames[row : row + int(rng.integers(1, 20))]
    return json.dumps(data).encode()


def wrong_table(rng: Rng, content: bytes) -> bytes:
    """A CSV with a cell, a line or the encoding changed."""
    text = content.decode()
    choice = int(rng.integers(7))
    lines = text.splitlines()
    row = int(rng.integers(len(lines)))
    cells = lines[row].split(",")
    column = int(rng.integers(len(cells)))
    odd = ["", "nan", "inf", "-1e999", "x", "1_0", "0x10", '"', "\0", "é", "١", "9" * 400, "16:55:51:38.453", "jawOpen"]
    if choice == 0:
        return text.encode(str(rng.choice(["utf-16", "utf-8-sig", "utf-32", "cp037", "utf-7"])))
    if choice == 1:
        return text.replace(",", str(rng.choice([";", "\t", ",,", " "]))).encode()
    if choice == 2:
        return text.replace("\n", str(rng.choice(["\r", "\r\n", "\n\n", "\x0b"]))).encode()
    if choice == 3:
        lines.insert(row, lines[int(rng.integers(len(lines)))])
    elif choice == 4:
        lines[row] = ",".join(cells[:column])
    elif choice == 5:
        lines[row] = "\x00".join(cells)
    else:
        cells[column] = str(rng.choice(odd))
        lines[row] = ",".join(cells)
    return "\n".join([*lines, ""]).encode()


def wrong_npz(rng: Rng) -> bytes:
    """An archive with members that lie, miss or burst."""
    good = {"weights": wave(np.arange(FRAMES) / 30), "names": np.array(COEFFICIENTS), "fps": np.array([30, 1])}
    choice = int(rng.integers(9))
    if choice == 0:  # a bomb: 1 GiB of zeros in 1 MB is announced, and refused before it is unpacked
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("weights.npy", b"\0" * 2**20)
        # The same small member, said to be large.
        return buffer.getvalue().replace(struct.pack("<I", 2**20), struct.pack("<I", 2**30))
    if choice == 1:
        good.pop(str(rng.choice(list(good))))
    elif choice == 2:
        good[str(rng.choice(list(good)))] = np.array(_odd_array(rng))
    elif choice == 3:
        good["times_s"] = rng.choice([np.zeros(FRAMES), np.arange(FRAMES)[::-1] / 30, np.full(FRAMES, np.nan)])
    elif choice == 4:
        good["head"] = np.full((FRAMES, 6), rng.choice([np.nan, 1e30, 0]))
    elif choice == 5:
        good["names"] = good["names"][rng.integers(0, 52, 52)]
    elif choice == 6:
        good["fps"] = np.array(rng.choice([0, -30, np.nan, 1e9, 15]))
    elif choice == 7:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name in ("../../weights.npy", "weights.npy", "weights.npy", "", "a/"):
                archive.writestr(zipfile.ZipInfo(name), wrong_npy(rng))
        return buffer.getvalue()
    else:
        return good_npz(rng)[:-1] + npy(good["weights"])
    return npz(**good)


def odd_stem(rng: Rng, number: int) -> str:
    """A file name that file systems allow."""
    odd = [
        "a b",
        "ä",
        "日本",
        "x" * 150,
        "b\udcffd",
        "a__b",
        "-",
        "%41",
        "a.b.c",
        "UPPER",
        "n\nl",
        "{x}",
        "a'b",
        "\u202e",
    ]
    return f"{odd[int(rng.integers(len(odd)))]}{number:05d}" if rng.random() < 0.1 else f"s{number:05d}"


def _odd_value(rng: Rng) -> object:
    odd = [None, True, "0.5", "é", [], {}, [[1]], 10**400, -1e308, float("nan"), float("inf"), -0.0, 5, "jawOpen", ""]
    return odd[int(rng.integers(len(odd)))]


def _odd_array(rng: Rng) -> np.ndarray:
    odd = [np.zeros(0), np.array("x"), np.zeros((3, 3)), np.array([None]), np.array([b"jawOpen"]), np.arange(52)]
    return odd[int(rng.integers(len(odd)))]


@cache
def _recording(suffix: str, seed: int) -> bytes:
    samples = speech(SECONDS, seed)
    if suffix == ".wav":
        return encode_wav(samples)
    container, codec = _CODECS[suffix]
    return encoded(np.repeat(samples, 3), container, codec, 48_000)


def _cut(content: bytes, rng: Rng) -> bytes:
    return content[: int(rng.integers(len(content) + 1))]


def _head(content: bytes, rng: Rng) -> bytes:
    return _changed(content, rng, min(len(content), 64))


def _anywhere(content: bytes, rng: Rng) -> bytes:
    return _changed(content, rng, len(content))


def _extreme(content: bytes, rng: Rng) -> bytes:
    """A number of the header becomes very small or large."""
    at = int(rng.integers(0, 64))
    number = int(rng.choice([0, 1, 2**31 - 1, 2**31, 2**32 - 1, 65_535, 7]))
    return content[:at] + struct.pack("<I", number) + content[at + 4 :]


def _changed(content: bytes, rng: Rng, within: int) -> bytes:
    changed = bytearray(content)
    for at in rng.integers(0, max(within, 1), int(rng.integers(1, 9))) if changed else ():
        changed[int(at)] = int(rng.integers(256))
    return bytes(changed)


_ACCIDENTS: list[Callable[[bytes, Rng], bytes]] = [
    _cut,
    _head,
    _anywhere,
    _extreme,
    lambda content, rng: b"",
    lambda content, rng: rng.bytes(int(rng.integers(1, 3000))),
    lambda content, rng: bytes(len(content)),
    lambda content, rng: content + rng.bytes(50),
    lambda content, rng: content[int(rng.integers(1, 100)) :],
    lambda content, rng: content[: len(content) // 2] * 2,
    lambda content, rng: content[:200] + content[: len(content) // 3] + content[200:],
]
