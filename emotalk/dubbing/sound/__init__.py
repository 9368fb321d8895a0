"""What is noticed in a recording's sound while it is decoded: `SoundCheck`. It changes no animation."""

from emotalk.dubbing.sound.check import SoundCheck

__all__ = ["SoundCheck"]
