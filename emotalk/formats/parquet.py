"""`.parquet`: one row of the corpus's own schema (`emotalk.corpus.schema`), for pandas, DuckDB, pyarrow and training.

Column `weights` holds (frames, 52) at 30 fps, `head` (frames, 6) or null. With the option `sound` the row has its
recording, too, and is a clip as a corpus has them; without it the columns `audio`, `samples` and `audio_digest` are
left out. The emotion over time is a column more, `emotion_track`; its labels and `meta` are JSON in the file's own
metadata, under `emotalk.emotion_names` and `emotalk.meta`. A row cannot be written piece by piece:
the animation is held whole.

Any shard of a corpus is read as well: the option `clip` picks one of its rows.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from emotalk.animation import Animation
from emotalk.blendshapes import COEFFICIENTS, FPS, reorder
from emotalk.errors import InputError
from emotalk.files import PathOrUri
from emotalk.formats.format import Format
from emotalk.formats.pieces import whole

if TYPE_CHECKING:
    import pyarrow as pa

SOUND_COLUMNS = ("audio", "samples", "audio_digest")
EMOTION_TRACK = "emotion_track"
NAMES_KEY, META_KEY = b"emotalk.emotion_names", b"emotalk.meta"
_SHOWN = 3  # clips, in a message


def write(
    path: Path,
    pieces: Iterable[Animation],
    *,
    sound: PathOrUri | None = None,
    clip_id: str = "animation",
    speaker: str = "unknown",
    statement: str = "unknown",
    split: str = "test",
) -> None:
    """sound: the recording, padded with silence or cut to the frames. clip_id … split: the row's columns of that name.

    InputError for another rate than 30 or irregular times: a corpus has none.
    """
    import pyarrow.parquet as pq

    animation = whole(pieces)
    if animation.fps != FPS or animation.times_s is not None:
        raise InputError(f"a corpus has {FPS} regular frames per second: give fps {FPS}")
    row = {"clip_id": clip_id, "speaker": speaker, "statement": statement, "split": split}
    table = _table(animation, row, None if sound is None else _samples(sound, animation.frames))
    with path.open("wb") as out:
        pq.write_table(table, out)


def read(file: IO[bytes], source: str, *, clip: str | None = None) -> Animation:
    """The row whose `clip_id` is `clip`, or the only one. InputError lists clips where there are several."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        parquet = pq.ParquetFile(file)
        names = set(parquet.schema_arrow.names)
        if missing := [name for name in ("clip_id", "weights", "frames") if name not in names]:
            raise InputError(f"not an animation or a corpus: column {', '.join(missing)} missing", source=source)
        group, row = _place(parquet, clip, source)
        wanted = [name for name in ("clip_id", "frames", "weights", "head", EMOTION_TRACK) if name in names]
        table = parquet.read_row_group(group, columns=wanted).slice(row, 1)
        return _animation(table, source)
    except InputError as error:
        raise InputError(error.reason, source=source) from error
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"not a readable Parquet file ({error!s:.120})", source=source) from error


def _table(animation: Animation, row: dict[str, str], samples: np.ndarray | None) -> "pa.Table":
    import pyarrow as pa

    from emotalk.audio import encode_flac
    from emotalk.corpus.schema import CLIP_SCHEMA, pcm_digest, tracks_column
    from emotalk.labels import EMOTIONS

    weights = reorder(animation.weights, animation.names)
    controls = animation.meta.get("controls")
    label = controls.get("emotion") if isinstance(controls, dict) else None
    columns: dict[str, Any] = {name: [value] for name, value in row.items()}
    columns |= {"source": ["emotalk"], "emotion": [label if label in EMOTIONS else None], "level": [None]}
    columns |= {"repetition": [1], "frames": [animation.frames], "fps": [float(FPS)], "phones": [None]}
    columns |= {"rejected": [None], "weights_digest": [hashlib.sha256(weights.astype("<f4").tobytes()).hexdigest()]}
    columns |= {"weights": tracks_column([weights], len(COEFFICIENTS)), "head": tracks_column([animation.head], 6)}
    if samples is not None:
        columns |= {"audio": [encode_flac(samples)], "samples": [len(samples)], "audio_digest": [pcm_digest(samples)]}
    schema = pa.schema([field for field in CLIP_SCHEMA if field.name in columns])
    metadata = {**CLIP_SCHEMA.metadata, META_KEY: json.dumps(dict(animation.meta), sort_keys=True).encode()}
    if animation.emotion is not None:
        labels = list(animation.emotion_names)
        metadata[NAMES_KEY] = json.dumps(labels).encode()
        columns[EMOTION_TRACK] = tracks_column([animation.emotion], len(labels))
        about = {"description": f"(frames, {len(labels)}) shares of the emotions {' '.join(labels)}"}
        schema = schema.append(pa.field(EMOTION_TRACK, columns[EMOTION_TRACK].type, metadata=about))
    arrays = [pa.array(columns[field.name], field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema.with_metadata(metadata))


def _samples(sound: PathOrUri, frames: int) -> np.ndarray:
    """(n,) float32 at 16 kHz, as many as the frames last."""
    from emotalk.audio import SAMPLE_RATE, load_audio

    samples = load_audio(sound)
    longest = frames * SAMPLE_RATE // FPS.numerator
    return np.pad(samples[:longest], (0, max(0, longest - len(samples))))


def _place(parquet: Any, clip: str | None, source: str) -> tuple[int, int]:
    """Row group and row of the clip."""
    places: dict[str, tuple[int, int]] = {}
    for group in range(parquet.num_row_groups):
        names = parquet.read_row_group(group, columns=["clip_id"]).column("clip_id").to_pylist()
        places |= {name: (group, row) for row, name in enumerate(names)}
    if clip is None and len(places) == 1:
        return next(iter(places.values()))
    some = ", ".join(list(places)[:_SHOWN]) + (", …" if len(places) > _SHOWN else "")
    if clip is None:
        raise InputError(f"holds {len(places)} clips ({some}): choose one with the option clip", source=source)
    if clip not in places:
        raise InputError(f"has no clip {clip!r}; it has {some}", source=source)
    return places[clip]


def _animation(table: "pa.Table", source: str) -> Animation:
    from emotalk.corpus.schema import row_head, row_weights, track_of

    metadata = table.schema.metadata or {}
    emotion, labels = None, ()
    if EMOTION_TRACK in table.column_names and NAMES_KEY in metadata:
        labels = tuple(json.loads(metadata[NAMES_KEY]))
        emotion = track_of(table.column(EMOTION_TRACK)[0], len(labels))
    return Animation(
        weights=row_weights(table, 0),
        head=row_head(table, 0) if "head" in table.column_names else None,
        emotion=emotion,
        emotion_names=labels if emotion is not None else (),
        meta=json.loads(metadata.get(META_KEY, b"{}")),
    )


FORMAT = Format(
    name="parquet",
    title="Parquet, the corpus's schema",
    suffixes=(".parquet",),
    media_type="application/vnd.apache.parquet",
    write=write,
    read=read,
    head=True,
    emotion=True,
    meta=True,
    piecewise=False,
    only_fps=FPS,
)
