"""A clip's result is its own: alone, in a padded batch, in blocks."""

from pathlib import Path

import numpy as np
import pytest
import torch

from emotalk.model import decoder, transformer
from emotalk.model.config import EmoTalkConfig
from emotalk.model.network import EmoTalk
from emotalk.model.resample import resample_frames
from tests.model.small import noise, small_base, small_lite, small_transformer

KINDS = [("lite", ""), ("wav2vec2", "layer"), ("wav2vec2", "group"), ("hubert", "group"), ("wavlm", "group")]


def model_of(family: str, norm: str) -> EmoTalk:
    return small_lite() if family == "lite" else small_transformer(family, norm)


@pytest.mark.parametrize(("family", "norm"), KINDS)
def test_a_clip_alone_and_in_a_padded_batch_agree(family: str, norm: str) -> None:
    model = model_of(family, norm)
    clips = [noise(1.33, 1), noise(4.01, 2), noise(0.5, 3)]
    frames = [40, 97, 15]
    with torch.no_grad():
        batch = model(clips, clips[::-1], frames, frames, [0, 1, None], [0, None, 2])
        for row, (clip, other, count) in enumerate(zip(clips, clips[::-1], frames, strict=True)):
            alone = model(clip, other, count, count, [0, 1, None][row], [0, None, 2][row])
            for one, many in zip(alone[:2], batch[:2], strict=True):
                np.testing.assert_allclose(many[row, :count], one[0], atol=1e-4)
            np.testing.assert_allclose(batch.logits[row], alone.logits[0], atol=1e-4)


@pytest.mark.parametrize(("family", "norm"), KINDS)
def test_even_the_shortest_sound_has_a_face(family: str, norm: str) -> None:
    model = model_of(family, norm)
    for samples in (1, 399, 534):
        out = model.predict(np.full(samples, 0.1, np.float32))
        assert out.shape == (-(-samples * 30 // 16_000), 52)
        assert np.isfinite(out).all()


@pytest.mark.parametrize("norm", ["layer", "group"])
def test_convolution_blocks_change_nothing(norm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = small_transformer("wav2vec2", norm)
    whole = model.predict(noise(3))
    monkeypatch.setattr(transformer, "BLOCK_FRAMES", 7)
    np.testing.assert_allclose(model.predict(noise(3)), whole, atol=1e-5)


@pytest.mark.parametrize("family", ["lite", "wav2vec2"])
def test_attention_blocks_change_nothing(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(family, "layer")
    whole = model.predict(noise(6))
    monkeypatch.setattr(decoder, "QUERY_BLOCK", 11)
    np.testing.assert_allclose(model.predict(noise(6)), whole, atol=1e-5)


def test_loud_and_quiet_recordings_of_silence_are_not_blown_up() -> None:
    quiet = torch.from_numpy(noise(1))[None] * 1e-5
    out = transformer.normalise(quiet, torch.tensor([16_000]))
    assert out.abs().max() < 0.1


def test_the_gradient_reaches_every_trainable_weight(tmp_path: Path) -> None:
    config: EmoTalkConfig = small_base(tmp_path)
    for model in (small_lite(), EmoTalk(config, pretrained_encoders=True)):
        torch.nn.init.normal_(model.decoder.output.weight, std=0.1)
        out = model.train()(noise(1, 1), noise(1, 2), 30, 29, 1, 0)
        (out.out11.sum() + out.out12.sum() + out.logits.square().sum()).backward()
        still = {n for n, p in model.named_parameters() if p.requires_grad and p.grad is None}
        assert not still
        frozen = {n for n, p in model.named_parameters() if not p.requires_grad}
        assert all(".convolutions." in name for name in frozen)


def test_resampling_equals_torch_for_clips_of_one_length() -> None:
    x = torch.randn(2, 17, 3, dtype=torch.float64)
    lengths, targets = torch.tensor([17, 17]), torch.tensor([29, 29])
    expected = torch.nn.functional.interpolate(x.transpose(1, 2), 29, mode="linear", align_corners=True)
    torch.testing.assert_close(resample_frames(x, lengths, targets), expected.transpose(1, 2))
