"""Model directories: `model.safetensors`, `README.md` (the card) and, last, `config.json`. Local paths or URIs."""

import hashlib
import json
import os
import re
from pathlib import Path
from typing import IO, TYPE_CHECKING

from emotalk.errors import InputError
from emotalk.files import atomic_write, is_uri, local_path, open_source
from emotalk.model.config import EmoTalkConfig

if TYPE_CHECKING:
    from emotalk.model.network import EmoTalk

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
CARD = "README.md"
DEFAULT_MODEL_VARIABLE = "EMOTALK_MODEL"
PACKAGED_MODEL = Path(__file__).parents[1] / "pretrained" / "lite"


def default_model() -> str:
    """Where `--model` points when it is not given: EMOTALK_MODEL, else the model that comes with this package."""
    return os.environ.get(DEFAULT_MODEL_VARIABLE) or str(PACKAGED_MODEL)


def save_model(model: "EmoTalk", directory: str | Path, card: str | None = None, *, half: bool = False) -> None:
    """Write a model directory; a reader never meets half of one.

    card: Markdown for people, see `emotalk.training.card`. half: weights in 16 bits, half the size; they are
    computed with in 32 all the same.
    """
    import torch
    from safetensors.torch import save_file

    kind = torch.float16 if half else torch.float32
    tensors = {name: tensor.detach().to("cpu", kind).contiguous() for name, tensor in model.state_dict().items()}
    with atomic_write(_inside(directory, WEIGHTS)) as path:
        path.touch()
        mode = path.stat().st_mode
        save_file(tensors, path, metadata={"format": "pt"})
        path.chmod(mode)  # safetensors makes files that their owner alone may read
    if card is not None:
        with atomic_write(_inside(directory, CARD)) as path:
            path.write_text(card)
    with atomic_write(_inside(directory, CONFIG)) as path:
        path.write_text(json.dumps(model.config.to_dict(), indent=1) + "\n")


def load_config(directory: str | Path) -> EmoTalkConfig:
    """What a model directory holds, without its weights."""
    source = _inside(directory, CONFIG)
    with _open(directory, CONFIG) as file:
        try:
            data = json.load(file)
        except ValueError as error:
            raise InputError(f"is not JSON: {error}", source=source) from error
    if not isinstance(data, dict):
        raise InputError("is not a configuration: it holds no object", source=source)
    return EmoTalkConfig.from_dict(data, source=source)


def check_model(directory: str | Path) -> None:
    """InputError where `load_model` would find no configuration or no weights; reads the configuration alone."""
    load_config(directory)
    _open(directory, WEIGHTS).close()


def load_model(directory: str | Path) -> "EmoTalk":
    """The network of a model directory, in eval mode, in float32."""
    from safetensors import SafetensorError
    from safetensors.torch import load, load_file

    from emotalk.model.network import EmoTalk

    model = EmoTalk(load_config(directory))
    path = _inside(directory, WEIGHTS)
    with _open(directory, WEIGHTS) as file:
        try:
            # A local file is mapped: large weights need not be in memory twice.
            tensors = load(file.read()) if is_uri(path) else load_file(local_path(path))
        except SafetensorError as error:
            raise InputError(f"is not a safetensors file: {error}", source=path) from error
    try:
        model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except RuntimeError as error:
        reason = re.sub(r"\s+", " ", str(error))[:500]
        raise InputError(f"does not fit its config.json: {reason}", source=path) from error
    return model.eval()


def model_digest(directory: str | Path) -> str:
    """SHA-256 over config and weights: what identifies a model in completion keys and in an animation's meta."""
    digest = hashlib.sha256()
    for name in (CONFIG, WEIGHTS):
        with _open(directory, name) as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _open(directory: str | Path, name: str) -> IO[bytes]:
    try:
        return open_source(_inside(directory, name))
    except InputError as error:
        raise InputError(f"is no model directory: {name}: {error.reason}", source=directory) from error


def _inside(directory: str | Path, name: str) -> str:
    return f"{str(directory).rstrip('/')}/{name}"
