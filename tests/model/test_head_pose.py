"""A network that says how the head moves: what it says of the face is the same, and older models stay what they are."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from emotalk import EmoTalk, InputError
from emotalk.head import HEAD_UNITS
from emotalk.model.config import EmoTalkConfig
from emotalk.model.extend import extended, extended_config
from tests.model.small import noise, small_lite


def spoken(model: EmoTalk, sound: np.ndarray) -> torch.Tensor:
    """All that the decoder says of a recording."""
    samples, lengths = model._batch(sound)
    frames = torch.tensor([-(-len(sound) * 30 // 16_000)])
    content = model.encode_content(model.content_encoder.listen(samples, lengths), frames)
    memory = model.encode_emotion(model.emotion_encoder.listen(samples, lengths), frames).memory
    with torch.no_grad():
        return model.decode(content, memory, model.level_mix(None, 1), model.style_mix(None, 1))[0]


def test_a_model_gains_a_head_that_rests_and_keeps_its_face() -> None:
    model, sound = small_lite(), noise(1.2)
    config = extended_config(model.config, [], [], head_pose=True)
    grown = extended(model, config)
    assert grown.config.head_pose
    out = spoken(grown, sound)
    assert out.shape == (36, 58)
    assert not out[:, 52:].any()
    torch.testing.assert_close(out[:, :52], spoken(model, sound))
    np.testing.assert_array_equal(grown.predict(sound), model.predict(sound))
    again = extended(grown, extended_config(grown.config, ["new"], []))
    assert again.config.head_pose, "a head that was learnt is kept"


def test_the_head_is_read_in_radians_and_millimetres(tmp_path: Path) -> None:
    model = extended(small_lite(), replace(small_lite().config, head_pose=True)).eval()
    assert model.decoder.head_output is not None
    torch.nn.init.constant_(model.decoder.head_output.bias, 0.1)
    head = spoken(model, noise(0.5))[:, 52:]
    torch.testing.assert_close(head, (0.1 * torch.tensor(HEAD_UNITS)).expand_as(head))
    assert model.predict(noise(0.5)).shape == (15, 52)
    assert model(noise(0.5), noise(0.6), 20, 15).out11.shape == (1, 20, 52)
    model.save_pretrained(tmp_path)
    torch.testing.assert_close(spoken(EmoTalk.from_pretrained(tmp_path), noise(0.5))[:, 52:], head)


def test_models_from_before_heads_load(tmp_path: Path) -> None:
    model = small_lite()
    model.save_pretrained(tmp_path)
    assert not any("head_output" in name for name in model.state_dict())
    config = json.loads((tmp_path / "config.json").read_text())
    assert config.pop("head_pose") is False
    (tmp_path / "config.json").write_text(json.dumps(config))
    np.testing.assert_array_equal(EmoTalk.from_pretrained(tmp_path).predict(noise(1)), model.predict(noise(1)))
    with pytest.raises(InputError, match="nods"):
        EmoTalkConfig.from_dict(config | {"nods": True})
