"""Effects do what their name says, and nothing moves in time."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from scipy import signal

from emotalk.audio import SAMPLE_RATE
from emotalk.errors import InputError
from emotalk.training import effects
from emotalk.training.augment import AugmentConfig
from emotalk.training.codecs import through_codec

Effect = Callable[[np.ndarray, np.random.Generator], np.ndarray]

EFFECTS: dict[str, Effect] = {
    "throat down": lambda x, rng: effects.throat(x, 0.87),
    "throat up": lambda x, rng: effects.throat(x, 1.15),
    "room": lambda x, rng: effects.room(x, 0.6, 3.0, rng),
    "babble": lambda x, rng: effects.under(x, effects.babble(x, rng), 10),
    "music": lambda x, rng: effects.under(x, effects.music(len(x), rng), 10),
    "noise": lambda x, rng: effects.under(x, effects.coloured_noise(len(x), rng), 10),
    "compressed": lambda x, rng: effects.compressed(x, 6),
    "clipped": lambda x, rng: effects.clipped(x, 12),
    "coloured": lambda x, rng: effects.coloured(x, 5, rng),
    "low passed": lambda x, rng: effects.low_passed(x, 3_500),
    "telephone": lambda x, rng: effects.telephone(x),
    "mp3": lambda x, rng: through_codec(x, "mp3", 16_000),
    "opus": lambda x, rng: through_codec(x, "opus", 9_000),
}


def voice(seconds: float, pitch_hz: float = 130, formants_hz: tuple[float, ...] = (600, 1_300, 2_600)) -> np.ndarray:
    """Pulses through resonances, in syllables that rise at once and fade."""
    n = round(seconds * SAMPLE_RATE)
    out = np.zeros(n)
    out[np.arange(0, n, SAMPLE_RATE / pitch_hz).astype(int)] = 1
    for hz in formants_hz:
        out = signal.lfilter([1], [1, -2 * 0.97 * np.cos(2 * np.pi * hz / SAMPLE_RATE), 0.97**2], out)
    syllables = np.exp(-6 * (np.arange(n) / SAMPLE_RATE * 3.7 % 1))
    return (0.5 * out * syllables / np.abs(out).max()).astype(np.float32)


def delay_s(samples: np.ndarray, reference: np.ndarray) -> float:
    """Where the two correlate most, to an eighth of a sample."""
    size = 4 * len(samples)
    cross = np.fft.rfft(samples, size) * np.conj(np.fft.rfft(reference, size))
    fine = np.fft.irfft(cross, 8 * size)
    place = int(fine.argmax())
    return (place if place < 4 * size else place - 8 * size) / 8 / SAMPLE_RATE


@pytest.mark.parametrize("name", EFFECTS)
@pytest.mark.parametrize("seconds", [0.7, 2.33])
def test_the_voice_stays_where_it_was(name: str, seconds: float) -> None:
    samples = voice(seconds)
    out = EFFECTS[name](samples, np.random.default_rng(3))
    assert out.shape == samples.shape
    assert abs(delay_s(out, samples)) < 0.5e-3
    np.testing.assert_array_equal(out, EFFECTS[name](samples, np.random.default_rng(3)))


@pytest.mark.parametrize("name", EFFECTS)
@pytest.mark.parametrize("samples", [np.zeros(5_000, np.float32), voice(0.01), np.ones(1, np.float32)])
def test_silence_and_crumbs_stay_finite(name: str, samples: np.ndarray) -> None:
    out = EFFECTS[name](samples, np.random.default_rng(0))
    assert out.shape == samples.shape
    assert np.isfinite(out).all()


@pytest.mark.parametrize("factor", [0.87, 1.15])
def test_another_throat_moves_formants_and_keeps_the_pitch(factor: float) -> None:
    samples = voice(1, pitch_hz=110, formants_hz=(2_500,))
    out = effects.throat(samples, factor)

    def spectrum(x: np.ndarray) -> np.ndarray:
        return np.abs(np.fft.rfft(x * np.hanning(len(x)))) ** 2

    def formant(x: np.ndarray) -> float:
        return float(np.argmax(np.convolve(spectrum(x), np.hanning(400), mode="same")))

    def pitch(x: np.ndarray) -> int:
        similar = np.fft.irfft(spectrum(x))
        return int(np.argmax(similar[60:200])) + 60

    assert formant(out) / formant(samples) == pytest.approx(factor, abs=0.03)
    assert pitch(out) == pytest.approx(pitch(samples), abs=1)
    np.testing.assert_allclose(effects.throat(samples, 1.0), samples, atol=1e-5)


def test_bands_end_where_they_should() -> None:
    white = np.random.default_rng(0).standard_normal(SAMPLE_RATE).astype(np.float32)

    def share_db(x: np.ndarray, low_hz: int, high_hz: int) -> float:
        power = [np.square(np.abs(np.fft.rfft(y)[low_hz:high_hz])).mean() for y in (x, white)]
        return float(10 * np.log10(power[0] / power[1]))

    dull, called = effects.low_passed(white, 4_000), effects.telephone(white)
    assert share_db(dull, 100, 3_700) == pytest.approx(0, abs=0.5)
    assert share_db(dull, 4_500, 8_000) < -40
    assert share_db(called, 500, 3_200) == pytest.approx(0, abs=0.5)
    assert max(share_db(called, 0, 150), share_db(called, 4_200, 8_000)) < -25


def test_dynamics() -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)
    steps = np.repeat([0.8, 0.4], SAMPLE_RATE).astype(np.float32)
    out = effects.compressed(tone * steps, 3)
    halves = [float(np.sqrt(np.mean(np.square(out[at : at + 8_000])))) for at in (8_000, 24_000)]
    assert 20 * np.log10(halves[0] / halves[1]) == pytest.approx(6.02 / 3, abs=0.1)
    assert np.abs(effects.clipped(tone, 6)).max() == pytest.approx(10 ** (-6 / 20), rel=1e-3)
    noise = effects.under(tone, effects.music(len(tone), np.random.default_rng(1)), 12) - tone
    assert 20 * np.log10(np.linalg.norm(tone) / np.linalg.norm(noise)) == pytest.approx(12, abs=0.1)


def test_a_room_begins_with_the_direct_sound() -> None:
    click = np.zeros(SAMPLE_RATE, np.float32)
    click[1_000] = 1
    for seed in range(10):
        out = effects.room(click, 0.5, 6.0, np.random.default_rng(seed))
        assert not np.abs(out[:1_000]).max() > 1e-6
        assert int(np.abs(out).argmax()) == 1_000
        assert 10 * np.log10(1 / np.square(out[1_001:]).sum()) == pytest.approx(6, abs=0.2)


@pytest.mark.parametrize("codec", ["mp3", "opus"])
def test_fewer_bits_leave_less(codec: str) -> None:
    samples = voice(2) + 0.01 * np.random.default_rng(0).standard_normal(2 * SAMPLE_RATE).astype(np.float32)
    through = partial(through_codec, samples, codec)  # type: ignore[arg-type]
    errors = [float(np.linalg.norm(through(bits) - samples) / np.linalg.norm(samples)) for bits in (64_000, 16_000)]
    assert errors[0] < errors[1] < 0.7


@pytest.mark.parametrize(
    "wrong", [{"codec": 1.5}, {"babble": -0.1}, {"speed": (1.1, 0.9)}, {"edge_hz": (0.0, 4_000.0)}, {"tilt_db": -1.0}]
)
def test_what_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        AugmentConfig(**wrong)  # type: ignore[arg-type]
