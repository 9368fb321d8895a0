"""EmoTalk: speech in, an emotional 3D face out.

model = emotalk.EmoTalk.from_pretrained(emotalk.default_model())
animation = emotalk.Animator(model).animate(emotalk.load_audio("speech.wav"))
animation.save("speech.csv")
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emotalk.animation import Animation as Animation
    from emotalk.audio import load_audio as load_audio
    from emotalk.controls import Controls as Controls
    from emotalk.errors import EmoTalkError as EmoTalkError
    from emotalk.errors import InputError as InputError
    from emotalk.inference.animator import Animator as Animator
    from emotalk.model.network import EmoTalk as EmoTalk
    from emotalk.model.store import default_model as default_model

__version__ = "0.1.0"

_HOME = {
    "Animation": "emotalk.animation",
    "Animator": "emotalk.inference.animator",
    "Controls": "emotalk.controls",
    "EmoTalk": "emotalk.model.network",
    "EmoTalkError": "emotalk.errors",
    "InputError": "emotalk.errors",
    "default_model": "emotalk.model.store",
    "load_audio": "emotalk.audio",
}
__all__ = [*_HOME]


def __getattr__(name: str) -> object:
    # Imported on first use: reading an animation should not wait for torch.
    if name not in _HOME:
        raise AttributeError(f"module 'emotalk' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
