"""Model directories: `config.json` and `model.safetensors`, local or behind a URI."""

import hashlib
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotalk.errors import InputError
from emotalk.files import atomic_write, is_uri, open_source
from emotalk.model.config import EmoTalkConfig

if TYPE_CHECKING:
    from emotalk.model.network import EmoTalk

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
