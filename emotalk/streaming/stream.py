"""A stream as its user sees it: samples of any rate go in, pieces of the animation come out."""

from abc import ABC, abstractmethod

import numpy as np

from emotalk.animation import Animation
from emotalk.audio import SAMPLE_RATE, Resampler
from emotalk.audio.samples import checked_samples
from emotalk.controls import Controls


class Stream(ABC):
    """One recording after the other, each pushed in chunks of any size. Made by `Animator.stream`.

    The pieces that `push` and `flush` return are consecutive; together they are what `Animator.animate` makes of the
    whole recording. delay_s: from a sound until the frame that shows it is out, at most, besides what computing takes;
    other rates than 16 kHz add the reach of a resampling filter (3 ms and less; odd ones such as 44,101 Hz 6 ms).
    """

    delay_s: float

    def __init__(self, controls: Controls, delay_s: float) -> None:
        self._controls, self.delay_s = controls, delay_s
        self._rate = SAMPLE_RATE
        self._resampler = Resampler(SAMPLE_RATE)

    @property
    def controls(self) -> Controls:
        """What is asked for. Others take effect with the next frame that enters: what is spoken from now on, if all
        that was spoken has been pushed. Frames of earlier sound stay as they were asked for, also those still to come.

        InputError for what can't be changed within a recording, or what the model can't do.
        """
        return self._controls

    @controls.setter
    def controls(self, controls: Controls) -> None:
        self._change(controls)
        self._controls = controls

    def push(self, samples: np.ndarray, rate: int = SAMPLE_RATE) -> Animation:
        """(n,) mono samples of `rate` Hz, n from 0 on -> the frames that they complete, often none.

        The rate may change from chunk to chunk.
        """
        return self._hear(self._resampled(samples, rate))

    def flush(self) -> Animation:
        """The recording ends here: -> the frames still owed and the tail. The next push begins a new recording.

        `meta` tells what was `heard` in the whole recording, a share by label.
        """
        piece = self._end(self._resampler.flush())
        self.reset()
        return piece

    def reset(self) -> None:
        """Forget the recording: the next push begins a new one."""
        self._rate, self._resampler = SAMPLE_RATE, Resampler(SAMPLE_RATE)
        self._begin()

    def _resampled(self, samples: np.ndarray, rate: int) -> np.ndarray:
        """-> (m,) float32 at 16 kHz."""
        samples = checked_samples(samples).copy()  # the caller may use its buffer again
        if rate == self._rate:
            return self._resampler.push(samples)
        rest, self._resampler = self._resampler.flush(), Resampler(rate, prompt=True)
        self._rate = rate
        return np.concatenate([rest, self._resampler.push(samples)])

    @abstractmethod
    def _change(self, controls: Controls) -> None:
        """Do so from the next frame that enters."""

    @abstractmethod
    def _begin(self) -> None:
        """Be as new."""

    @abstractmethod
    def _hear(self, samples: np.ndarray) -> Animation:
        """Samples at 16 kHz -> the frames that they complete."""

    @abstractmethod
    def _end(self, samples: np.ndarray) -> Animation:
        """The last samples at 16 kHz -> all that is left."""
