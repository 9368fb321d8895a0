"""Alignments as JSON, in a folder that a user gives: aligning a recording once is enough."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from emotalk.alignment.aligner import Aligner, Alignment, Word
from emotalk.corpus.clip import Phone
from emotalk.files import atomic_write

VERSION = 1  # rises when the same recording and text would be aligned otherwise


def to_json(alignment: Alignment) -> str:
    return json.dumps(asdict(alignment))


def from_json(text: str) -> Alignment:
    """The inverse of `to_json`."""
    fields: dict[str, Any] = json.loads(text)
    words = tuple(Word(**{**word, "phones": tuple(Phone(**p) for p in word["phones"])}) for word in fields["words"])
    doubtful = tuple((float(start), float(end)) for start, end in fields["doubtful"])
    return Alignment(**{**fields, "words": words, "doubtful": doubtful})


def kept(folder: str | None, samples: np.ndarray, text: str, aligner: Aligner) -> Alignment:
    """The alignment of a sound and its text: from the folder, else made by `aligner` and put there."""
    if folder is None:
        return aligner.align(samples, text)
    digest = hashlib.sha256(b"%d\0" % VERSION + samples.tobytes() + b"\0" + text.encode()).hexdigest()
    path = Path(folder) / f"alignment-{digest[:24]}.json"
    if path.exists():
        return from_json(path.read_text())
    alignment = aligner.align(samples, text)
    with atomic_write(str(path)) as temporary:
        temporary.write_text(to_json(alignment))
    return alignment
