"""JSON as animation files need it: tables of float32 written short and block by block, and read with errors that say
where."""

import json
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import IO, Any, NoReturn

import numpy as np

from emotalk.blendshapes import COEFFICIENTS, reorder
from emotalk.errors import InputError
from emotalk.formats.retime import rate_of

MAX_BYTES = 4 << 30
BLOCK_ROWS = 256


def row_texts(values: np.ndarray) -> Iterable[str]:
    """(n, k) float32 -> n JSON arrays. Nine digits hold a float32 without loss.

    The json module would write each as the 17 digits of a float64: twice the bytes and four times the time.
    """
    row = "[" + ",".join(["%.9g"] * values.shape[1]) + "]"
    return (row % tuple(frame) for frame in values.tolist())


def table_text(values: np.ndarray) -> str:
    """(n, k) -> one JSON array of arrays."""
    return "[" + ",".join(row_texts(values)) + "]"


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def fps_number(fps: Fraction) -> str:
    """30 -> `30`, 30000/1001 -> `29.97002997002997`."""
    return str(fps.numerator) if fps.denominator == 1 else repr(float(fps))


def load_json(file: IO[bytes], source: str) -> Any:
    """The document. InputError names line and column of what is no JSON; NaN and Infinity are none."""
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise InputError(f"larger than {MAX_BYTES >> 30} GiB: not what it should be", source=source)
    try:
        return json.loads(data.decode("utf-8-sig"), parse_constant=_refused)
    except UnicodeDecodeError as error:
        raise InputError(f"not a JSON file: byte {error.start} is no UTF-8", source=source) from error
    except json.JSONDecodeError as error:
        raise InputError(
            f"not a JSON file, or cut short: line {error.lineno} column {error.colno}: {error.msg}", source=source
        ) from error
    except (RecursionError, ValueError) as error:
        raise InputError(f"not a usable JSON file ({error!s:.80})", source=source) from error


def _refused(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number that JSON knows")


def object_of(document: Any, what: str, source: str) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise InputError(f"not {what}: it holds no JSON object", source=source)
    return document


def texts_of(value: Any, what: str, source: str) -> tuple[str, ...]:
    """A list of texts. InputError for anything else, and for one that is there twice."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InputError(f"{what} must be a list of texts", source=source)
    twice = sorted({item for item in value if value.count(item) > 1}) if len(set(value)) < len(value) else []
    if twice:
        raise InputError(f"{what} holds a name twice: {', '.join(twice)}", source=source)
    return tuple(value)


def matrix_of(rows: Any, columns: int, what: str, source: str) -> np.ndarray:
    """A list of lists -> (n, columns) float32. InputError names the row that does not fit."""
    if not isinstance(rows, list):
        raise InputError(f"{what} must be a list of rows", source=source)
    try:
        with np.errstate(over="ignore"):
            array = np.array(rows, np.float64).reshape(len(rows), columns).astype(np.float32)
    except (ValueError, TypeError, OverflowError) as error:
        number = next((k for k, row in enumerate(rows) if not _fits(row, columns)), 0)
        raise InputError(f"{what}: row {number} is not {columns} numbers", source=source) from error
    if not np.isfinite(array).all():
        number = int(np.argwhere(~np.isfinite(array))[0, 0])
        raise InputError(f"{what}: row {number} holds a number too large for a face", source=source)
    return array


def _fits(row: Any, columns: int) -> bool:
    return isinstance(row, list) and len(row) == columns and all(_is_number(value) for value in row)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def fps_of(value: Any, what: str, source: str) -> Fraction:
    """30, 29.97, [30000, 1001] -> the exact rate. InputError for anything else."""
    try:
        if isinstance(value, list) and len(value) == 2 and all(type(part) is int for part in value):
            return rate_of(Fraction(*value))
        if _is_number(value):
            return rate_of(_exact(value))
    except (InputError, ZeroDivisionError, ValueError, OverflowError):
        pass
    raise InputError(f"{what} must be frames per second, not {str(value)[:40]!r}", source=source)


def _exact(value: int | float) -> float | Fraction:
    # Frames per second that were written as a float: the fraction that was meant.
    if isinstance(value, int) or value.is_integer():
        return Fraction(value)
    near = Fraction(value).limit_denominator(1001)
    return near if abs(float(near) - value) < 1e-9 else value


def names_in_order(weights: np.ndarray, names: Sequence[str], source: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """What are the 52 under any case and order becomes (frames, 52) in `COEFFICIENTS` order; other names stay."""
    known = {name.lower() for name in COEFFICIENTS}
    if known - {"tongueout"} <= {name.lower() for name in names} <= known:
        return reorder(weights, names, source=source), COEFFICIENTS
    return weights, tuple(names)
