"""A trained network that learns speakers, emotions or the head's pose: what it knows stays, the new starts neutral."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from emotalk.model.config import EmoTalkConfig
from emotalk.model.network import EmoTalk

# Of these tensors each style is a column, each emotion a row.
_BY_STYLE = ("style_map.weight",)
_OF_HEAD = "decoder.head_output."
_BY_EMOTION = ("emotion_head.output.weight", "emotion_head.output.bias", "prototypes")


def extended_config(
    config: EmoTalkConfig, speakers: Sequence[str], emotions: Sequence[str], *, head_pose: bool = False
) -> EmoTalkConfig:
    """The configuration with what it lacks of these added behind its own. Styles without a name keep their number.

    Unknown speakers have the mean of all styles, as training has it, whatever was their style before.
    """
    names = config.speakers or tuple(f"style {number}" for number in range(config.styles))
    names += tuple(speaker for speaker in speakers if speaker not in names)
    labels = config.emotions + tuple(emotion for emotion in emotions if emotion not in config.emotions)
    return replace(
        config,
        speakers=names,
        styles=len(names),
        emotions=labels,
        default_style=None,
        head_pose=config.head_pose or head_pose,
    )


def extended(model: EmoTalk, config: EmoTalkConfig) -> EmoTalk:
    """The network with the weights of `model` and more styles and emotions, as `extended_config` gave them.

    A new style is the mean of those there are, which is what an unknown speaker had before; a new emotion is as likely
    as they are in the mean; a new head rests in its mean pose.
    """
    grown = EmoTalk(config)
    state = model.state_dict()
    if config.head_pose and not model.config.head_pose:
        state |= {name: tensor for name, tensor in grown.state_dict().items() if name.startswith(_OF_HEAD)}
    with torch.no_grad():
        for name in _BY_STYLE:
            state[name] = _with_means(state[name], config.styles, dim=1)
        for name in _BY_EMOTION:
            state[name] = _with_means(state[name], len(config.emotions), dim=0)
    grown.load_state_dict(state)
    return grown.train(model.training)


def _with_means(values: Tensor, size: int, *, dim: int) -> Tensor:
    more = size - values.shape[dim]
    return torch.cat([values, values.mean(dim, keepdim=True).repeat_interleave(more, dim)], dim) if more else values
