"""A trained network that another one begins with, or learns from: a model directory or the authors' checkpoint."""

import hashlib

from emotalk.files import open_source, suffix_of
from emotalk.model.network import EmoTalk
from emotalk.model.store import model_digest


def is_official(path: str) -> bool:
    """Whether this is the authors' checkpoint (`.pth`)."""
    return suffix_of(path) == ".pth"


def load_start(path: str) -> EmoTalk:
    """A model directory or URI, or the authors' checkpoint."""
    return EmoTalk.from_official(path) if is_official(path) else EmoTalk.from_pretrained(path)


def start_digest(path: str) -> str:
    """SHA-256 of what `load_start` would load, wherever it lies. InputError where there is no model."""
    if not is_official(path):
        return model_digest(path)
    with open_source(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
