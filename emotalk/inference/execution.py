"""How the network computes: in which precision, compiled or as it is written. Options of the `Animator`."""

from contextlib import AbstractContextManager, nullcontext
from typing import cast, get_args

import torch
from torch import nn

from emotalk.errors import InputError
from emotalk.model.config import Precision
from emotalk.model.decoder import EmotionGuidedDecoder
from emotalk.model.mel import ConvBlock
from emotalk.model.network import EmoTalk
from emotalk.model.quantised import quantised, with_replaced
from emotalk.model.transformer import TransformerEncoder


def prepared(model: EmoTalk, precision: Precision, compiled: bool) -> EmoTalk:
    """The model, in eval mode on its device, as it is to compute; it shares its tensors. See `Animator`."""
    if precision not in get_args(Precision):
        raise InputError(f"precision must be one of {', '.join(get_args(Precision))}, not {precision!r}")
    if precision == "int8":
        if model.device.type != "cpu":
            raise InputError(f"int8 is for CPUs: on {model.device.type} take bfloat16")
        model = quantised(model)
    if compiled:
        # What has no lengths to look at: the rest decides by them, which a compiler cannot. The shapes of an Animator
        # are few, and each is compiled for itself.
        parts = [module for module in model.modules() if isinstance(module, ConvBlock | EmotionGuidedDecoder)]
        parts += [module.transformer for module in model.modules() if isinstance(module, TransformerEncoder)]
        model = with_replaced(model, {part: _compiled(part) for part in parts})
    return model


def computing(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Within it products of matrices are made in the precision. Sums over time, norms and spectra stay in float32."""
    if precision != "bfloat16":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


def _compiled(part: nn.Module) -> nn.Module:
    return cast(nn.Module, torch.compile(part, dynamic=False))
