"""How the words of one recording meet the face of another in training."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from emotalk.corpus.corpus import Corpus
from emotalk.timewarp import even_positions
from emotalk.timing import frames_of
from emotalk.training.augment import AugmentConfig
from emotalk.training.batches import collate
from emotalk.training.examples import Align, Examples
from emotalk.training.losses import TrainingStep
from emotalk.training.squares import Single, Square
from tests.model.small import noise, small_lite, small_transformer
from tests.random_corpus import Labels, random_corpus, random_phones, squares

CLIPS = squares("train", ["ann"], ["happy", "sad"])
PLAIN = AugmentConfig(clean=1.0)
FASTER = AugmentConfig(speed=(1.1, 1.1), clean=0.0, reverberation=0.0)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """A square of one speaker; the sounds of one of its two statements are known."""
    return random_corpus(tmp_path_factory.mktemp("corpus"), CLIPS, phones=["doors"])


def examples(corpus: Corpus, align: Align) -> tuple[Examples, Square, list[Labels]]:
    found = Examples(corpus, "train", ("happy", "sad"), ("ann",), align=align)
    at = {(str(row["statement"]), str(row["emotion"])): i for i, row in enumerate(found.rows)}
    square = Square(*(at[words, e] for words in ("doors", "dogs") for e in ("happy", "sad")))
    labels = {(clip.statement, clip.emotion): clip for clip in CLIPS}
    return found, square, [labels[str(row["statement"]), str(row["emotion"])] for row in found.rows]


@pytest.mark.parametrize("augmentation", [None, PLAIN, FASTER])
def test_known_sounds_meet_and_unknown_ones_are_stretched(corpus: Corpus, augmentation: AugmentConfig | None) -> None:
    found, square, labels = examples(corpus, "phones")
    loaded = found.load([square, Single(square.c2e1)], augmentation)
    heard_at = loaded[square.c1e1].heard_at
    assert heard_at is not None
    speed = 1.1 if augmentation is FASTER else 1.0
    here, there = ([p.start_s for p in random_phones(labels[i])] for i in (square.c1e1, square.c1e2))
    # Positions are sampled at frames: between two frames that a border lies between, the line has a bend.
    slopes = [b - a for a, b in pairwise(there)]
    met = np.interp(np.array(here) / speed * 30, np.arange(len(heard_at)), heard_at)
    assert met == pytest.approx(np.array(there) / speed * 30, abs=30 * max(slopes) / speed)
    assert met == pytest.approx(np.array(there) / speed * 30, abs=0.6)
    assert all(loaded[i].heard_at is None for i in (square.c1e2, square.c2e1, square.c2e2))
    batch = collate([square], loaded, 1)
    frames, heard = len(loaded[square.c2e2].weights), frames_of(len(loaded[square.c2e1].samples))
    np.testing.assert_array_equal(batch.positions[1, :frames], even_positions(frames, heard))
    for row, position in ((2, square.c1e2), (3, square.c2e1)):
        frames = len(loaded[position].weights)
        np.testing.assert_array_equal(batch.positions[row, :frames], np.arange(frames))


def test_warping_listens_to_targets_and_gives_them_no_samples(corpus: Corpus) -> None:
    found, square, _ = examples(corpus, "dtw")
    loaded = found.load([square], PLAIN)
    assert len(loaded[square.c1e1].samples) == len(loaded[square.c2e2].samples) == 0
    for target, content in ((square.c1e1, square.c1e2), (square.c2e2, square.c2e1)):
        heard_at = loaded[target].heard_at
        ratio = len(loaded[content].weights) / len(loaded[target].weights)
        if heard_at is None:
            assert not 0.55 < ratio < 1.8
            continue
        assert heard_at.shape == (len(loaded[target].weights),)
        assert heard_at[0] == 0
        assert heard_at[-1] == pytest.approx(len(loaded[content].weights) - 1, abs=1.5)
        assert (np.diff(heard_at) >= 0).all()


def test_stretching_reads_no_more_than_it_needs(corpus: Corpus) -> None:
    found, square, _ = examples(corpus, "interpolation")
    assert all(example.heard_at is None for example in found.load([square], PLAIN).values())


@pytest.mark.parametrize("kind", ["lite", "hubert", "wav2vec2"])
def test_frames_at_positions_are_those_of_the_recording_by_itself(kind: str) -> None:
    """Even positions are the stretching of before; others, of a recording that is heard first, lie among its frames."""
    network = small_lite() if kind == "lite" else small_transformer(kind, "group")
    samples = torch.from_numpy(noise(1.2, 5))[None]
    lengths = torch.tensor([samples.shape[1]])
    own = frames_of(lengths)
    with torch.no_grad():
        heard = network.content_encoder.listen(samples, lengths)
        for frames in (int(own), 17, 61):
            even = torch.from_numpy(even_positions(frames, int(own)))[None]
            torch.testing.assert_close(
                network.encode_content(heard, torch.tensor([frames]), even),
                network.encode_content(heard, torch.tensor([frames])),
                atol=1e-5,
                rtol=1e-4,
            )
        if kind != "lite":
            return  # they look at all frames together
        chosen = torch.tensor([[0.0, 3.0, 3.5, 11.0, 500.0]], dtype=torch.float64)
        all_frames = network.content_encoder.at_positions(heard, own)
        found = network.content_encoder.at_positions(heard, torch.tensor([5]), chosen)[0]
    expected = [all_frames[0, 0], all_frames[0, 3], all_frames[0, 3:5].mean(0), all_frames[0, 11], all_frames[0, -1]]
    torch.testing.assert_close(found, torch.stack(expected))


def test_the_training_step_hears_the_words_where_it_is_told(corpus: Corpus) -> None:
    found, square, _ = examples(corpus, "phones")
    stretched, square_again, _ = examples(corpus, "interpolation")
    assert square == square_again
    step = TrainingStep(small_lite().eval())
    torch.nn.init.normal_(step.model.decoder.output.weight, std=0.1)
    with torch.no_grad():
        one, other = (step(collate([square], e.load([square]), 3))[0] for e in (found, stretched))
    assert not torch.allclose(one[0], other[0], atol=1e-4)  # the target whose sounds are known
    torch.testing.assert_close(one[1:], other[1:])
