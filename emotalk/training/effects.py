"""What happens to a voice on its way to a recording: (n,) float32 at 16 kHz in, as many out, in time.

In time means to less than a millisecond: filters have linear phase without their delay, rooms begin with the direct
sound, and gains never move anything. A face that was in time with the voice stays so.
"""

from functools import cache

import numpy as np
import scipy

from emotalk.audio import SAMPLE_RATE

SILENCE_RMS = 1e-4
TAPS = 129  # of filters: 8 ms
FRAME, HOP = 512, 128  # of short-time spectra
ENVELOPE_HZ = 100.0  # standard deviation of the smoothing that leaves the vocal tract and takes out the harmonics
LARGEST_WARP = 2.3  # nepers (20 dB): holes between formants are not filled with noise
LEVEL_S = 0.02  # over which a compressor measures loudness
TELEPHONE_HZ = (300, 3_400)
MU = 255  # of G.711's companding


def throat(samples: np.ndarray, factor: float) -> np.ndarray:
    """Formants times `factor`, pitch as it was: a shorter or longer vocal tract.

    The smoothed log spectrum of short frames is stretched along the frequency axis, its fine structure kept.
    """
    windows, window = _frames(samples)
    spectra = np.fft.rfft(windows * window, axis=1)
    loudness = np.log(np.abs(spectra).astype(np.float32) + 1e-5)
    change = np.clip(loudness @ _warp(factor), -LARGEST_WARP, LARGEST_WARP)
    return _overlapped(np.fft.irfft(spectra * np.exp(change), axis=1) * window, len(samples))


def room(samples: np.ndarray, seconds: float, direct_db: float, rng: np.random.Generator) -> np.ndarray:
    """A room that falls by 60 dB in so many seconds; the direct sound is `direct_db` louder than all its echoes.

    Single early reflections of walls, then a tail that grows duller as it decays; the direct sound comes first.
    """
    size = int(seconds * SAMPLE_RATE)
    time = np.arange(size) / SAMPLE_RATE
    decay = np.exp(-6.9 * time / seconds)
    tail = rng.standard_normal(size, np.float32)
    dull = scipy.signal.lfilter([0.4], [1, -0.6], tail)
    tail = (tail * decay + dull) * decay
    tail[: int(rng.uniform(0.005, 0.02) * SAMPLE_RATE)] = 0
    walls = (rng.uniform(0.001, 0.05, 10) * SAMPLE_RATE).astype(int)
    walls = walls[walls < size]
    echoes = 0.05 * tail / max(float(np.abs(tail).max(initial=0)), 1e-9)
    echoes[walls] += rng.choice([-1, 1], len(walls)) * rng.uniform(0.2, 1, len(walls)) * decay[walls]
    echoes *= 10 ** (-direct_db / 20) / max(float(np.linalg.norm(echoes)), 1e-9)
    echoes[0] += 1
    return scipy.signal.oaconvolve(samples, echoes.astype(np.float32))[: len(samples)]


def coloured_noise(n: int, rng: np.random.Generator) -> np.ndarray:
    """White to brown."""
    return scipy.signal.lfilter([1.0], [1.0, -rng.uniform(0, 0.98)], rng.standard_normal(n, np.float32))


def babble(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Others who talk: the voice itself several times, elsewhere in time, at other speeds, some of them backwards."""
    out = np.zeros(len(samples))
    for _ in range(rng.integers(3, 7)):
        factor = rng.uniform(0.75, 1.35)
        other = np.interp(np.arange(0, len(samples) - 1, factor), np.arange(len(samples)), samples)
        other = np.roll(other[::-1] if rng.random() < 0.5 else other, rng.integers(len(samples)))
        out += rng.uniform(0.3, 1) * np.resize(other, len(samples)) if len(other) else 0
    return out


def music(n: int, rng: np.random.Generator) -> np.ndarray:
    """Chords of plucked or held tones, three at a time, that change every half a second to two."""
    harmonics = np.arange(1, 7)
    table = (rng.uniform(0.2, 1, 6) / harmonics) @ np.sin(2 * np.pi * harmonics[:, None] * np.arange(2_048) / 2_048)
    beat, held = int(rng.uniform(0.5, 2) * SAMPLE_RATE), rng.uniform(0.3, 3)
    fading = np.exp(-np.arange(beat) / SAMPLE_RATE / held)
    out = np.zeros(-(-n // beat) * beat)
    for start in range(0, n, beat):
        root = 110 * 2 ** (rng.integers(0, 24) / 12)
        for interval in (0, rng.choice([3, 4]), 7):
            step = root * 2 ** (interval / 12) * len(table) / SAMPLE_RATE
            out[start : start + beat] += table[(np.arange(beat) * step).astype(int) % len(table)] * fading
    return out[:n]


def under(samples: np.ndarray, noise: np.ndarray, snr_db: float) -> np.ndarray:
    """Noise beneath the voice, at a signal-to-noise ratio of the mean powers of the clip."""
    return samples + noise * (max(_rms(samples), SILENCE_RMS) * 10 ** (-snr_db / 20) / max(_rms(noise), 1e-12))


def compressed(samples: np.ndarray, ratio: float) -> np.ndarray:
    """What is louder than 10 dB below the clip's mean power changes by 1 / ratio of its decibels; as loud as before."""
    keep = np.exp(-1 / (LEVEL_S * SAMPLE_RATE))
    power = scipy.signal.lfilter([1 - keep], [1, -keep], np.square(samples))
    threshold = 0.1 * max(_rms(samples), SILENCE_RMS) ** 2
    out = samples * np.maximum(power / threshold, 1) ** ((1 / ratio - 1) / 2)
    return out * (_rms(samples) / max(_rms(out), 1e-12))


def clipped(samples: np.ndarray, over_db: float) -> np.ndarray:
    """Driven so many decibels over what the converter takes."""
    ceiling = float(np.abs(samples).max(initial=0)) * 10 ** (-over_db / 20)
    return np.clip(samples, -ceiling, ceiling)


def coloured(samples: np.ndarray, bend_db: float, rng: np.random.Generator) -> np.ndarray:
    """A smooth random equaliser over seven octave-spaced points."""
    points = np.geomspace(60, SAMPLE_RATE / 2, 7)
    gains = rng.uniform(-bend_db, bend_db, len(points))
    taps = scipy.signal.firwin2(TAPS, [0, *points], 10 ** (np.concatenate([gains[:1], gains]) / 20), fs=SAMPLE_RATE)
    return scipy.signal.oaconvolve(samples, taps, mode="same")


def low_passed(samples: np.ndarray, edge_hz: float) -> np.ndarray:
    """Nothing above the edge: old files and cheap microphones."""
    return scipy.signal.oaconvolve(samples, scipy.signal.firwin(TAPS, edge_hz, fs=SAMPLE_RATE), mode="same")


def telephone(samples: np.ndarray) -> np.ndarray:
    """300 to 3,400 Hz in the 8-bit companded steps of G.711 (µ-law), at 8 kHz."""
    taps = scipy.signal.firwin(2 * TAPS - 1, TELEPHONE_HZ, pass_zero=False, fs=SAMPLE_RATE)
    half = scipy.signal.oaconvolve(samples, taps, mode="same")[::2]
    peak = max(float(np.abs(half).max(initial=0)), 1e-9)
    steps = np.rint(np.sign(half) * np.log1p(MU * np.abs(half / peak)) / np.log1p(MU) * 127) / 127
    heard = np.sign(steps) * np.expm1(np.abs(steps) * np.log1p(MU)) / MU * peak
    return scipy.signal.resample_poly(heard, 2, 1)[: len(samples)]


def _rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples)))) if len(samples) else 0.0


def _frames(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n,) -> (frames, FRAME) every HOP samples, and the window to multiply them with."""
    count = -(-(len(samples) + FRAME) // HOP)
    padded = np.zeros((count - 1) * HOP + FRAME, np.float32)
    padded[FRAME - HOP : FRAME - HOP + len(samples)] = samples
    window = np.hanning(FRAME + 1)[:-1].astype(np.float32)
    return np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP], window


def _overlapped(frames: np.ndarray, n: int) -> np.ndarray:
    """What `_frames` cut, windowed twice, added up again."""
    parts = FRAME // HOP
    out = np.zeros((len(frames) + parts - 1, HOP), np.float32)
    for part, block in enumerate(np.split(frames, parts, axis=1)):
        out[part : part + len(frames)] += block
    # Four squared Hann windows add up to one and a half.
    return out.reshape(-1)[FRAME - HOP : FRAME - HOP + n] / 1.5


@cache
def _smoothing() -> np.ndarray:
    """(bins, bins): log spectrum, as rows, @ this -> its envelope."""
    hz = np.fft.rfftfreq(FRAME, 1 / SAMPLE_RATE)
    weights = np.exp(-np.square((hz[:, None] - hz) / ENVELOPE_HZ) / 2)
    return (weights / weights.sum(0)).astype(np.float32)


def _warp(factor: float) -> np.ndarray:
    """(bins, bins): log spectrum @ this -> what to add, so that the envelope at f is what it was at f / factor."""
    envelope = _smoothing()
    position = np.minimum(np.arange(len(envelope)) / factor, len(envelope) - 1)
    left = np.minimum(position.astype(int), len(envelope) - 2)
    share = (position - left).astype(np.float32)
    return envelope[:, left] * (1 - share) + envelope[:, left + 1] * share - envelope
