"""How a clip is spoken, in a handful of numbers: what anybody could tell an emotion by without a network.

The yardstick of content leakage: features that say no more of the emotion than these do have kept no more of it than
loudness, pitch and pace, which every recording carries.
"""

import numpy as np

from emotalk.audio import SAMPLE_RATE

HOP_SAMPLES, WINDOW_SAMPLES = 160, 640  # 10 ms; 40 ms hold two periods of the lowest voice
LOWEST_HZ, HIGHEST_HZ = 60.0, 500.0
VOICED = 0.6  # autocorrelation at the pitch, relative to the power: below it, no pitch is heard
OCTAVE = 9.0  # semitones from the clip's median beyond which a pitch is taken for an error by an octave
SPEECH_DB = 35.0  # below the loudest frame all is silence
NAMES = (
    *("level mean [dB]", "level sd [dB]", "level range [dB]"),
    *("pitch mean [semitone]", "pitch sd [semitone]", "pitch range [semitone]"),
    *("speech [log s]", "voiced stretches [1/s]", "voiced share", "tilt [dB]"),
)


def prosody(samples: np.ndarray) -> np.ndarray:
    """(n,) at 16 kHz -> (10,) float32, as `NAMES` calls them.

    Level, pitch and tilt are of the frames that are speech, voiced, and speech; ranges go from the 5th to the 95th
    percentile. Tilt: power below 1 kHz over the power above it. Zero where nothing is there to be measured.
    """
    pieces = _pieces(np.asarray(samples, np.float64))
    spectrum = np.square(np.abs(np.fft.rfft(pieces * np.hanning(WINDOW_SAMPLES), 2 * WINDOW_SAMPLES)))
    power = spectrum.sum(1)
    level_db = 10 * np.log10(power + 1e-12)
    speech = level_db > level_db.max() - SPEECH_DB
    pitch_hz, strength = _pitch(spectrum)
    voiced = speech & (strength > VOICED)
    pitch = 12 * np.log2(pitch_hz[voiced] / 100)
    pitch = pitch[np.abs(pitch - np.median(pitch)) < OCTAVE] if len(pitch) else pitch
    spoken = np.flatnonzero(speech)
    seconds = (spoken[-1] - spoken[0] + 1) * HOP_SAMPLES / SAMPLE_RATE
    starts = np.count_nonzero(np.diff(voiced.astype(int)) == 1) + int(voiced[0])
    bin_hz = SAMPLE_RATE / (2 * WINDOW_SAMPLES)
    low = spectrum[speech, : round(1_000 / bin_hz)].sum()
    high = spectrum[speech, round(1_000 / bin_hz) :].sum()
    tilt_db = 10 * np.log10((low + 1e-12) / (high + 1e-12))
    return np.array(
        [
            *_spread(level_db[speech]),
            *_spread(pitch),
            *(np.log(seconds), starts / seconds, voiced[speech].mean(), tilt_db),
        ],
        np.float32,
    )


def _pieces(samples: np.ndarray) -> np.ndarray:
    """(frames, 640): a frame every 10 ms, at least one."""
    padded = np.pad(samples, (0, max(0, WINDOW_SAMPLES - len(samples))))
    return np.lib.stride_tricks.sliding_window_view(padded, WINDOW_SAMPLES)[::HOP_SAMPLES]


def _pitch(spectrum: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(frames, bins) power -> pitch in Hz and autocorrelation there (frames,), 0 to 1.

    Divided by the window's own autocorrelation, which falls with the lag (Boersma 1993).
    """
    hann = np.hanning(WINDOW_SAMPLES)
    own = np.fft.irfft(np.square(np.abs(np.fft.rfft(hann, 2 * WINDOW_SAMPLES))))
    correlation = np.fft.irfft(spectrum)
    first, last = int(SAMPLE_RATE / HIGHEST_HZ), int(SAMPLE_RATE / LOWEST_HZ)
    relative = correlation[:, first - 1 : last + 2] / np.maximum(correlation[:, :1], 1e-12)
    relative = relative / (own[first - 1 : last + 2] / own[0])
    inner = relative[:, 1:-1]
    peaks = (inner > relative[:, :-2]) & (inner >= relative[:, 2:])
    # A slight preference for short lags: twice a period correlates as well as one.
    lags = np.arange(first, last + 1)
    scores = np.where(peaks, inner - 0.05 * np.log2(lags / first), -1.0)
    best = scores.argmax(1)
    return SAMPLE_RATE / lags[best], np.where(scores.max(1) > -1, inner[np.arange(len(inner)), best], 0.0)


def _spread(values: np.ndarray) -> tuple[float, float, float]:
    """Mean, standard deviation, and range from the 5th to the 95th percentile."""
    if not len(values):
        return 0.0, 0.0, 0.0
    low, high = np.percentile(values, [5, 95])
    return float(values.mean()), float(values.std()), float(high - low)
