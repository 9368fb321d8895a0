"""The paper's variants: the positional encoding of its figure, and its ablations of the network."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from emotalk import EmoTalk, InputError
from emotalk.model.decoder import periodic_encoding
from tests.model.small import noise, small_lite, small_transformer


def with_options(**options: bool) -> tuple[EmoTalk, EmoTalk]:
    """A small network as it is, and one of the same weights with other options."""
    plain = small_transformer("hubert", "group")
    other = EmoTalk(replace(plain.config, **options)).eval()
    other.load_state_dict(plain.state_dict())
    return plain, other


def parts(model: EmoTalk, frames: int = 70) -> dict[str, torch.Tensor]:
    """Content and emotion memory that do not change from frame to frame."""
    torch.manual_seed(3)
    config = model.config
    return {
        "content": torch.randn(1, 1, config.content_width).expand(-1, frames, -1),
        "memory": torch.randn(1, 1, config.width).expand(-1, frames, -1),
        "level": model.level_mix(None, 1),
        "style": model.style_mix(None, 1),
    }


def test_the_encoding_is_the_papers_with_a_period_of_one_second() -> None:
    encoding = periodic_encoding(90, 6).numpy()
    np.testing.assert_array_equal(encoding[:30], encoding[30:60])
    np.testing.assert_array_equal(encoding[:30], encoding[60:])
    for frame in (0, 1, 29):
        for pair in range(3):
            angle = frame / 10_000 ** (2 * pair / 6)
            assert encoding[frame, 2 * pair] == pytest.approx(np.sin(angle), abs=1e-5)
            assert encoding[frame, 2 * pair + 1] == pytest.approx(np.cos(angle), abs=1e-5)


@torch.inference_mode()
def test_the_encoding_is_added_to_what_the_decoder_is_given() -> None:
    plain, encoded = with_options(periodic_encoding=True)
    given = parts(plain)
    still, moving = plain.decode(**given)[0], encoded.decode(**given)[0]
    assert (still - still[0]).abs().max() < 1e-5  # the same sound and feeling in every frame: the same face
    assert (moving - moving[0]).abs().max() > 1e-2
    frames, width = given["content"].shape[1], plain.config.width
    fused = torch.randn(1, frames, width)
    expected = plain.decoder(fused + periodic_encoding(frames, width), given["memory"])
    torch.testing.assert_close(encoded.decoder(fused, given["memory"]), expected)


@torch.inference_mode()
def test_without_guidance_the_decoder_is_guided_by_the_fused_sequence() -> None:
    plain, unguided = with_options(emotion_guided=False)
    given = parts(plain)
    # The memory reaches the face in two ways, narrowed among the fused parts and as guidance: shut the first.
    for model in (plain, unguided):
        model.emotion_narrow.weight.zero_()
    other = given | {"memory": torch.roll(given["memory"], 1, -1)}
    assert (plain.decode(**given) - plain.decode(**other)).abs().max() > 1e-3
    torch.testing.assert_close(unguided.decode(**given), unguided.decode(**other))
    louder = given | {"content": given["content"] * 2}
    for model in (plain, unguided):  # the other parts are still heard
        assert (model.decode(**given) - model.decode(**louder)).abs().max() > 1e-3
    before = unguided.decode(**given)
    unguided.decoder.guide_in.weight.zero_()  # shuts the guidance too: it was not empty
    assert (unguided.decode(**given) - before).abs().max() > 1e-3


def test_the_options_survive_a_model_directory(tmp_path: Path) -> None:
    _, model = with_options(periodic_encoding=True, emotion_guided=False)
    model.save_pretrained(tmp_path)
    read = EmoTalk.from_pretrained(tmp_path).config
    assert (read.periodic_encoding, read.emotion_guided) == (True, False)


def test_the_encoding_needs_the_whole_past() -> None:
    with pytest.raises(InputError, match="needs the whole past"):
        replace(small_lite().config, periodic_encoding=True)


@pytest.mark.parametrize("kind", ["lite", "hubert"])
def test_one_encoder_for_both_is_stored_once(kind: str, tmp_path: Path) -> None:
    two = small_lite() if kind == "lite" else small_transformer("hubert", "group")
    one = EmoTalk(replace(two.config, emotion=None)).eval()
    assert one.emotion_encoder is one.content_encoder
    assert not [name for name in one.state_dict() if name.startswith("emotion_encoder")]
    one.save_pretrained(tmp_path)
    again = EmoTalk.from_pretrained(tmp_path)
    sound = noise(1.2)
    np.testing.assert_array_equal(one.predict(sound), again.predict(sound))
    # Both ways lead to the same encoder's gradient.
    samples, lengths = torch.tensor(sound)[None], torch.tensor([len(sound)])
    frames = torch.tensor([36])
    memory, logits = one.encode_emotion(one.emotion_encoder.listen(samples, lengths), frames)
    (memory.sum() + logits.sum()).backward()
    assert any(p.grad is not None and bool(p.grad.any()) for p in one.content_encoder.parameters())
