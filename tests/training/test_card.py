"""The model card names what a user must mind."""

from dataclasses import replace
from pathlib import Path

import pytest

from emotalk.corpus.manifest import Counts, Manifest
from emotalk.model.config import EmoTalkConfig
from emotalk.model.official import TERMS
from emotalk.model.presets import lite_config, official_config
from emotalk.training.card import UNKNOWN_TERMS, Trained, model_card, terms_of_model
from tests.model.small import small_lite


@pytest.fixture
def trained() -> Trained:
    manifest = Manifest(
        config={"source": "synthetic"},
        plan_digest="0",
        total=Counts(clips=7, hours=0.25, frames=27_000, speakers=3, squares=1),
        splits={},
        speakers={},
        emotions={},
        levels={},
        rejections={},
        repeated_recordings=0,
        files={},
    )
    return Trained(manifest=manifest, corpus_digest="abc123", epoch=2, epochs=6, validation={"cross": 0.0125})


def test_it_says_what_was_trained_on_what(trained: Trained) -> None:
    card = model_card(lite_config(styles=3), trained)
    for told in ("`lite`", "synthetic, 0.25 h, 7 clips, 3 speakers", "abc123", "epoch 2 of 6", "cross 0.01250"):
        assert told in card
    assert "started from" not in card


@pytest.mark.parametrize(("config", "leaks"), [(official_config(), True), (lite_config(), False)])
def test_an_emotion_encoder_that_knows_the_test_set_is_named(
    trained: Trained, config: EmoTalkConfig, leaks: bool
) -> None:
    ravdess = replace(trained, manifest=replace(trained.manifest, config={"source": "etf3d"}))
    card = model_card(config, ravdess)
    assert ("too good" in card) is leaks
    assert "not for commercial use" in card


def test_what_is_to_be_minded_of_a_teacher_goes_on_in_its_students(trained: Trained, tmp_path: Path) -> None:
    teacher = {"network": "official", "sha256": "f00d", "terms": list(terms_of_model("EmoTalk.pth"))}
    taught = replace(trained.manifest, config={"source": "taught", "settings": {"teacher": teacher}})
    card = model_card(lite_config(), replace(trained, also=(taught,)))
    assert "with the faces of a teacher: `official`, SHA-256 `f00d`" in card
    assert f"\n* {TERMS}\n" in card
    assert "CC BY-NC 4.0" in TERMS

    small_lite().save_pretrained(tmp_path / "student", card)
    small_lite().save_pretrained(tmp_path / "unknown")
    told = terms_of_model(str(tmp_path / "student"))
    assert TERMS in told
    assert any("nobody was recorded" in text for text in told)
    again = model_card(lite_config(), replace(trained, start=told))
    assert again.count(TERMS) == again.count("can deceive") == 1
    assert terms_of_model(str(tmp_path / "unknown")) == (UNKNOWN_TERMS,)
