"""`Rig`: a neutral mesh with one displacement field per ARKit coefficient, and named groups of its vertices.

Axes, said once for every rig: millimetres, +x towards the face's own left (the right side of a picture that looks at
it), +y up, +z out of the face. Triangles are counter-clockwise seen from outside.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from emotalk.blendshapes import COEFFICIENTS, reorder
from emotalk.errors import InputError
from emotalk.files import PathOrUri, atomic_write, printable
from emotalk.formats.npz import load_arrays

BLOCK_BYTES = 4 << 20  # of vertices computed at a time: about what a cache holds
REQUIRED_REGIONS = ("lips", "eyes", "forehead")
STORED = ("format", "name", "coefficients", "neutral", "triangles", "moves", "displacements", "colours", "gloss")
MAX_VERTICES = 1_000_000  # heads for film have a tenth
GAPS = ("mouth", "eye_left", "eye_right")


@dataclass(frozen=True, eq=False)
class Rig:
    """V = neutral + weights · displacements.

    `neutral` (V, 3) float32 mm; `triangles` (F, 3) int32; `displacements` (52, V, 3) float32 mm, in the order of
    `COEFFICIENTS`; `regions` name -> vertex indices. A gap is two regions of equal length whose vertices are pairs:
    `<gap>_upper` and `<gap>_lower` for each of `GAPS` that the rig can measure. `colours` (V, 3) uint8 sRGB and
    `gloss` (V,) float32 in 0..1 are for drawing only. `joints` name -> (3,) mm, as far as a rig knows them: `eye_left`
    and `eye_right` (centres of the eyeballs), `jaw` (a point of its axis).
    """

    name: str
    neutral: np.ndarray
    triangles: np.ndarray
    displacements: np.ndarray
    regions: dict[str, np.ndarray]
    colours: np.ndarray = field(default_factory=lambda: np.empty((0, 3), np.uint8))
    gloss: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))
    joints: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        def put(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        put("neutral", _array(self, "neutral", self.neutral, np.float32, (None, 3)))
        count = len(self.neutral)
        shape = (len(COEFFICIENTS), count, 3)
        put("displacements", _array(self, "displacements", self.displacements, np.float32, shape))
        put("triangles", _array(self, "triangles", self.triangles, np.int32, (None, 3)))
        _check_indices(self, "triangles", self.triangles, count)
        missing = [name for name in REQUIRED_REGIONS if not len(self.regions.get(name, ()))]
        if missing:
            raise InputError(f"rig {self.name!r} has no vertices in region {', '.join(missing)}")
        put("regions", {k: _array(self, f"region {k}", v, np.int32, (None,)) for k, v in self.regions.items()})
        for name, indices in self.regions.items():
            _check_indices(self, f"region {name}", indices, count)
        for gap in self.gaps:
            if len(self.regions[f"{gap}_upper"]) != len(self.regions[f"{gap}_lower"]):
                raise InputError(f"rig {self.name!r}: {gap}_upper and {gap}_lower are pairs, of equal length")
        colours = self.colours if len(self.colours) else np.full((count, 3), 200, np.uint8)
        put("colours", _array(self, "colours", colours, np.uint8, (count, 3)))
        gloss = self.gloss if len(self.gloss) else np.zeros(count, np.float32)
        put("gloss", _array(self, "gloss", gloss, np.float32, (count,)))
        put("joints", {k: _array(self, f"joint {k}", v, np.float32, (3,)) for k, v in self.joints.items()})

    @property
    def gaps(self) -> tuple[str, ...]:
        """The gaps this rig can measure."""
        return tuple(gap for gap in GAPS if f"{gap}_upper" in self.regions and f"{gap}_lower" in self.regions)

    def region(self, *names: str) -> np.ndarray:
        """Sorted vertex indices of one or more regions together."""
        for name in names:
            if name not in self.regions:
                raise InputError(f"rig {self.name!r} has no region {name!r}; it has {', '.join(sorted(self.regions))}")
        return np.unique(np.concatenate([self.regions[name] for name in names]))

    def vertices(self, weights: np.ndarray, region: str | np.ndarray | None = None) -> np.ndarray:
        """(frames, 52) weights -> (frames, n, 3) float32 mm: all vertices, those of a region, or those at indices."""
        count = len(self.neutral) if region is None else len(self._indices(region))
        out = np.empty((np.shape(weights)[0] if np.ndim(weights) else 0, count, 3), np.float32)
        done = 0
        for block in self.blocks(weights, region):
            out[done : done + len(block)] = block
            done += len(block)
        return out

    def blocks(self, weights: np.ndarray, region: str | np.ndarray | None = None) -> Iterator[np.ndarray]:
        """What `vertices` gives, a few MB at a time, for hours of animation. A block lasts until the next."""
        weights = np.asarray(weights, np.float32)
        if weights.ndim != 2 or weights.shape[1] != len(COEFFICIENTS):
            raise InputError(f"weights are (frames, {len(COEFFICIENTS)}), not {weights.shape}")
        neutral, fields = self.neutral, self.displacements
        if region is not None:
            indices = self._indices(region)
            neutral, fields = neutral[indices], fields[:, indices]
        moving = fields.any(axis=(1, 2))  # a shape that moves none of these vertices costs nothing
        matrix = np.ascontiguousarray(fields[moving].reshape(int(moving.sum()), 3 * len(neutral)))
        step = max(1, BLOCK_BYTES // (4 * max(1, matrix.shape[1])))
        room = np.empty((min(step, len(weights)), matrix.shape[1]), np.float32)
        for start in range(0, len(weights), step):
            rows = weights[start : start + step]
            part = room[: len(rows)]
            np.matmul(rows[:, moving], matrix, out=part)
            part += neutral.reshape(1, -1)
            yield part.reshape(len(rows), len(neutral), 3)

    def _indices(self, region: str | np.ndarray) -> np.ndarray:
        return self.region(region) if isinstance(region, str) else region

    def gap_mm(self, weights: np.ndarray, gap: str = "mouth") -> np.ndarray:
        """(frames, 52) weights -> (frames,) mm: the height of the opening between lips or lids, as seen from in front.

        The largest over the gap's pairs; zero where all of them touch or overlap.
        """
        if gap not in self.gaps:
            raise InputError(f"rig {self.name!r} has no gap {gap!r}; it has {', '.join(self.gaps) or 'none'}")
        upper = self.vertices(weights, self.regions[f"{gap}_upper"])
        lower = self.vertices(weights, self.regions[f"{gap}_lower"])
        return np.maximum(upper[..., 1] - lower[..., 1], 0).max(axis=1)

    def save(self, path: PathOrUri) -> None:
        """One compressed npz: only what moves is stored of each displacement field."""
        fields = self.displacements.any(axis=2)
        arrays = {
            "format": np.array("emotalk-rig-1"),
            "name": np.array(self.name),
            "coefficients": np.array(COEFFICIENTS),
            "neutral": self.neutral,
            "triangles": self.triangles,
            "moves": np.argwhere(fields).astype(np.int32),
            "displacements": self.displacements[fields],
            "colours": self.colours,
            "gloss": self.gloss,
        }
        arrays |= {f"region.{name}": indices for name, indices in self.regions.items()}
        arrays |= {f"joint.{name}": place for name, place in self.joints.items()}
        with atomic_write(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: PathOrUri) -> "Rig":
        """A rig that `save` wrote; its coefficients may be in another order, but must be the 52."""
        try:
            arrays = _stored(path)
            if str(arrays["format"]) != "emotalk-rig-1":
                raise InputError(f"rig format {arrays['format']} is unknown", source=path)
            names = [str(name) for name in arrays["coefficients"]]
            # Checked before any memory is asked for: a small file can state any size.
            if len(names) != len(COEFFICIENTS) or max(arrays["neutral"].shape, default=0) > MAX_VERTICES:
                raise InputError(f"a rig has {len(COEFFICIENTS)} coefficients and at most {MAX_VERTICES} vertices")
            moves, values = arrays["moves"], arrays["displacements"]
            fields = np.zeros((len(names), len(arrays["neutral"]), 3), np.float32)
            fields[moves[:, 0], moves[:, 1]] = values
            ordered = reorder(fields.transpose(1, 2, 0).reshape(-1, len(names)), names, source=path)
            regions = {
                printable(key.removeprefix("region.")): arrays[key] for key in arrays if key.startswith("region.")
            }
            return cls(
                name=printable(str(arrays["name"])),
                neutral=arrays["neutral"],
                triangles=arrays["triangles"],
                displacements=ordered.reshape(*fields.shape[1:], -1).transpose(2, 0, 1),
                regions=regions,
                colours=arrays["colours"],
                gloss=arrays["gloss"],
                joints={key.removeprefix("joint."): arrays[key] for key in arrays if key.startswith("joint.")},
            )
        except InputError as error:
            raise InputError(error.reason, source=path) from error
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise InputError(f"not a rig file ({error})", source=path) from error


def _stored(path: PathOrUri) -> dict[str, np.ndarray]:
    """The arrays of a file that holds all of `STORED`."""
    try:
        arrays = load_arrays(path)
    except InputError as error:
        raise InputError(f"not a rig file: {error.reason}", source=path) from error
    missing = [name for name in STORED if name not in arrays]
    if missing:
        raise InputError(f"not a rig file: {', '.join(missing)} missing", source=path)
    return arrays


def _array(rig: Rig, what: str, value: object, dtype: type, shape: tuple[int | None, ...]) -> np.ndarray:
    array = np.asarray(value)
    if array.ndim != len(shape) or any(want not in (None, got) for want, got in zip(shape, array.shape, strict=True)):
        wanted = ", ".join("n" if n is None else str(n) for n in shape)
        raise InputError(f"rig {rig.name!r}: {what} must be ({wanted}), not {array.shape}")
    if array.dtype.kind not in "fiu" or (array.dtype.kind == "f" and not np.isfinite(array).all()):
        raise InputError(f"rig {rig.name!r}: {what} must be finite numbers")
    given = array
    with np.errstate(invalid="ignore", over="ignore"):
        array = np.array(given, dtype, order="C")
    if array.dtype == np.int32 and (array != given).any():
        raise InputError(f"rig {rig.name!r}: {what} must be whole numbers of 32 bits")
    array.setflags(write=False)  # rigs are shared and cached
    return array


def _check_indices(rig: Rig, what: str, indices: np.ndarray, count: int) -> None:
    if len(indices) and (indices.min() < 0 or indices.max() >= count):
        raise InputError(f"rig {rig.name!r}: {what} name vertices outside 0..{count - 1}")
