"""A network that learns more speakers and emotions: what it knew it still says."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from emotalk import EmoTalk, InputError
from emotalk.labels import EMOTIONS
from emotalk.model.extend import extended, extended_config
from emotalk.model.start import load_start
from tests.model.small import noise, small_lite


@torch.no_grad()
def some_model() -> EmoTalk:
    model = small_lite(styles=3)
    model.config = replace(model.config, speakers=("ann", "bob", "cem"), emotions=EMOTIONS)
    model.prototypes.normal_()
    return model


def test_old_speakers_and_strangers_sound_as_before() -> None:
    model, sound = some_model(), noise(1.1)
    config = extended_config(model.config, ["bob", "dia", "eve"], ["happy", "bored"])
    assert config.speakers == ("ann", "bob", "cem", "dia", "eve")
    assert config.emotions == (*EMOTIONS, "bored")
    grown = extended(model, config)
    for style in (0, 1, 2, None):
        np.testing.assert_allclose(grown.predict(sound, person=style), model.predict(sound, person=style), atol=1e-5)
    for new in (3, 4):  # a newcomer begins as a stranger
        np.testing.assert_allclose(grown.predict(sound, person=new), model.predict(sound), atol=1e-5)
    assert grown.prototypes.shape[0] == 9
    torch.testing.assert_close(grown.prototypes[8], model.prototypes.mean(0))
    frames = torch.tensor([33])
    logits = [m.encode_emotion(m.emotion_encoder.listen(*m._batch(sound)), frames).logits[0] for m in (model, grown)]
    torch.testing.assert_close(logits[1][:8], logits[0], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(logits[1][8], logits[0].mean(), atol=1e-5, rtol=1e-4)


def test_nothing_new_changes_nothing() -> None:
    model = some_model()
    same = extended(model, extended_config(model.config, ["cem"], []))
    assert same.config == model.config
    for (name, one), other in zip(model.state_dict().items(), same.state_dict().values(), strict=True):
        assert torch.equal(one, other), name


def test_names_of_speakers_are_kept_in_the_model_directory(tmp_path: Path) -> None:
    model = some_model()
    model.save_pretrained(tmp_path)
    assert load_start(str(tmp_path)).config.speakers == ("ann", "bob", "cem")
    with pytest.raises(InputError, match="2 names of speakers for 3 styles"):
        replace(model.config, speakers=("ann", "bob"))
