"""`.csv` of Live Link Face, as the iPhone app writes it and Unreal, Maya, MotionBuilder and Blender add-ons read it.

A header names 61 channels: the 52 coefficients in Apple's order (JawRight stands before JawLeft and MouthRight before
MouthLeft, elsewhere it is the reverse, so columns are found by name), then head and eye rotations in radians. A row is
`HH:MM:SS:FF.mmm,61,` and 61 numbers of ten decimals, which hold a float32 between 0.001 and 1 without loss.

Rotations. The file's are Unreal's rotator of a face whose x axis points backwards: positive yaw looks to the person's
own right and positive pitch down (in a real capture the eyes' angles follow EyeLook… so, at 0.59 rad per unit),
positive roll tilts to the own left. `Animation.head` has the opposite sign in yaw and roll. A capture whose head
columns are all zero has recorded no head. The head's position is not in this format; what is read has 0. Eyes are kept
in the tracks `left_eye` and `right_eye`, in the file's own signs.

Time codes: see `timecode`, and `dropframe` for HH:MM:SS;FF.mmm. The start and the base of a capture are kept in `meta`
as `timecode_start`, `timecode_base`.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import IO

import numpy as np

from emotalk.animation import Animation, Track
from emotalk.blendshapes import COEFFICIENTS, reorder
from emotalk.errors import InputError
from emotalk.formats import dropframe
from emotalk.formats.format import Format
from emotalk.formats.timecode import Clock, format_timecode, guess_base, guess_rate, parse_timecode, unwrap_days

# Apple's own order, as ARKit's list and the app's header have it.
COEFFICIENT_COLUMNS = (
    "EyeBlinkLeft", "EyeLookDownLeft", "EyeLookInLeft", "EyeLookOutLeft", "EyeLookUpLeft", "EyeSquintLeft",
    "EyeWideLeft", "EyeBlinkRight", "EyeLookDownRight", "EyeLookInRight", "EyeLookOutRight", "EyeLookUpRight",
    "EyeSquintRight", "EyeWideRight", "JawForward", "JawRight", "JawLeft", "JawOpen", "MouthClose", "MouthFunnel",
    "MouthPucker", "MouthRight", "MouthLeft", "MouthSmileLeft", "MouthSmileRight", "MouthFrownLeft", "MouthFrownRight",
    "MouthDimpleLeft", "MouthDimpleRight", "MouthStretchLeft", "MouthStretchRight", "MouthRollLower", "MouthRollUpper",
    "MouthShrugLower", "MouthShrugUpper", "MouthPressLeft", "MouthPressRight", "MouthLowerDownLeft",
    "MouthLowerDownRight", "MouthUpperUpLeft", "MouthUpperUpRight", "BrowDownLeft", "BrowDownRight", "BrowInnerUp",
    "BrowOuterUpLeft", "BrowOuterUpRight", "CheekPuff", "CheekSquintLeft", "CheekSquintRight", "NoseSneerLeft",
    "NoseSneerRight", "TongueOut",
)  # fmt: skip
HEAD_COLUMNS = ("HeadYaw", "HeadPitch", "HeadRoll")
EYE_TRACKS = {
    "left_eye": ("LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll"),
    "right_eye": ("RightEyeYaw", "RightEyePitch", "RightEyeRoll"),
}
CHANNELS = (*COEFFICIENT_COLUMNS, *HEAD_COLUMNS, *EYE_TRACKS["left_eye"], *EYE_TRACKS["right_eye"])
LEADING = ("Timecode", "BlendShapeCount")
HEAD_SIGNS = np.array([-1, 1, -1], np.float32)

_TO_APPLE = [COEFFICIENTS.index(name[0].lower() + name[1:]) for name in COEFFICIENT_COLUMNS]
_ROW = ",".join(["%s", str(len(CHANNELS)), *["%.10f"] * len(CHANNELS)]) + "\n"
_BLOCK_ROWS = 4096


def write(path: Path, pieces: Iterable[Animation], *, start: str | None = None, drop_frame: bool | None = None) -> None:
    """Rows at k / fps, or at the animation's own times, counted from `timecode_start` (00:00:00:00.000) in its base.

    start: the first row's time code instead; with a semicolon (10:00:00;00) it is drop-frame, as with `drop_frame`.
    Emotion, other tracks and the head's position have no place in this format and are left out.
    """
    with path.open("w", encoding="ascii", newline="") as out:
        out.write(",".join((*LEADING, *CHANNELS)) + "\n")
        clock: Clock | dropframe.DropClock | None = None
        done = 0
        for piece in pieces:
            clock = clock or _clock(piece, start, drop_frame)
            ticks = clock.ticks(piece, done)
            done += piece.frames
            for first in range(0, piece.frames, _BLOCK_ROWS):
                rows = _channels(piece.piece(first, first + _BLOCK_ROWS)).tolist()
                for tick, row in zip(ticks[first : first + _BLOCK_ROWS].tolist(), rows, strict=True):
                    out.write(_ROW % (clock.label(tick), *row))


def read(file: IO[bytes], source: str) -> Animation:
    """InputError names the line for a row that does not fit, and the columns that are missing or unknown."""
    lines = iter(enumerate(file, start=1))
    order, width = _columns(next(lines, (1, b""))[1], source)
    codes: list[tuple[int, int]] = []
    drops: bool | None = None
    blocks: list[np.ndarray] = []
    rows: list[list[float]] = []
    last_line = 1
    for number, line in lines:
        last_line = number
        if not line.strip():
            continue
        code, values, dropping = _row(line, number, width, source)
        drops = dropping if drops is None else drops
        if drops != dropping:
            raise InputError(f"line {number}: time codes with ';' and with ':' in one file", source=source)
        codes.append(code)
        rows.append(values)
        if len(rows) == _BLOCK_ROWS:
            blocks.append(_block(rows, number, source))
            rows = []
    if not codes:
        raise InputError("holds a header and no frames", source=source)
    if rows:
        blocks.append(_block(rows, last_line, source))
    read_values = np.pad(np.concatenate(blocks), ((0, 0), (0, 1)))  # a last column of zeros, for what is missing
    values_by_column = read_values[:, order]
    return _animation(np.array(codes, np.int64), bool(drops), values_by_column, source)


def _clock(first: Animation, start: str | None, drop_frame: bool | None) -> Clock | dropframe.DropClock:
    text = first.meta.get("timecode_start") if start is None else start
    if isinstance(text, str) and ";" in text and drop_frame is not False:
        return dropframe.DropClock.of(first, text)
    if drop_frame:
        return dropframe.DropClock.of(first, ";".join((text or "00:00:00:00").rsplit(":", 1)))
    return Clock.of(first, None if start is None else start.replace(";", ":"))


def _channels(piece: Animation) -> np.ndarray:
    """(frames, 61) float32 in the file's order and signs."""
    out = np.zeros((piece.frames, len(CHANNELS)), np.float32)
    weights = piece.weights if piece.names == COEFFICIENTS else reorder(piece.weights, piece.names)
    out[:, : len(_TO_APPLE)] = weights[:, _TO_APPLE]
    position = len(_TO_APPLE)
    if piece.head is not None:
        out[:, position : position + 3] = piece.head[:, :3] * HEAD_SIGNS
    for track, columns in EYE_TRACKS.items():
        position += 3
        if track in piece.tracks and piece.tracks[track].columns == columns:
            out[:, position : position + 3] = piece.tracks[track].values
    return out + np.float32(0)  # turns -0.0, which a change of sign makes of 0, into 0


def _columns(line: bytes, source: str) -> tuple[list[int], int]:
    """The header -> for each of `CHANNELS` its position among the file's channels, and how many these are.

    Names compare without case. TongueOut may be missing, as from older phones: its position is -1.
    """
    try:
        names = [name.strip().lower() for name in line.decode("utf-8-sig").split(",")]
    except UnicodeDecodeError as error:
        raise InputError("not a text file", source=source) from error
    if names[:2] != [name.lower() for name in LEADING]:
        raise InputError(
            f"not a Live Link Face file: its header does not start with {','.join(LEADING)}", source=source
        )
    found = names[2:]
    twice = sorted({name for name in found if found.count(name) > 1})
    missing = [name for name in CHANNELS if name.lower() not in found and name != "TongueOut"]
    unknown = sorted(set(found) - {name.lower() for name in CHANNELS})
    for what, wrong in (("twice", twice), ("missing", missing), ("unknown", unknown)):
        if wrong:
            raise InputError(f"columns {what}: {', '.join(wrong)}", source=source)
    return [found.index(name.lower()) if name.lower() in found else -1 for name in CHANNELS], len(found)


def _row(line: bytes, number: int, channels: int, source: str) -> tuple[tuple[int, int], list[float], bool]:
    """-> the time code, the numbers, and whether the time code is a drop-frame one."""
    fields = line.split(b",")
    if not line.endswith(b"\n"):  # half a number is a number too
        raise InputError(f"line {number}: the file was cut short: this line has no end", source=source)
    if len(fields) != channels + 2:
        raise InputError(f"line {number}: {len(fields)} fields, not {channels + 2}", source=source)
    text = fields[0].decode("ascii", "replace").strip()
    dropping = ";" in text
    code = dropframe.parse_label(text) if dropping else parse_timecode(text)
    if code is None:
        raise InputError(f"line {number}: {fields[0]!r} is not a time code HH:MM:SS:FF.mmm", source=source)
    if fields[1].strip() != b"%d" % channels:
        raise InputError(f"line {number}: {fields[1]!r} blend shapes, not {channels}", source=source)
    try:
        return code, [float(field) for field in fields[2:]], dropping
    except ValueError as error:
        raise InputError(f"line {number}: {error}", source=source) from error


def _block(rows: list[list[float]], last_line: int, source: str) -> np.ndarray:
    with np.errstate(over="ignore"):
        block = np.array(rows, np.float32)
    if not np.isfinite(block).all():
        first_line = last_line - len(rows) + 1
        raise InputError(
            f"line {first_line + int(np.argwhere(~np.isfinite(block))[0, 0])}: not a finite number", source=source
        )
    return block


def _animation(codes: np.ndarray, drops: bool, values: np.ndarray, source: str) -> Animation:
    try:
        seconds = unwrap_days(codes[:, 0])
        if drops:
            ticks, base, fps, regular = dropframe.read_clock(seconds, codes[:, 1])
            start, second = dropframe.label_of(int(ticks[0]), base), base * 1000 / 1.001
        else:
            base = guess_base(seconds, codes[:, 1])
            ticks = seconds * (base * 1000) + codes[:, 1]
            fps, regular = guess_rate(ticks - ticks[0], base)
            start, second = format_timecode(int(ticks[0]), base), base * 1000
    except InputError as error:
        raise InputError(error.reason, source=source) from error
    weights = np.empty((len(values), len(COEFFICIENTS)), np.float32)
    weights[:, _TO_APPLE] = values[:, : len(_TO_APPLE)]
    rotations = {name: values[:, CHANNELS.index(columns[0]) :][:, :3] for name, columns in EYE_TRACKS.items()}
    turned = values[:, CHANNELS.index(HEAD_COLUMNS[0]) :][:, :3] * HEAD_SIGNS + np.float32(0)
    plain = ticks[0] == 0 and base == Clock.default_base(fps) and not drops
    return Animation(
        weights=weights,
        fps=fps,
        head=np.hstack([turned, np.zeros_like(turned)]) if turned.any() else None,
        times_s=None if regular else (ticks - ticks[0]) / second,
        tracks={name: Track(rotations[name], columns) for name, columns in EYE_TRACKS.items() if rotations[name].any()},
        meta={} if plain else {"timecode_start": start, "timecode_base": base},
    )


FORMAT = Format(
    name="csv",
    title="Live Link Face",
    suffixes=(".csv",),
    media_type="text/csv",
    write=write,
    read=read,
    head=True,
    emotion=False,
    meta=False,
    piecewise=True,
)
