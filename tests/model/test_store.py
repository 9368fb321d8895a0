"""Model directories: what is written comes back, what is broken is named."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from emotalk import EmoTalk, InputError
from emotalk.model.config import EmoTalkConfig
from emotalk.model.presets import lite_config, official_config
from emotalk.model.store import default_model, model_digest
from tests.model.small import encoder_folder, noise, small_base, small_lite


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    small_lite().save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def test_a_saved_model_comes_back_whole(directory: Path) -> None:
    model = small_lite()
    again = EmoTalk.from_pretrained(directory)
    assert again.config == model.config
    np.testing.assert_array_equal(again.predict(noise(1)), model.predict(noise(1)))


def test_who_may_read_the_configuration_may_read_the_weights(directory: Path) -> None:
    assert len({file.stat().st_mode for file in directory.iterdir()}) == 1


def test_a_model_lives_behind_a_uri_too() -> None:
    model = small_lite()
    model.save_pretrained("memory://models/small")
    np.testing.assert_array_equal(
        EmoTalk.from_pretrained("memory://models/small").predict(noise(1)), model.predict(noise(1))
    )


def test_saving_twice_gives_the_same_digest_and_other_weights_another(directory: Path, tmp_path: Path) -> None:
    EmoTalk.from_pretrained(directory).save_pretrained(tmp_path / "copy")
    assert model_digest(tmp_path / "copy") == model_digest(directory)
    small_lite(styles=4).save_pretrained(tmp_path / "other")
    assert model_digest(tmp_path / "other") != model_digest(directory)


@pytest.mark.parametrize("config", [lite_config(), official_config()])
def test_configs_survive_json(config: EmoTalkConfig) -> None:
    assert EmoTalkConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"colour": "blue"}, "unknown keys in the EmoTalkConfig: colour"),
        ({"heads": 7}, "7 heads do not divide"),
        ({"styles": 0}, "at least one"),
        ({"content": {"kind": "magic"}}, "content.kind must be one of"),
        ({"content": {"kind": "mel", "channels": 8, "dilations": [1], "pitch": 3}}, "unknown keys in the Mel.*: pitch"),
        ({"default_style": 99}, "default_style 99"),
    ],
)
def test_a_wrong_configuration_is_named(directory: Path, change: dict[str, object], complaint: str) -> None:
    path = directory / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=complaint):
        EmoTalk.from_pretrained(directory)


def test_broken_directories_are_named(directory: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no model directory"):
        EmoTalk.from_pretrained(tmp_path / "nowhere")
    tensors = load_file(directory / "model.safetensors")
    save_file({k: v for k, v in tensors.items() if k != "decoder.output.bias"}, directory / "model.safetensors")
    with pytest.raises(InputError, match=r"decoder\.output\.bias"):
        EmoTalk.from_pretrained(directory)
    (directory / "model.safetensors").write_bytes(b"garbage")
    with pytest.raises(InputError, match="safetensors"):
        EmoTalk.from_pretrained(directory)
    (directory / "config.json").write_text("{")
    with pytest.raises(InputError, match=r"config\.json: is not JSON"):
        EmoTalk.from_pretrained(directory)


def test_base_takes_encoders_from_folders_and_needs_none_to_load(tmp_path: Path) -> None:
    config = small_base(tmp_path)
    model = EmoTalk(config, pretrained_encoders=True).eval()
    torch.manual_seed(5)
    torch.nn.init.normal_(model.decoder.output.weight, std=0.1)
    expected = load_file(tmp_path / "content/model.safetensors")["encoder.layer_norm.weight"]
    torch.testing.assert_close(model.content_encoder.state_dict()["transformer.layer_norm.weight"], expected)
    model.save_pretrained(tmp_path / "model")
    for name in ("content", "emotion"):
        (tmp_path / name).rename(tmp_path / f"gone-{name}")
    again = EmoTalk.from_pretrained(tmp_path / "model")
    np.testing.assert_array_equal(again.predict(noise(1)), model.predict(noise(1)))


def test_other_encoders_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no-such-folder"):
        encoder_config("no-such-folder/at-all")
    folder = encoder_folder(tmp_path / "encoder", "hubert")
    path = Path(folder) / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_type": "bert"}))
    with pytest.raises(InputError, match="bert"):
        encoder_config(folder)


def encoder_config(name: str) -> object:
    from emotalk.model.transformer import pretrained_encoder_config

    return pretrained_encoder_config(name, at_target_rate=True)


def test_the_default_model_comes_with_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EMOTALK_MODEL", raising=False)
    packaged = Path(default_model())
    assert (packaged / "README.md").is_file()
    assert sum(file.stat().st_size for file in packaged.iterdir()) < 8 * 2**20
    assert EmoTalk.from_pretrained(packaged).has_prototypes
    monkeypatch.setenv("EMOTALK_MODEL", "s3://bucket/model")
    assert default_model() == "s3://bucket/model"


def test_weights_in_16_bits_say_nearly_the_same(tmp_path: Path) -> None:
    model = small_lite()
    for name, half in (("whole", False), ("half", True)):
        model.save_pretrained(tmp_path / name, half=half)
    whole, half_size = ((tmp_path / name / "model.safetensors").stat().st_size for name in ("whole", "half"))
    assert half_size < 0.6 * whole
    expected, found = (EmoTalk.from_pretrained(tmp_path / name).predict(noise(1.0)) for name in ("whole", "half"))
    np.testing.assert_allclose(found, expected, atol=5e-3)
