"""Import of the authors' released checkpoint (`EmoTalk.pth`, CC BY-NC 4.0) into this network."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from emotalk.errors import InputError
from emotalk.labels import OFFICIAL_EMOTIONS
from emotalk.model.presets import official_config

if TYPE_CHECKING:
    from emotalk.model.network import EmoTalk

TERMS = "`EmoTalk.pth` is CC BY-NC 4.0 by its authors: what is made of it is not for commercial use."

# The same tensors under the names of the authors' code: (their prefix, ours).
RENAMED = (
    ("audio_encoder_cont.feature_extractor.conv_layers.", "content_encoder.convolutions."),
    ("audio_encoder_cont.feature_projection.", "content_encoder.projection."),
    ("audio_encoder_cont.encoder.", "content_encoder.transformer."),
    ("audio_encoder_emo.wav2vec2.feature_extractor.conv_layers.", "emotion_encoder.convolutions."),
    ("audio_encoder_emo.wav2vec2.feature_projection.", "emotion_encoder.projection."),
    ("audio_encoder_emo.wav2vec2.encoder.", "emotion_encoder.transformer."),
    ("audio_encoder_emo.classifier.dense.", "emotion_head.dense."),
    ("audio_encoder_emo.classifier.out_proj.", "emotion_head.output."),
    ("audio_feature_map_cont.", "content_map."),
    ("audio_feature_map_emo.", "emotion_map."),
    ("audio_feature_map_emo2.", "emotion_narrow."),
    ("obj_vector_level.", "level_map."),
    ("obj_vector_person.", "style_map."),
    ("transformer_decoder.layers.0.self_attn.in_proj_", "decoder.attention_in."),
    ("transformer_decoder.layers.0.self_attn.out_proj.", "decoder.attention_out."),
    ("transformer_decoder.layers.0.multihead_attn.in_proj_", "decoder.guide_in."),
    ("transformer_decoder.layers.0.multihead_attn.out_proj.", "decoder.guide_out."),
    ("transformer_decoder.layers.0.linear1.", "decoder.widen."),
    ("transformer_decoder.layers.0.linear2.", "decoder.narrow."),
    ("transformer_decoder.layers.0.norm1.", "decoder.attention_norm."),
    ("transformer_decoder.layers.0.norm2.", "decoder.guide_norm."),
    ("transformer_decoder.layers.0.norm3.", "decoder.output_norm."),
    ("bs_map_r.", "decoder.output."),
)
# Carried by the checkpoint, used by no forward pass.
UNUSED = re.compile(r"\.(masked_spec_embed|lm_head\.(weight|bias))$|^(PPE\.pe|biased_mask1?)$")
_MODERN_WEIGHT_NORM = (
    ("conv.parametrizations.weight.original0", "conv.weight_g"),
    ("conv.parametrizations.weight.original1", "conv.weight_v"),
)


def load_official(checkpoint: Mapping[str, Tensor] | str | Path) -> "EmoTalk":
    """The `official` preset with the authors' weights.

    Wrong, missing or unknown tensors are an InputError that names them; a file is read with `weights_only=True`.
    """
    from emotalk.model.network import EmoTalk

    source = None if isinstance(checkpoint, Mapping) else str(checkpoint)
    state = checkpoint if isinstance(checkpoint, Mapping) else _read(checkpoint)
    given = dict(_translated(state, source))
    model = EmoTalk(official_config(layers=_layers(given, source), emotions=_emotions(given)))
    wanted = {name: tensor for name, tensor in model.state_dict().items() if name != "prototypes"}
    problems = [f"missing {_theirs(name)}" for name in wanted.keys() - given.keys()]
    problems += [f"unknown {_theirs(name)}" for name in given.keys() - wanted.keys()]
    problems += [
        f"{_theirs(name)} has shape {tuple(given[name].shape)}, not {tuple(tensor.shape)}"
        for name, tensor in wanted.items()
        if name in given and given[name].shape != tensor.shape
    ]
    if problems:
        more = f" and {len(problems) - 8} more" if len(problems) > 8 else ""
        raise InputError(f"is no EmoTalk checkpoint: {'; '.join(sorted(problems)[:8])}{more}", source=source)
    model.load_state_dict(given | {"prototypes": model.prototypes})
    return model.eval()


def _read(path: str | Path) -> Mapping[str, Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError("does not exist", source=path) from error
    except Exception as error:  # torch raises many kinds for a broken file; all mean the same to the user
        raise InputError(f"is not a checkpoint that can be read safely: {error}", source=path) from error
    if not isinstance(state, Mapping):
        raise InputError(f"holds a {type(state).__name__}, not a state dict", source=path)
    return state


def _translated(state: Mapping[str, Tensor], source: str | None) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in state.items():
        name = name.removeprefix("module.")
        if UNUSED.search(name):
            continue
        if not isinstance(tensor, Tensor):
            raise InputError(f"{name} is a {type(tensor).__name__}, not a tensor", source=source)
        ours = _ours(name)
        if ours.startswith("decoder.guide_in."):
            # With only the diagonal visible, attention weights are one: query and key never matter.
            tensor = tensor.chunk(3)[2]
        yield ours, tensor.detach().float()


def _ours(name: str) -> str:
    for theirs, ours in RENAMED:
        if name.startswith(theirs):
            name = ours + name[len(theirs) :]
            break
    for modern, legacy in _MODERN_WEIGHT_NORM:
        name = name.replace(legacy, modern)
    return name


def _theirs(name: str) -> str:
    for modern, legacy in _MODERN_WEIGHT_NORM:
        name = name.replace(modern, legacy)
    for theirs, ours in RENAMED:
        if name.startswith(ours):
            return theirs + name[len(ours) :]
    return name


def _layers(state: Mapping[str, Tensor], source: str | None) -> int:
    found = [re.match(r"content_encoder\.transformer\.layers\.(\d+)\.", name) for name in state]
    numbers = [int(match[1]) for match in found if match]
    if not numbers:
        raise InputError("is no EmoTalk checkpoint: it has no audio_encoder_cont layers", source=source)
    return max(numbers) + 1


def _emotions(state: Mapping[str, Tensor]) -> tuple[str, ...]:
    labels = len(state.get("emotion_head.output.bias", OFFICIAL_EMOTIONS))
    return OFFICIAL_EMOTIONS if labels == len(OFFICIAL_EMOTIONS) else tuple(f"label{i}" for i in range(labels))
