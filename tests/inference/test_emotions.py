"""Every control of the emotion, level and style on real speech, with the model of the package."""

from pathlib import Path

import numpy as np
import pytest
import torch

import emotalk
from emotalk import Animation, Animator, Controls, EmoTalk, InputError, load_audio
from emotalk.blendshapes import INDEX
from emotalk.controls import MixTrack, Segment, Track
from emotalk.inference.heard import emotion_of
from emotalk.inference.take import EmotionTake
from tests.model.small import noise, small_lite, small_transformer

ANIMATOR = Animator(EmoTalk.from_pretrained(emotalk.default_model()), device="cpu")
BROWS = [INDEX["browDownLeft"], INDEX["browDownRight"]]
SMILE = [INDEX["mouthSmileLeft"], INDEX["mouthSmileRight"]]
UPPER = [i for name, i in INDEX.items() if name.startswith(("brow", "eyeSquint", "eyeWide", "cheek", "nose"))]
PLAIN = Controls(smoothing=0, silence_gate=0, blinks_per_minute=0, tail_s=0)


@pytest.fixture(scope="module")
def calm(shared_data: Path) -> np.ndarray:
    """A neutral sentence."""
    return load_audio(shared_data / "speech/a2f/Claire_neutral.wav")[: 6 * 16_000]


@pytest.fixture(scope="module")
def angry(shared_data: Path) -> np.ndarray:
    return load_audio(shared_data / "speech/a2f/Mark_anger.wav")[: 6 * 16_000]


def jaw(face: Animation) -> np.ndarray:
    return face.weights[:, INDEX["jawOpen"]]


def correlation(one: Animation, other: Animation) -> float:
    return float(np.corrcoef(jaw(one), jaw(other))[0, 1])


def test_a_label_and_its_mixes_move_the_face_in_their_order(calm: np.ndarray) -> None:
    mixes = ["sad", {"sad": 0.5, "happy": 0.5}, "happy"]
    faces = [ANIMATOR.animate(calm, PLAIN.but(emotion=mix)) for mix in mixes]
    smiles = [face.weights[:, SMILE].mean() for face in faces]
    assert smiles[0] < smiles[1] < smiles[2]
    assert emotion_of(faces[2].meta) == ("happy", 1.0)
    assert faces[1].meta["shown"]["sad"] == pytest.approx(0.5)


def test_a_timed_emotion_is_each_label_in_its_time(calm: np.ndarray) -> None:
    face = ANIMATOR.animate(calm, PLAIN.but(emotion=[[0, "happy"], [3, "happy"], [3, "angry"]]))
    happy, angry = (ANIMATOR.animate(calm, PLAIN.but(emotion=label)) for label in ("happy", "angry"))
    np.testing.assert_allclose(face.weights[:90], happy.weights[:90], atol=1e-5)
    past = ANIMATOR.model.config.past_frames
    assert past is not None
    np.testing.assert_allclose(face.weights[90 + past :], angry.weights[90 + past :], atol=1e-5)
    assert face.emotion is not None
    assert face.emotion[0, face.emotion_names.index("happy")] == 1
    assert face.emotion[-1, face.emotion_names.index("angry")] == 1


def test_blend_lies_between_what_is_heard_and_what_is_asked_for(calm: np.ndarray) -> None:
    asked = PLAIN.but(emotion="happy")
    heard, half, whole = (ANIMATOR.animate(calm, asked.but(blend=share)) for share in (0, 0.5, 1))
    np.testing.assert_allclose(heard.weights, ANIMATOR.animate(calm, PLAIN).weights, atol=1e-5)
    smiles = [face.weights[:, SMILE].mean() for face in (heard, half, whole)]
    assert smiles[0] < smiles[1] < smiles[2]


@pytest.mark.parametrize("fit", ["loop", "stretch"])
def test_an_emotion_taken_from_an_angry_voice_frowns_over_the_same_words(
    calm: np.ndarray, angry: np.ndarray, fit: str
) -> None:
    own = ANIMATOR.animate(calm, PLAIN)
    taken = ANIMATOR.animate(calm, PLAIN.but(emotion_fit=fit), emotion_from=ANIMATOR.hear(angry))
    assert taken.weights[:, BROWS].mean() > own.weights[:, BROWS].mean()
    assert correlation(own, taken) >= 0.9


def test_a_take_of_the_recording_itself_is_what_is_heard_anyway(calm: np.ndarray) -> None:
    take = ANIMATOR.hear(calm)
    for fitted in (take, take.stretched(len(take.memory))):
        faces = [ANIMATOR.animate(calm, PLAIN), ANIMATOR.animate(calm, PLAIN, emotion_from=fitted)]
        early = len(take.memory) - 15  # the last half second of a repeated take is for its seam
        np.testing.assert_allclose(faces[0].weights[:early], faces[1].weights[:early], atol=1e-5)


def test_a_repeated_take_has_no_seam() -> None:
    memory = np.linspace(0, 1, 90, dtype=np.float32)[:, None]
    at = EmotionTake(memory, np.ones(1, np.float32)).at(np.arange(400))
    assert np.abs(np.diff(at[:, 0])).max() <= 1.1 / 16 + 1 / 89
    np.testing.assert_array_equal(at[:75], memory[:75])
    short = EmotionTake(memory[:1], np.ones(1, np.float32))
    assert short.at(np.arange(5)).shape == (5, 1)
    assert short.stretched(5).at(np.arange(5)).shape == (5, 1)


def test_intensity_is_linear_in_every_coefficient_before_the_clamp(calm: np.ndarray) -> None:
    windows = list(ANIMATOR.plan([calm]))
    faces = {}
    for strength in (0.0, 0.5, 1.0, 2.0, 3.0):
        raw = ANIMATOR.predict(windows, PLAIN.but(emotion="angry", intensity=strength))
        faces[strength] = np.concatenate([window.weights for window in raw])
    for strength, face in faces.items():
        expected = faces[0.0] + strength * (faces[1.0] - faces[0.0])
        np.testing.assert_allclose(face, expected, atol=1e-5)
    # So every coefficient of the upper face moves one way only, from neutral on.
    steps = np.diff(np.stack(list(faces.values()))[:, :, UPPER], axis=0)
    assert ((steps >= -1e-5).all(0) | (steps <= 1e-5).all(0)).all()


def test_intensity_level_and_style_act_in_their_time(calm: np.ndarray) -> None:
    past = ANIMATOR.model.config.past_frames
    assert past is not None
    plain = ANIMATOR.animate(calm, PLAIN).weights
    for changes in ({"intensity": 2}, {"level": 1}, {"style": 3}, {"style": {"0": 0.5, "3": 0.5}}):
        segment = Segment(start_s=2, stop_s=3, fade_s=0, changes=changes)
        face = ANIMATOR.animate(calm, PLAIN.but(segments=[segment])).weights
        whole = ANIMATOR.animate(calm, PLAIN.but(**changes)).weights
        np.testing.assert_allclose(face[:60], plain[:60], atol=1e-5)
        assert np.abs(face[60:90] - plain[60:90]).max() > 1e-3
        np.testing.assert_allclose(face[90 + past :], plain[90 + past :], atol=1e-5)
        assert np.abs(whole - plain).max() > 1e-3


def test_a_mix_of_one_style_is_that_style(calm: np.ndarray) -> None:
    one, mix = (ANIMATOR.animate(calm, PLAIN.but(style=style)) for style in (3, {"3": 2}))
    np.testing.assert_array_equal(one.weights, mix.weights)


def test_a_smoothed_emotion_moves_less(angry: np.ndarray) -> None:
    steps = []
    for seconds in (0, 0.3, 1):
        face = ANIMATOR.animate(angry, PLAIN.but(emotion_smoothing_s=seconds))
        steps.append(np.abs(np.diff(face.weights[:, BROWS], axis=0)).mean())
    assert steps[0] > 1.2 * max(steps[1:])


def test_doubt_fades_to_neutral_and_says_so(calm: np.ndarray, angry: np.ndarray) -> None:
    never, some, always = (ANIMATOR.animate(angry, PLAIN.but(confidence=c)) for c in (0, 0.5, 1))
    assert "faded" not in never.meta
    assert 0 < some.meta["faded"] < 1
    assert always.meta["faded"] > 0.9
    assert some.emotion is not None
    neutral = some.emotion_names.index("neutral")
    assert some.emotion[:, neutral].mean() > never.emotion[:, neutral].mean()  # type: ignore[index]
    calmer = ANIMATOR.animate(angry, PLAIN.but(intensity=0)).weights
    distance = [np.abs(face.weights - calmer)[:, UPPER].mean() for face in (never, some, always)]
    assert distance[0] > distance[1] > distance[2]


def test_long_recordings_with_everything_have_no_seam() -> None:
    sound = noise(70)
    asked = PLAIN.but(
        emotion=[[0, None], [70, "happy"]], intensity=[[0, 0], [70, 2]], emotion_smoothing_s=1, confidence=0.3
    )
    whole = Animator(ANIMATOR.model, device="cpu")
    face = ANIMATOR.animate(sound, asked).weights
    whole.shape = whole.shape.hearing(3 * 600)  # so much before that it is one window
    assert len(list(whole.plan([sound], asked))) < len(list(ANIMATOR.plan([sound], asked)))
    np.testing.assert_allclose(face, whole.animate(sound, asked).weights, atol=1e-5)


def test_neighbours_with_tracks_change_no_bit() -> None:
    model = small_lite()
    torch.nn.init.normal_(model.prototypes)
    animator = Animator(model, rows=3, frame_multiple=30)
    windows = [next(animator.plan([noise(2.0, i)])) for i in range(3)]
    asked = [
        Controls(),
        Controls(emotion=MixTrack(((0, "happy"), (1, None))), intensity=Track(((0, 0), (1, 2)))),
        Controls(confidence=0.2, emotion_smoothing_s=0.5, style={"0": 0.5, "1": 0.5}),
    ]
    for one, window, batched in zip(asked, windows, animator.predict(windows, asked), strict=True):
        (alone,) = animator.predict([window], one)
        np.testing.assert_array_equal(alone.weights, batched.weights)


def test_a_model_without_prototypes_says_how_to_get_them() -> None:
    animator = Animator(small_transformer("wav2vec2", "layer"))
    for asked in (Controls(intensity=0.5), Controls(confidence=0.5), Controls(emotion={"sad": 1})):
        with pytest.raises(InputError, match="emotalk prototypes"):
            animator.check(asked)
    animator.check(Controls(emotion_smoothing_s=1, level=0.5, style=1))
    taken = animator.animate(noise(1), emotion_from=animator.hear(noise(1, 3)))
    assert np.abs(taken.weights - animator.animate(noise(1)).weights).max() > 0
