"""A trained network that another one begins with, or learns from: a model directory or the authors' checkpoint."""

from emotalk.files import sha256_of, suffix_of
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
    return sha256_of(path) if is_official(path) else model_digest(path)
