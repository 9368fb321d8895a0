"""The transformers of the large encoders in 8 bits, for CPUs: half their time, a stated error.

Weights have a scale per output channel, made once; activations a scale per row (one moment of one recording), made as
they come: a loud moment costs a quiet one no digits, and a result never depends on its batch mates.
"""

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from emotalk.errors import InputError
from emotalk.model.network import EmoTalk
from emotalk.model.transformer import TransformerEncoder

WEIGHT_STEPS = 127
# Products of 8-bit numbers are summed in pairs in 16 bits where a CPU has no better instruction. Activations of 7 bits
# never overflow there, and every CPU comes to the same numbers.
ACTIVATION_STEPS = 63
ACTIVATION_ZERO = 64
SMALLEST = 1e-12


class Int8Linear(nn.Module):
    """What an `nn.Linear` computes, from 8-bit weights and 7-bit activations. For prediction alone."""

    bias: Tensor | None
    scales: Tensor
    zeros: Tensor

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        weight = linear.weight.detach()
        scales = weight.abs().amax(1).clamp(min=SMALLEST) / WEIGHT_STEPS
        self._packed = torch.ops.onednn.qlinear_prepack((weight / scales[:, None]).round().to(torch.int8), None)
        self.register_buffer("scales", scales)
        self.register_buffer("zeros", torch.zeros(len(weight), dtype=torch.int64))
        self.register_buffer("bias", None if linear.bias is None else linear.bias.detach())

    def forward(self, x: Tensor) -> Tensor:
        """(…, in) float32 -> (…, out) float32."""
        scale = x.abs().amax(-1, keepdim=True).clamp(min=SMALLEST)
        steps = torch.round(x * (ACTIVATION_STEPS / scale)).add_(ACTIVATION_ZERO).to(torch.uint8)
        out = torch.ops.onednn.qlinear_pointwise(
            steps,
            1 / ACTIVATION_STEPS,
            ACTIVATION_ZERO,
            self._packed,
            self.scales,
            self.zeros,
            None,
            1.0,
            0,
            torch.float32,
            "none",
            [],
            "",
        )
        # The bias waits for the row's scale, so the packed weights have none.
        return out * scale if self.bias is None else torch.addcmul(self.bias, out, scale)


def quantised(model: EmoTalk) -> EmoTalk:
    """The model with the linear layers of its transformers in 8 bits; everything else is shared with it.

    InputError where there are no transformers: `lite` is as fast without.
    """
    linears = [
        module
        for encoder in {model.content_encoder, model.emotion_encoder}
        if isinstance(encoder, TransformerEncoder)
        for module in encoder.transformer.layers.modules()
        if isinstance(module, nn.Linear)
    ]
    if not linears:
        raise InputError(f"int8 is for the transformers of base and official: this {model.config.preset} has none")
    if "onednn" not in torch.backends.quantized.supported_engines:
        raise InputError("this build of torch has no oneDNN, which int8 needs: leave precision out")
    return with_replaced(model, {linear: Int8Linear(linear) for linear in linears})


def with_replaced(model: EmoTalk, modules: Mapping[nn.Module, nn.Module]) -> EmoTalk:
    """A copy of the model with other modules in some places; it shares all tensors of the rest."""
    shared = [*model.parameters(), *model.buffers()]
    # What a copy is told to have copied already, it takes as it is.
    known = {id(tensor): tensor for tensor in shared} | {id(old): new for old, new in modules.items()}
    return copy.deepcopy(model, known)
