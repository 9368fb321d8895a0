"""Linear probes read what is there, cannot read what is not, and never know a clip by its voice."""

import numpy as np
import pytest
import torch

from emotalk.metrics.bootstrap import clip_counts
from emotalk.metrics.leakage import CONTENT, EMOTION, Probe, pooled_features, probe
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
    rng, labels, speakers = clips(200)
    labels = ["happy" if i % 10 else "sad" for i in range(200)]  # nine of ten are happy
    found = probed(rng.normal(size=(200, 3)), labels, speakers)
    assert found.accuracy == pytest.approx(0.5, abs=0.05)


def test_labels_of_one_speaker_and_unlabelled_clips_have_no_part() -> None:
    rng, labels, speakers = clips()
    given: list[str | None] = [*labels]
    given[0], given[1] = None, "fearful"
    found = probed(rng.normal(size=(160, 6)), given, speakers)
    assert (found.labels, found.clips) == (4, 158)
    alone = probed(rng.normal(size=(4, 6)), ["a", "b", "c", "d"], ["x", "y", "x", "y"])
    assert (alone.accuracy, alone.chance, alone.clips) == (None, None, 0)


def test_features_are_those_that_the_decoder_is_given() -> None:
    torch.manual_seed(0)
    model = EmoTalk(lite_config(styles=2)).eval()
    samples = murmur(0.8)
    found = pooled_features(model, samples)
    sound, lengths = torch.from_numpy(samples)[None], torch.tensor([len(samples)])
    with torch.inference_mode():
        content = model.encode_content(model.content_encoder.listen(sound, lengths), frames_of(lengths))[0].numpy()
        heard = model.emotion_encoder.listen(sound, lengths)
        memory = model.encode_emotion(heard, frames_of(lengths)).memory[0].numpy()
    for name, track in ((CONTENT, content), (EMOTION, memory)):
        assert found[name] == pytest.approx(np.concatenate([track.mean(axis=0), track.std(axis=0)]), abs=1e-5)
