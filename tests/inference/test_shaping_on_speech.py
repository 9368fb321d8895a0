"""Each control on a real reading, as the model of the package says it: the effect that its name promises."""

from pathlib import Path
from typing import get_type_hints

import numpy as np
import pytest

import emotalk
from benchmarks.each_control import EACH, faces
from emotalk import Animator, Controls, EmoTalk, load_audio
from emotalk.blendshapes import GROUPS, INDEX, columns_named
from emotalk.controls import Shaping, Track
from emotalk.inference.post import loudness_dbfs
from emotalk.metrics.opening import CLOSED_MM, LipOpening
from emotalk.metrics.spoken_lips import lip_counts
from emotalk.rigs import procedural_head
from emotalk.timing import frames_of

READING = "speech/audiobook/sense_and_sensibility_01_austen_64kb-0870.wav"
JAW = INDEX["jawOpen"]
ANGRY = "speech/a2f/Mark_anger.wav"
STILL = {"blinks_per_minute": 0.0, "tail_s": 0.0}


@pytest.fixture(scope="module")
def animator() -> Animator:
    return Animator(EmoTalk.from_pretrained(emotalk.default_model()))


@pytest.fixture(scope="module")
def reading(shared_data: Path) -> np.ndarray:
    return load_audio(shared_data / READING)


def spoken(animator: Animator, samples: np.ndarray, **changes: object) -> np.ndarray:
    controls = {**STILL, **changes}
    return animator.animate(samples, Controls(**controls)).weights  # type: ignore[arg-type]


def test_a_gain_scales_the_opening(animator: Animator, reading: np.ndarray) -> None:
    plain = spoken(animator, reading)
    wider = spoken(animator, reading, shaping=Shaping(gain={"jawOpen": 1.4}))
    free = (plain[:, JAW] > 0.01) & (wider[:, JAW] < 1)
    np.testing.assert_allclose(wider[free, JAW], 1.4 * plain[free, JAW], atol=1e-4)
    others = np.delete(np.arange(52), JAW)
    np.testing.assert_array_equal(wider[:, others], plain[:, others])
    opening = LipOpening(procedural_head())
    assert 1.25 < opening.of(wider).mean() / opening.of(plain).mean() < 1.6


def test_lip_close_shuts_lips_that_nearly_meet(animator: Animator, reading: np.ndarray) -> None:
    opening = LipOpening(procedural_head())
    plain, *closed = (
        opening.of(spoken(animator, reading, shaping=Shaping(lip_close=share))) for share in (0.0, 0.5, 1.0)
    )
    shares = [(gap < CLOSED_MM).mean() for gap in (plain, *closed)]
    assert shares[0] + 0.005 < shares[1] < shares[2] - 0.02
    wide = plain > 8
    assert wide.any()
    assert closed[1][wide].mean() > 0.97 * plain[wide].mean()


def test_halves_of_the_face_have_their_strength_and_smoothness(animator: Animator, reading: np.ndarray) -> None:
    plain = spoken(animator, reading)
    brows = spoken(animator, reading, shaping=Shaping(upper_face=0.5))
    np.testing.assert_allclose(brows[:, INDEX["browInnerUp"]], plain[:, INDEX["browInnerUp"]] / 2, atol=1e-5)
    np.testing.assert_array_equal(brows[:, GROUPS["lower_face"]], plain[:, GROUPS["lower_face"]])
    calm = spoken(animator, reading, shaping=Shaping(upper_window=15))
    assert restless(calm, "upper_face") < 0.5 * restless(plain, "upper_face")
    np.testing.assert_allclose(calm[:, GROUPS["lower_face"]], plain[:, GROUPS["lower_face"]], atol=1e-6)
    raw = spoken(animator, reading, smoothing=0)
    assert restless(raw, "lower_face") > 1.5 * restless(plain, "lower_face")


def test_lids_rest_where_they_are_asked_to(animator: Animator, reading: np.ndarray) -> None:
    means = [
        spoken(animator, reading, shaping=Shaping(eyelid=amount))[:, columns_named("eyeBlink")].mean()
        for amount in (-0.5, 0.0, 0.4)
    ]
    assert means[0] < means[1] + 1e-6 < 0.3 < means[2]
    wide = spoken(animator, reading, shaping=Shaping(eyelid=-0.5))[:, columns_named("eyeWide")]
    assert wide.min() > 0.3


def test_what_is_silent_is_for_the_listener_to_say(animator: Animator, reading: np.ndarray) -> None:
    loudness = loudness_dbfs(reading, 0, frames_of(len(reading)))
    threshold = float(np.quantile(loudness, 0.4))
    jaws = [
        spoken(animator, reading, silence_gate=gate, shaping=Shaping(silence_dbfs=threshold))[
            loudness <= threshold, JAW
        ]
        for gate in (0.0, 0.5, 1.0)
    ]
    assert jaws[2].mean() < 0.8 * jaws[0].mean()
    np.testing.assert_allclose(jaws[1], (jaws[0] + jaws[2]) / 2, atol=1e-5)


def test_controls_change_in_the_middle_of_a_reading(animator: Animator, reading: np.ndarray) -> None:
    plain = spoken(animator, reading)
    later = spoken(animator, reading, shaping=Shaping(lower_face=Track(((2.0, 1.0), (2.0, 0.5)))))
    np.testing.assert_array_equal(later[:58], plain[:58])
    np.testing.assert_allclose(later[63:, JAW], plain[63:, JAW] / 2, atol=1e-5)


def test_offsets_and_limits_hold_for_a_reading(animator: Animator, reading: np.ndarray) -> None:
    plain = spoken(animator, reading)
    smile = list(columns_named("mouthSmile"))
    offset = spoken(animator, reading, shaping=Shaping(offset={"mouthSmile": 0.2}))
    free = (plain[:, smile] > 0) & (offset[:, smile] < 1)  # of the last clamp
    assert free.mean() > 0.3
    np.testing.assert_allclose(offset[:, smile][free], plain[:, smile][free] + 0.2, atol=1e-4)
    low, high = np.quantile(plain[:, JAW], [0.3, 0.7])
    limits = Shaping(minimum={"jawOpen": float(low)}, maximum={"jawOpen": float(high)})
    held = spoken(animator, reading, shaping=limits)[:, JAW]
    np.testing.assert_allclose([held.min(), held.max()], [low, high], atol=1e-6)
    inside = (plain[:, JAW] > low) & (plain[:, JAW] < high)
    np.testing.assert_allclose(held[inside], plain[inside, JAW], atol=1e-6)


def restless(face: np.ndarray, half: str) -> float:
    return float(np.abs(np.diff(face[:, GROUPS[half]], 2, axis=0)).mean())


@pytest.mark.parametrize(("half", "other"), [("upper", "lower"), ("lower", "upper")])
def test_each_half_is_as_smooth_as_it_is_asked_to_be(
    animator: Animator, reading: np.ndarray, half: str, other: str
) -> None:
    def moving(**shaping: object) -> tuple[float, float]:
        face = spoken(animator, reading, shaping=Shaping(**shaping))  # type: ignore[arg-type]
        return restless(face, f"{half}_face"), restless(face, f"{other}_face")

    plain, elsewhere = moving()
    rough, calm = moving(**{f"{half}_smoothing": 0.0}), moving(**{f"{half}_window": 11})
    follows = moving(**{f"{half}_window": 11}, smoothing_order=4)  # a polynomial that bends more keeps more
    assert calm[0] < 0.6 * plain < plain < 0.7 * rough[0]
    assert 1.3 * calm[0] < follows[0]
    assert rough[1] == calm[1] == pytest.approx(elsewhere, rel=1e-4)


def test_eyes_blink_as_often_as_asked_and_at_other_times_with_another_seed(
    animator: Animator, reading: np.ndarray
) -> None:
    def closings(rate: float, seed: int = 0, variety: float = 1.0) -> list[int]:
        shaping = Shaping(blink_variety=variety)
        face = animator.animate(reading, Controls(blinks_per_minute=rate, seed=seed, tail_s=0, shaping=shaping)).weights
        shut = face[:, INDEX["eyeBlinkLeft"]] > 0.6
        return np.flatnonzero(np.diff(shut.astype(int), prepend=0) == 1).tolist()

    seconds = len(reading) / 16_000
    assert closings(0) == []
    often = closings(60)
    assert 0.5 * seconds < len(often) < 1.6 * seconds
    assert closings(60, seed=1) != often
    steady = np.diff(closings(60, variety=0))
    assert np.ptp(steady) <= 1 < np.ptp(np.diff(often))


def test_the_face_comes_to_rest_behind_the_reading(animator: Animator, reading: np.ndarray) -> None:
    frames = frames_of(len(reading))
    short, long = (animator.animate(reading, Controls(blinks_per_minute=0, tail_s=s)).weights for s in (0.0, 1.0))
    assert (len(short), len(long)) == (frames, frames + 30)
    np.testing.assert_array_equal(long[:frames], short)
    mouth = np.abs(long[:, GROUPS["lower_face"]]).max(1)
    assert mouth[:frames].mean() > 0.1
    assert mouth[-1] < 1e-3


def test_gaze_and_sway_live_beside_the_words(animator: Animator, reading: np.ndarray) -> None:
    plain = animator.animate(reading, Controls(**STILL))  # type: ignore[arg-type]
    alive = animator.animate(reading, Controls(**STILL, shaping=Shaping(gaze=1, sway=1)))  # type: ignore[arg-type]
    np.testing.assert_array_equal(alive.weights[:, GROUPS["lower_face"]], plain.weights[:, GROUPS["lower_face"]])
    assert alive.weights[:, GROUPS["gaze"]].std() > 2 * plain.weights[:, GROUPS["gaze"]].std()
    assert plain.head is None
    assert alive.head is not None
    assert 0.2 < np.degrees(np.abs(alive.head[:, :3]).max()) < 15


def test_every_control_is_seen_in_a_reading(animator: Animator, reading: np.ndarray, shared_data: Path) -> None:
    """A control that is new has its line in the table, which the pictures of the documentation are drawn from. What is
    particular about each effect is told in a test of this file or of its own."""

    def names(kind: type, prefix: str = "") -> set[str]:
        hints = get_type_hints(kind)
        own = {f"{prefix}{name}" for name, hint in hints.items() if hint is not Shaping}
        return own.union(*(names(hint, f"{prefix}{name}.") for name, hint in hints.items() if hint is Shaping))

    assert EACH.keys() == names(Controls)
    for control, seen in EACH.items():
        before, after = faces(animator, reading, control, str(shared_data / ANGRY))
        shared = min(len(before), len(after))
        moved = np.abs(after[:shared] - before[:shared])[:, GROUPS[seen.group]].max()
        assert moved > 0.01 or len(before) != len(after), (control, moved)


@pytest.mark.slow
def test_lip_close_closes_p_b_and_m_before_vowels(animator: Animator, shared_data: Path) -> None:
    pytest.importorskip("pocketsphinx", reason="needs the extra align")
    from emotalk.alignment import Aligner

    aligner, opening = Aligner(), LipOpening(procedural_head())
    closed: dict[float, tuple[int, int]] = {}
    said = []
    folder = shared_data / "speech/audiobook"
    for path in [*sorted(folder.glob("sense*.wav")), folder / "shakespeare_sonnet_1.mp3"]:
        samples = load_audio(path)
        said.append((samples, aligner.align(samples, path.with_suffix(".txt").read_text(encoding="utf-8-sig"))))
    for share in (0.0, 0.5):
        bilabials = vowels = 0
        for samples, alignment in said:
            face = spoken(animator, samples, shaping=Shaping(lip_close=share))
            counts = lip_counts(face, alignment.phones, opening, duration_s=len(samples) / 16_000)
            bilabials += counts.bilabials_closed_near
            vowels += counts.vowels_closed
        closed[share] = bilabials, vowels
    more, false = closed[0.5][0] - closed[0.0][0], closed[0.5][1] - closed[0.0][1]
    assert more >= 3
    assert false <= more + 1
