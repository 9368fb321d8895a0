"""Speech comes out the same whatever was spoken before, and leaves nothing behind."""

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest

from emotalk.corpus.synthetic.espeak import SAMPLE_RATE, EspeakError, EspeakSettings, Speech, synthesise
from emotalk.errors import InputError, MissingExtraError

LOW = EspeakSettings(variant="m3")
BREATHY = EspeakSettings(variant="f5", rate_wpm=220, pitch=60)  # draws random breath noise
TEXTS = [(text, settings) for settings in (LOW, BREATHY) for text in ("My father put five apples here", "A few waves")]

needs_speech = pytest.mark.usefixtures("speech")


def digest(speech: Speech) -> str:
    return hashlib.sha256(speech.samples.tobytes() + repr(speech.phones).encode()).hexdigest()


@needs_speech
def test_same_bytes_in_any_order_and_in_another_process() -> None:
    forward = [digest(synthesise(*each)) for each in TEXTS]
    backward = [digest(synthesise(*each)) for each in reversed(TEXTS)]
    assert backward[::-1] == forward
    assert len(set(forward)) == len(TEXTS)

    script = (
        "from tests.corpus.synthetic.test_espeak import TEXTS, digest, synthesise\n"
        "synthesise('Something else first', TEXTS[0][1])\n"
        "print(*[digest(synthesise(*each)) for each in TEXTS])"
    )
    root = Path(__file__).resolve().parents[3]
    other = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip
    assert other.stdout.split() == forward


@needs_speech
def test_threads_get_the_same_bytes_and_nothing_is_left_behind() -> None:
    alone = [digest(synthesise(*each)) for each in TEXTS]
    children = set(psutil.Process().children())
    descriptors = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").is_dir() else None
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda each: digest(synthesise(*each)), TEXTS * 5))
    assert together == alone * 5
    if descriptors is not None:
        assert len(list(Path("/proc/self/fd").iterdir())) == descriptors
    # No new child, neither alive nor a zombie; other tests' servers may be children of this process too.
    assert set(psutil.Process().children()) <= children


@needs_speech
def test_phones_lie_in_order_inside_the_speech() -> None:
    speech = synthesise("Bob may move the bowl", LOW)
    assert speech.samples.dtype == np.float32
    assert [phone.name for phone in speech.phones][:5] == ["b", "ɑː", "b", "m", "eɪ"]
    assert speech.phones[-1].name == "l"  # espeak gives it no time of its own
    edges = [edge for phone in speech.phones for edge in (phone.start_s, phone.end_s)]
    assert edges == sorted(edges)
    assert all(phone.end_s > phone.start_s for phone in speech.phones)
    assert edges[-1] <= len(speech.samples) / SAMPLE_RATE


@needs_speech
def test_phone_times_fit_the_sound() -> None:
    speech = synthesise("Pass a soup", LOW)  # hissing s against voiced vowels
    crossings: dict[str, list[float]] = {"s": [], "voiced": []}
    for phone in speech.phones:
        piece = speech.samples[round(phone.start_s * SAMPLE_RATE) : round(phone.end_s * SAMPLE_RATE)]
        if phone.name != "p":
            crossings["s" if phone.name == "s" else "voiced"].append(float(np.mean(np.diff(np.signbit(piece)))))
    assert min(crossings["s"]) > 2 * max(crossings["voiced"])


@needs_speech
def test_a_longer_tract_lowers_the_formants_and_keeps_the_rate() -> None:
    def centroid_hz(speech: Speech) -> float:
        power = np.abs(np.fft.rfft(speech.samples)) ** 2
        return float(np.fft.rfftfreq(len(speech.samples), 1 / SAMPLE_RATE) @ power / power.sum())

    short, long = (synthesise("We all owe you a meal", EspeakSettings(tract=tract)) for tract in (0.88, 1.12))
    assert centroid_hz(long) < 0.9 * centroid_hz(short)
    assert len(long.samples) == pytest.approx(len(short.samples), rel=0.06)


@needs_speech
def test_wrong_voices_are_named() -> None:
    with pytest.raises(InputError, match="nobody"):
        synthesise("Hello", EspeakSettings(variant="nobody"))
    with pytest.raises(EspeakError, match="xx-none"):
        synthesise("Hello", EspeakSettings(language="xx-none"))


@pytest.mark.parametrize("wrong", [{"rate_wpm": 20}, {"pitch": 100}, {"pitch_range": -1}, {"tract": 2.0}])
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        EspeakSettings(**wrong)  # type: ignore[arg-type]


def test_without_the_extra_the_error_names_it() -> None:
    script = (
        "import sys; sys.modules['espeakng_loader'] = None\n"
        "from emotalk.corpus.synthetic.corpus import plan, make\n"
        "from emotalk.errors import MissingExtraError\n"
        "try: make(plan()[0])\n"
        "except MissingExtraError as error: print(error)"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip
    assert str(MissingExtraError("The synthetic corpus", "synthetic")) in done.stdout
