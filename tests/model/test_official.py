"""Agreement with the authors' network, and what happens to checkpoints that are not theirs."""

import json
import os
import zlib
from math import prod
from pathlib import Path

import numpy as np
import pytest
import torch

from emotalk import EmoTalk, InputError, load_audio
from emotalk.labels import EMOTIONS, OFFICIAL_EMOTIONS
from emotalk.model.extend import extended, extended_config
from emotalk.model.official import RENAMED
from emotalk.model.presets import official_config
from emotalk.model.start import load_start
from tests.model.small import noise

TOLERANCE = 1e-4


def reference_weights(shapes: dict[str, list[int]]) -> dict[str, torch.Tensor]:
    """The weights under which the reference arrays were computed, from each tensor's name and shape."""
    state = {}
    for name, shape in shapes.items():
        z = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape, dtype=np.float32)
        if name.endswith("weight_g") or (len(shape) == 1 and name.endswith("weight")):
            z = 1 + 0.1 * z
        elif len(shape) == 1:
            z = 0.02 * z
        else:
            z = z / np.float32(np.sqrt(prod(shape[1:])))
        state[name] = torch.from_numpy(z.astype(np.float32))
    return state


def check_parity(data: Path, layers: int) -> None:
    shapes = json.loads((data / f"official/state_dict_{layers}layer.json").read_text())
    model = EmoTalk.from_official(reference_weights(shapes))
    reference = np.load(data / f"official/golden_{layers}layer.npz")

    def sound(name: str) -> np.ndarray:
        return load_audio(data / f"speech/emotalk/{name}.wav")

    for key in reference.files:
        kind, *rest = key.split("__")
        if kind == "predict":
            clip, level, person = rest
            out = model.predict(sound(clip), level=int(level[5:]), person=int(person[6:]))
            np.testing.assert_allclose(out, reference[key], atol=TOLERANCE, rtol=0)
        else:
            input12, input21, frames11, frames12, level, person, part = rest
            with torch.no_grad():
                result = model(
                    sound(input12), sound(input21), int(frames11), int(frames12), int(level[5:]), int(person[6:])
                )
            actual = getattr(result, part)[0].numpy()
            np.testing.assert_allclose(actual, reference[key].reshape(actual.shape), atol=TOLERANCE, rtol=0)


def test_agrees_with_the_authors_network_of_2_layers(shared_data: Path) -> None:
    check_parity(shared_data, 2)


@pytest.mark.slow
def test_agrees_with_the_authors_network_of_24_layers(shared_data: Path) -> None:
    check_parity(shared_data, 24)


@pytest.fixture(scope="module")
def checkpoint() -> dict[str, torch.Tensor]:
    """The tensors of a checkpoint of one layer, under the authors' names."""
    torch.manual_seed(0)
    state = {}
    for name, tensor in EmoTalk(official_config(layers=1)).state_dict().items():
        if name == "prototypes":
            continue
        name = name.replace("conv.parametrizations.weight.original0", "conv.weight_g")
        name = name.replace("conv.parametrizations.weight.original1", "conv.weight_v")
        theirs, ours = next(pair for pair in RENAMED if name.startswith(pair[1]))
        tensor = torch.cat([tensor] * 3) if ours == "decoder.guide_in." else tensor
        state[theirs + name[len(ours) :]] = tensor
    return state


def test_reads_a_file_as_it_reads_a_state_dict(checkpoint: dict[str, torch.Tensor], tmp_path: Path) -> None:
    torch.save({f"module.{name}": tensor for name, tensor in checkpoint.items()}, tmp_path / "EmoTalk.pth")
    sound = np.random.default_rng(0).standard_normal(8_000).astype(np.float32)
    from_file = EmoTalk.from_official(tmp_path / "EmoTalk.pth").predict(sound, level=1, person=0)
    np.testing.assert_array_equal(from_file, EmoTalk.from_official(checkpoint).predict(sound, level=1, person=0))


def test_names_the_tensors_that_are_wrong(checkpoint: dict[str, torch.Tensor]) -> None:
    broken = dict(checkpoint)
    del broken["obj_vector_level.bias"]
    broken["bs_map_r.weight"] = torch.zeros(51, 832)
    broken["something.else"] = torch.zeros(1)
    with pytest.raises(InputError) as caught:
        EmoTalk.from_official(broken)
    message = str(caught.value)
    assert "missing obj_vector_level.bias" in message
    assert "bs_map_r.weight has shape (51, 832), not (52, 832)" in message
    assert "unknown something.else" in message


def test_refuses_a_file_that_would_run_code(tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple[object, ...]:
            return (os.system, (f"touch {tmp_path}/ran",))

    torch.save({"bs_map_r.weight": Attack()}, tmp_path / "EmoTalk.pth")
    with pytest.raises(InputError, match="read safely"):
        EmoTalk.from_official(tmp_path / "EmoTalk.pth")
    assert not (tmp_path / "ran").exists()


def test_says_so_when_the_file_is_missing_or_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        EmoTalk.from_official(tmp_path / "nothing.pth")
    (tmp_path / "text.pth").write_text("not a checkpoint")
    with pytest.raises(InputError, match=r"text\.pth"):
        EmoTalk.from_official(tmp_path / "text.pth")
    with pytest.raises(InputError, match="no audio_encoder_cont layers"):
        EmoTalk.from_official({})


def test_it_learns_calm_and_its_speakers_stay_numbers(checkpoint: dict[str, torch.Tensor], tmp_path: Path) -> None:
    torch.save(checkpoint, tmp_path / "EmoTalk.pth")
    start = load_start(str(tmp_path / "EmoTalk.pth"))
    config = extended_config(start.config, ["me"], EMOTIONS)
    assert config.emotions == (*OFFICIAL_EMOTIONS, "calm")
    assert (config.speakers[0], config.speakers[23:]) == ("style 0", ("style 23", "me"))
    grown = extended(start, config)
    assert torch.equal(grown.style_map.weight[:, :24], start.style_map.weight)
    sound = noise(1)
    np.testing.assert_allclose(
        grown.predict(sound, level=1, person=3), start.predict(sound, level=1, person=3), atol=1e-5
    )
