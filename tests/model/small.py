"""Small networks of every kind, with weights that are not zero."""

from pathlib import Path

import numpy as np
import torch

from emotalk.model.config import EmoTalkConfig, TransformerEncoderConfig
from emotalk.model.network import EmoTalk
from emotalk.model.presets import base_config, lite_config

SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "conv_dim": (16,) * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
}


def small_lite(styles: int = 3) -> EmoTalk:
    return _awake(lite_config(styles=styles))


def small_transformer(family: str, norm: str) -> EmoTalk:
    """Two encoders of a family (wav2vec2, hubert, wavlm) with a norm (group, layer) after the first convolution."""
    architecture = {"model_type": family, "feat_extract_norm": norm, "do_stable_layer_norm": norm == "layer", **SIZES}
    encoders = [TransformerEncoderConfig(architecture=architecture, at_target_rate=rate) for rate in (True, False)]
    config = EmoTalkConfig(
        preset="base",
        content=encoders[0],
        emotion=encoders[1],
        styles=4,
        content_width=24,
        emotion_width=16,
        level_width=4,
        style_width=4,
        feed_forward=32,
    )
    return _awake(config)


def encoder_folder(folder: Path, family: str, **changes: object) -> str:
    """A folder with a small pretrained encoder, as transformers writes it."""
    from transformers import AutoConfig, AutoModel

    torch.manual_seed(1)
    AutoModel.from_config(AutoConfig.for_model(family, **(SIZES | changes))).save_pretrained(folder)
    return str(folder)


def small_base(folder: Path) -> EmoTalkConfig:
    return base_config(
        content=encoder_folder(folder / "content", "hubert"),
        emotion=encoder_folder(folder / "emotion", "wavlm"),
        styles=5,
    )


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    """Sound with a changing loudness, so that no normalisation is trivial."""
    rng = np.random.default_rng(seed)
    samples = rng.standard_normal(round(seconds * 16_000))
    return (0.1 * samples * (1.2 + np.sin(np.arange(len(samples)) / 3_000))).astype(np.float32)


def _awake(config: EmoTalkConfig) -> EmoTalk:
    torch.manual_seed(0)
    model = EmoTalk(config).eval()
    # A new decoder says nothing but zero: give its output some weight.
    torch.nn.init.normal_(model.decoder.output.weight, std=0.1)
    return model
