"""What is noticed in a recording's sound: wherever it is cut, on sounds made here and on real speech."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, sosfiltfilt

from benchmarks.sounds import drums, music, notes, syllables
from emotalk.audio import SAMPLE_RATE, load_audio
from emotalk.dubbing.findings import MEANINGS, Finding
from emotalk.dubbing.sound import SoundCheck
from emotalk.dubbing.sound.windows import noticed, sound_until
from emotalk.inference.finish import RawWindow
from emotalk.inference.windows import WindowShape, plan_windows

MUSIC = music()


def checked(samples: np.ndarray, block: int = 160_000) -> SoundCheck:
    check = SoundCheck()
    for first in range(0, len(samples), block):
        check.push(samples[first : first + block].astype(np.float32))
    return check


def found(samples: np.ndarray) -> dict[str, Finding]:
    return {finding.kind: finding for finding in checked(samples).warnings()}


@pytest.fixture(scope="module")
def long_sound() -> np.ndarray:
    """40 s with a bit of everything."""
    random = np.random.default_rng(3)
    music = 1.4 * (notes([(60, 64, 67)] * 10, 1.0, decay=0.5) + drums(10, 100, random))
    parts = [syllables(11.3, seed=1), np.zeros(70_000), music.clip(-0.97, 0.97), 0.01 + syllables(9, seed=2)]
    return np.concatenate(parts).astype(np.float32)


@settings(max_examples=12, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 600_000), max_size=6), blocks=st.lists(st.integers(1, 200_000), min_size=1, max_size=3)
)
def test_no_cut_changes_the_answer(long_sound: np.ndarray, cuts: list[int], blocks: list[int]) -> None:
    whole = checked(long_sound)
    borders = sorted({0, len(long_sound), *(min(cut, len(long_sound)) for cut in cuts)})
    parts = []
    for number, (start, stop) in enumerate(pairwise(borders)):
        part = SoundCheck(start)
        block = blocks[number % len(blocks)]
        for first in range(start, stop, max(block, 3_000)):
            part.push(long_sound[first : min(first + max(block, 3_000), stop)])
        parts.append(SoundCheck.from_bytes(part.to_bytes()))
    from_left, from_right = parts[0], parts[-1]
    for part in parts[1:]:
        from_left = from_left + part
    for part in parts[-2::-1]:
        from_right = part + from_right
    assert from_left.to_bytes() == from_right.to_bytes() == whole.to_bytes()
    assert from_left.warnings() == whole.warnings()


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(0, 3_500), min_size=1, max_size=5))
def test_parts_shorter_than_a_moment_add_up(long_sound: np.ndarray, cuts: list[int]) -> None:
    sound = long_sound[:3_500]
    borders = sorted({0, len(sound), *cuts})
    total = SoundCheck()
    for start, stop in pairwise(borders):
        part = SoundCheck(start)
        part.push(sound[start:stop])
        total = total + part
    assert total.to_bytes() == checked(sound).to_bytes()


def test_parts_that_are_no_neighbours_are_refused() -> None:
    with pytest.raises(ValueError, match="does not follow"):
        checked(np.zeros(100)) + SoundCheck(101)
    with pytest.raises(ValueError, match="only the part"):
        SoundCheck(100).warnings()


def test_the_state_grows_by_33_bytes_in_8_s(long_sound: np.ndarray) -> None:
    short, long = (checked(np.resize(long_sound, blocks * 128_000)) for blocks in (5, 55))
    assert (len(short.blocks()), len(long.blocks())) == (5, 55)
    assert len(long.to_bytes()) - len(short.to_bytes()) <= 50 * 33


@pytest.mark.parametrize("shape", [WindowShape(70, 20, 10), WindowShape(50, 10, 10, search=20, fade=3)])
def test_windows_add_up_to_their_recording(long_sound: np.ndarray, shape: WindowShape) -> None:
    sound = long_sound[:400_123]
    total = SoundCheck()
    windows = list(plan_windows([sound], shape))
    assert len(windows) > 3
    for window in windows:
        raw = RawWindow(window, np.zeros((0, 52)), np.zeros(0), np.zeros(8))
        assert sound_until(raw, total) is total
        total = sound_until(noticed(raw), total)
    assert total.to_bytes() == checked(sound).to_bytes()


def test_nothing_is_noticed_in_what_is_as_it_should_be() -> None:
    assert found(syllables(30)) == {}
    assert found(np.zeros(0)) == {}
    assert found(np.zeros(100)) == {}


def test_a_silent_recording_says_only_that() -> None:
    assert found(np.zeros(20 * SAMPLE_RATE)) == {"silent": Finding("silent", 0.0, 1.0)}
    mostly = found(np.concatenate([syllables(1), 1e-4 * syllables(19)]))
    assert mostly["silent"].share == pytest.approx(0.95, abs=0.01)
    assert mostly["silent"].first_s == pytest.approx(1, abs=0.5)


def test_a_long_pause_is_found_where_it_is_and_a_short_one_is_not() -> None:
    pause = found(np.concatenate([syllables(20), np.zeros(40 * SAMPLE_RATE), syllables(20), np.zeros(9 * SAMPLE_RATE)]))
    assert set(pause) == {"silence"}
    assert pause["silence"].first_s == pytest.approx(20, abs=0.1)
    assert pause["silence"].value == pytest.approx(40, abs=0.1)
    assert pause["silence"].share == pytest.approx(40 / 89, abs=0.01)
    assert "pause of 40 s (from 0:20, 45% of the time)" in pause["silence"].text


def test_a_quiet_recording_and_one_off_zero() -> None:
    quiet = found(0.01 * syllables(20))
    assert set(quiet) == {"quiet"}
    assert -60 < quiet["quiet"].value < -50
    offset = found(syllables(20) - 0.03)
    assert set(offset) == {"offset"}
    assert offset["offset"].value == pytest.approx(-0.03, abs=0.002)


def test_a_clipped_stretch_is_found_where_it_is() -> None:
    loud = (8 * syllables(10, seed=5)).clip(-1, 1)
    clipped = found(np.concatenate([syllables(24), loud, syllables(14)]))
    assert set(clipped) == {"clipped"}
    assert clipped["clipped"].first_s == 24
    assert clipped["clipped"].share == pytest.approx(16 / 48)  # blocks of 8 s
    assert found(syllables(30) / np.abs(syllables(30)).max()) == {}  # one sample at full scale is no clipping


@pytest.mark.parametrize("name", MUSIC)
def test_music_is_told(name: str) -> None:
    assert found(MUSIC[name])["music"].share == 1.0
    between = found(np.concatenate([syllables(16), MUSIC[name], syllables(16)]))
    assert between["music"].first_s == 16
    assert between["music"].share == pytest.approx(24 / 56)


def speech(folder: Path) -> dict[str, np.ndarray]:
    paths = [path for path in sorted((folder / "speech").rglob("*")) if path.suffix in (".wav", ".mp3")]
    return {path.name: load_audio(path) for path in paths if "header" not in path.name}


def test_real_speech_is_no_music(shared_data: Path) -> None:
    heard = speech(shared_data)
    assert len(heard) >= 20
    noticed = {name: set(found(samples)) for name, samples in heard.items()}
    assert {name: kinds for name, kinds in noticed.items() if kinds - {"quiet"}} == {}


def test_real_speech_through_a_telephone_overdriven_and_under_music(shared_data: Path) -> None:
    samples = load_audio(shared_data / "speech" / "mixed" / "WDA_BobbyScott_000.wav")[: 48 * SAMPLE_RATE]
    band = sosfiltfilt(butter(8, (300, 3_400), "bandpass", fs=SAMPLE_RATE, output="sos"), samples)
    assert set(found(band)) == {"telephone"}
    overdriven = (samples * (4 / np.abs(samples).max())).clip(-1, 1)
    assert set(found(overdriven)) == {"clipped"}
    chords = np.resize(MUSIC["chords"], len(samples))
    under = samples + chords * np.sqrt(np.mean(samples**2) / np.mean(chords**2))
    assert set(found(under)) == {"music"}


def test_every_kind_says_what_it_is_and_what_to_do() -> None:
    for kind, meaning in MEANINGS.items():
        finding = Finding(kind, 61.2, 0.5, 0.25)
        assert "from 1:01, 50% of the time" in finding.text
        assert "{" not in finding.text
        assert finding.advice == meaning.advice
