"""Several corpora read as one."""

import pickle

import pytest

from emotalk.corpus.corpora import Corpora
from emotalk.errors import InputError
from emotalk.labels import EMOTIONS
from emotalk.training.examples import Examples, speakers_of
from emotalk.training.squares import Single
from tests.random_corpus import Labels, random_corpus, squares


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    root = tmp_path_factory.mktemp("corpora")
    random_corpus(root / "one", squares("train", ["anna", "ben"]))
    random_corpus(root / "two", [Labels("train", "carl", f"words{n}", None, None) for n in range(3)])
    return [str(root / "one"), str(root / "two")]


def test_the_clips_of_all_are_there_once_and_each_is_its_own(folders: list[str]) -> None:
    both = pickle.loads(pickle.dumps(Corpora.open(folders)))
    examples = Examples(both, "train", EMOTIONS, speakers_of(both))
    assert examples.speakers == ("anna", "ben", "carl")
    loaded = examples.load([Single(position) for position in range(len(examples.rows))])
    alone = [Examples(Corpora.open([folder]), "train", EMOTIONS, ()) for folder in folders]
    expected = {e.clip_id: e for one in alone for e in one.load([Single(p) for p in range(len(one.rows))]).values()}
    assert len(loaded) == len(expected) == 15
    for example in loaded.values():
        assert (example.samples == expected[example.clip_id].samples).all()
        assert (example.weights == expected[example.clip_id].weights).all()


def test_one_corpus_is_known_by_its_own_digest_and_several_by_all(folders: list[str]) -> None:
    one, both, turned = (Corpora.open(f) for f in (folders[:1], folders, folders[::-1]))
    assert one.digest == one.manifests[0].digest
    assert len({one.digest, both.digest, turned.digest}) == 3
    assert both.emotions == {"happy", "sad", "angry", "none"}
    with pytest.raises(InputError, match="given twice"):
        Corpora.open([folders[0], *folders])
