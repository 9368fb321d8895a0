"""What is noticed in the sound of windows: each is looked at by whoever has it, and all are added up at the end."""

from dataclasses import replace

import numpy as np

from emotalk.dubbing.sound.check import SoundCheck
from emotalk.inference.finish import RawWindow
from emotalk.inference.windows import FRAMES_PER_STEP, SAMPLES_PER_STEP


def noticed(raw: RawWindow) -> RawWindow:
    """The same, with what is noticed in the samples that no window before it has contributed."""
    window = raw.window
    start = _samples(window.start + window.fade)
    begin = _samples(window.first)
    check = SoundCheck(start)
    check.push(window.samples[start - begin : None if window.last else _samples(window.stop) - begin])
    return replace(raw, noticed=np.frombuffer(check.to_bytes(), np.uint8))


def sound_until(raw: RawWindow, before: SoundCheck) -> SoundCheck:
    """What is noticed until the end of a window that was looked at; `before`: until its begin."""
    return before if raw.noticed is None else before + SoundCheck.from_bytes(raw.noticed.tobytes())


def _samples(frame: int) -> int:
    """Where a frame begins that begins a step."""
    return frame // FRAMES_PER_STEP * SAMPLES_PER_STEP
