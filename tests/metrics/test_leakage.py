"""Linear probes read what is there, cannot read what is not, and never know a clip by its voice."""

import numpy as np
import pytest
import torch

from emotalk.metrics.bootstrap import clip_counts
from emotalk.metrics.leakage import (
    CONTENT,
    EMOTION,
    PROSODY,
    Probe,
    averaged_features,
    balanced,
    halves,
    probe,
    read_labels,
)
from emotalk.metrics.prosody import prosody
from emotalk.model.network import EmoTalk
from emotalk.model.presets import lite_config
from emotalk.timing import frames_of
from tests.small_model import murmur

LABELS = ("happy", "sad", "angry", "calm")


def probed(features: np.ndarray, labels: list[str | None], speakers: list[str]) -> Probe:
    counts = clip_counts([str(i) for i in range(len(labels))])
    return probe("content features", "emotion", features, labels, speakers, counts)


def clips(count: int = 160, seed: int = 0) -> tuple[np.random.Generator, list[str], list[str]]:
    rng = np.random.default_rng(seed)
    labels = [LABELS[i % 4] for i in range(count)]
    return rng, labels, [f"speaker{i // 4 % 5}" for i in range(count)]


def test_a_label_that_is_there_is_read() -> None:
    rng, labels, speakers = clips()
    features = rng.normal(size=(160, 12))
    features[:, 3] += 4 * np.array([label == "sad" for label in labels])
    features[:, 4] += 4 * np.array([label == "angry" for label in labels])
    features[:, 5] -= 4 * np.array([label == "calm" for label in labels])
    found = probed(features, labels, speakers)
    assert found.accuracy is not None
    assert found.accuracy > 0.85
    assert found.interval is not None
    assert found.interval[0] < found.accuracy < found.interval[1]
    assert (found.chance, found.labels, found.clips, found.speakers) == (0.25, 4, 160, 5)


def test_noise_reads_at_chance() -> None:
    rng, labels, speakers = clips(400)
    found = probed(rng.normal(size=(400, 10)), labels, speakers)
    assert found.accuracy == pytest.approx(0.25, abs=0.08)


def test_a_label_known_by_the_voice_alone_is_not_read() -> None:
    """Each speaker's features tell the labels in another way: a probe that heard the speaker would know them all."""
    rng, labels, speakers = clips(400)
    features = rng.normal(0, 0.05, (400, 20))
    for i, (label, speaker) in enumerate(zip(labels, speakers, strict=True)):
        features[i, 4 * int(speaker[-1]) + LABELS.index(label)] += 1
    found = probed(features, labels, speakers)
    assert found.accuracy == pytest.approx(0.25, abs=0.12)


def test_accuracy_is_balanced_over_labels() -> None:
    rng, labels, speakers = clips(2_000)
    labels = ["happy" if i // 20 % 10 else "sad" for i in range(2_000)]  # nine of ten are happy
    found = probed(rng.normal(size=(2_000, 3)), labels, speakers)
    assert found.accuracy == pytest.approx(0.5, abs=0.08)
    assert found.clips == 400


def test_labels_of_one_speaker_and_unlabelled_clips_have_no_part() -> None:
    rng, labels, speakers = clips()
    given: list[str | None] = [*labels]
    given[0], given[1] = None, "fearful"
    found = probed(rng.normal(size=(160, 6)), given, speakers)
    assert (found.labels, found.clips, found.chance) == (4, 156, 0.25)
    alone = probed(rng.normal(size=(4, 6)), ["a", "b", "c", "d"], ["x", "y", "x", "y"])
    assert (alone.accuracy, alone.chance, alone.clips) == (None, None, 0)


def test_features_are_those_that_the_decoder_is_given() -> None:
    torch.manual_seed(0)
    model = EmoTalk(lite_config(styles=2)).eval()
    samples = murmur(0.8)
    found = averaged_features(model, samples)
    sound, lengths = torch.from_numpy(samples)[None], torch.tensor([len(samples)])
    with torch.inference_mode():
        content = model.encode_content(model.content_encoder.listen(sound, lengths), frames_of(lengths))[0].numpy()
        heard = model.emotion_encoder.listen(sound, lengths)
        memory = model.encode_emotion(heard, frames_of(lengths)).memory[0].numpy()
    for name, track in ((CONTENT, content), (EMOTION, memory)):
        assert found[name] == pytest.approx(track.mean(axis=0), abs=1e-5)
    assert found[PROSODY] == pytest.approx(prosody(samples))


def test_every_label_has_as_many_clips_as_the_rarest_from_all_its_speakers() -> None:
    labels: list[str | None] = ["calm"] * 6 + ["sad"] * 9 + ["happy"] * 3 + [None] * 2
    speakers = ["a", "a", "a", "a", "b", "b"] + ["a", "b", "c"] * 3 + ["a"] * 3 + ["a", "b"]
    rows = balanced(labels, speakers)
    # happy is one speaker's alone; calm has 6, of which 4 are of one speaker.
    assert [labels[row] for row in rows].count("calm") == [labels[row] for row in rows].count("sad") == 6
    assert len(rows) == 12
    assert sorted(speakers[row] for row in rows if labels[row] == "sad") == ["a", "a", "b", "b", "c", "c"]


@pytest.mark.parametrize(("speakers", "ways"), [(1, 0), (2, 1), (3, 3), (4, 3), (5, 10), (6, 10), (24, 10)])
def test_halves_differ_by_a_speaker_at_most_and_all_ways_count_once(speakers: int, ways: int) -> None:
    names = [f"s{i}" for i in range(speakers)]
    found = list(halves(names))
    assert len(found) == ways
    assert all(len(half) == speakers // 2 for half in found)
    cuts = {frozenset([frozenset(half), frozenset(names) - frozenset(half)]) for half in found}
    assert len(cuts) == ways


def test_the_regression_is_the_penalised_optimum() -> None:
    """Of two labels and one feature: against a search over a grid of slopes and offsets."""
    rng = np.random.default_rng(5)
    truth = np.array([0] * 12 + [1] * 6)
    x = rng.normal(truth * 1.0, 1.0)
    z = (x - x.mean()) / x.std()
    weight = len(truth) / (2 * np.bincount(truth)[truth])
    slopes, offsets = np.meshgrid(np.linspace(0, 3, 201), np.linspace(-2, 2, 401))
    margin = (2 * truth - 1) * (slopes[..., None] * z + offsets[..., None])
    # Two labels share a slope of the score's difference: each has half of it.
    loss = (weight * np.log1p(np.exp(-margin))).sum(-1) + 0.5 * 2 * (slopes / 2) ** 2
    best = np.unravel_index(loss.argmin(), loss.shape)
    border = x.mean() - x.std() * offsets[best] / slopes[best]
    asked = np.linspace(x.min(), x.max(), 2_001)
    read = read_labels(x[:, None], truth, asked[:, None])
    assert asked[read.argmax()] == pytest.approx(border, abs=0.05)
