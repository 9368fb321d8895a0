"""Events that come at irregular times and are yet known for any moment without those before: seed and time decide.

Time is counted in events that were due: the integral of their rate, which may change. It is cut into blocks of sixteen;
a block's own random numbers place its events, as many as were due.
"""

import numpy as np

from emotalk.controls.track import Number, Track

BLOCK = 16


class Pace:
    """Events that are due from the recording's start to a time: the integral of a rate per second."""

    def __init__(self, rate: Number) -> None:
        track = rate if isinstance(rate, Track) else Track(((0.0, rate),))
        times, values = np.asarray(track.points, np.float64).T
        later = times > 0
        self._times = np.concatenate([[0.0], times[later]])
        self._rates = np.concatenate([track.at(np.zeros(1)).astype(np.float64), values[later]])
        spans = np.diff(self._times)
        self._due = np.concatenate([[0.0], np.cumsum(spans * (self._rates[:-1] + self._rates[1:]) / 2)])
        rises = np.divide(np.diff(self._rates), spans, out=np.zeros_like(spans), where=spans > 0)
        self._rises = np.append(rises, 0.0)

    def due(self, time_s: float) -> float:
        """Events until `time_s`; 0 before the recording."""
        if len(self._times) == 1:
            return max(time_s, 0.0) * float(self._rates[0])
        at = max(int(np.searchsorted(self._times, time_s, side="right")) - 1, 0)
        since = max(time_s - self._times[at], 0.0)
        return float(self._due[at] + since * (self._rates[at] + self._rises[at] * since / 2))

    def when(self, due: np.ndarray) -> np.ndarray:
        """(n,) -> (n,) seconds at which so many were due; infinite where so many never are."""
        at = np.maximum(np.searchsorted(self._due, due, side="right") - 1, 0)
        left, rate, rise = due - self._due[at], self._rates[at], self._rises[at]
        speed = rate + np.sqrt(np.maximum(rate**2 + 2 * rise * left, 0))
        with np.errstate(divide="ignore", invalid="ignore"):
            since = np.where(left > 0, 2 * left / speed, 0.0)
        return self._times[at] + since


def places(rng: np.random.Generator, number: int, spread: float, variety: float) -> np.ndarray:
    """(BLOCK,) where block `number` has its events, in events due.

    Intervals are log-normal with the standard deviation `spread` of their logarithm at a variety of 1, equal at 0.
    """
    lengths = np.exp(spread * variety * rng.standard_normal(BLOCK))
    lengths *= BLOCK / lengths.sum()
    begun = 0.5 + variety * (rng.uniform() - 0.5)
    return number * BLOCK + np.cumsum(lengths) - begun * lengths[0]


def generator(seed: int, what: int, number: int) -> np.random.Generator:
    """Of block `number` (from -1 on) of one kind of events."""
    return np.random.default_rng((seed % 2**64, what, number + 1))
