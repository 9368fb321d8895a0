"""The large encoders: wav2vec 2.0 and its relatives, run at the animation's frame rate.

Convolution features (50 Hz) are resampled between the convolutions and the transformer, as the paper's code does; the
convolutions are frozen and therefore run in blocks of bounded memory.
"""

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from emotalk.audio import SAMPLE_RATE
from emotalk.errors import InputError
from emotalk.model.config import TransformerEncoderConfig
from emotalk.model.resample import Features, frame_mask, resample_heard
from emotalk.timing import frames_of

VARIANCE_FLOOR = 1e-6  # of -60 dBFS: silence is not blown up to the loudness of speech
BLOCK_FRAMES = 512  # convolution frames (20 ms each) computed at once


class TransformerEncoder(nn.Module):
    """samples -> features at the animation's frame rate, with the whole clip as context."""

    past_samples: int | None = None
    future_samples: int | None = None
    convolutions: Any  # modules of transformers, which have no types of their own
    projection: Any
    transformer: Any

    def __init__(self, config: TransformerEncoderConfig, network: Any = None) -> None:
        super().__init__()
        network = network if network is not None else _build(config.architecture)
        self.config = config
        self.convolutions = network.feature_extractor.conv_layers.requires_grad_(False)
        self.projection = network.feature_projection
        self.transformer = network.encoder
        architecture = network.config
        self.width: int = architecture.hidden_size
        self.kernels: tuple[int, ...] = tuple(architecture.conv_kernel)
        self.strides: tuple[int, ...] = tuple(architecture.conv_stride)
        self.group_normed = architecture.feat_extract_norm == "group"

    def freeze(self, layers: int) -> None:
        """The first `layers` transformer layers, and what is before them, keep their weights; 0 freezes no more."""
        if layers > len(self.transformer.layers):
            raise InputError(f"{layers} layers to freeze in an encoder that has {len(self.transformer.layers)}")
        if layers:
            for module in (self.projection, *self.transformer.layers[:layers]):
                module.requires_grad_(False)

    def recompute_activations(self) -> None:
        """In training, compute every layer's inner values again on the way back instead of keeping them."""
        for layer in self.transformer.layers:
            layer.gradient_checkpointing = True
            layer._gradient_checkpointing_func = partial(checkpoint, use_reentrant=False)

    def listen(self, samples: Tensor, lengths: Tensor) -> Features:
        """(B, N) samples with (B,) valid lengths -> all that does not depend on the frames wanted."""
        if self.config.normalise:
            samples = normalise(samples, lengths)
        with torch.no_grad():
            features = self._convolve(samples, lengths)
        if self.config.at_target_rate:
            return features
        return self._transform(features, (features.counts.double() / 50 * 30).long().clamp(min=1))

    def at_positions(self, features: Features, frames: Tensor, positions: Tensor | None = None) -> Tensor:
        """What `listen` gave -> (B, max(frames), width), zero behind each clip's frames; see `resample_heard`."""
        if self.config.at_target_rate:
            hidden = self._transform(features, frames, positions).values
            return hidden * frame_mask(frames, hidden.shape[1])[..., None].to(hidden.dtype)
        return resample_heard(features, frames, positions)

    def _transform(self, features: Features, frames: Tensor, positions: Tensor | None = None) -> Features:
        """Convolution features -> hidden states at `frames` (B,) moments per clip."""
        hidden = self.projection(resample_heard(features, frames, positions))
        hidden = hidden[0] if isinstance(hidden, tuple) else hidden
        # No mask for a lone clip: attention without one need not hold a (frames, frames) table. Batches always have
        # one, so that the arithmetic of a clip does not depend on the lengths of its mates.
        mask = None if len(frames) == 1 else frame_mask(frames, hidden.shape[1])
        return Features(self.transformer(hidden, attention_mask=mask).last_hidden_state, frames, features.own)

    def _frames_of(self, samples: Tensor | int) -> Any:
        for kernel, stride in zip(self.kernels, self.strides, strict=True):
            samples = (samples - kernel) // stride + 1
        return samples

    def _convolve(self, samples: Tensor, lengths: Tensor) -> Features:
        """-> features at 50 Hz, block by block: each frame sees 25 ms of samples."""
        hop, receptive = _hop_and_receptive_field(self.kernels, self.strides)
        # A clip shorter than one receptive field is completed with silence: it still has a face.
        samples = F.pad(samples, (0, max(0, receptive - samples.shape[1])))
        counts = self._frames_of(lengths.clamp(min=receptive))
        statistics = self._group_statistics(samples, lengths.clamp(min=receptive)) if self.group_normed else None
        blocks = []
        for start in range(0, int(counts.max()), BLOCK_FRAMES):
            stop = min(start + BLOCK_FRAMES, int(counts.max()))
            block = samples[:, None, start * hop : (stop - 1) * hop + receptive]
            for layer in self.convolutions:
                if statistics is not None and layer is self.convolutions[0]:
                    block = layer.activation(_normalise_groups(layer, layer.conv(block), statistics))
                else:
                    block = layer(block)
            blocks.append(block.transpose(1, 2))
        return Features(torch.cat(blocks, 1), counts, frames_of(lengths))

    def _group_statistics(self, samples: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance (B, C, 1) of the first convolution over each clip's own time.

        Base encoders normalise this layer over the whole clip: counting the padding in would make a clip's result
        depend on its batch.
        """
        layer, kernel, stride = self.convolutions[0], self.kernels[0], self.strides[0]
        counts = (lengths - kernel) // stride + 1
        step = BLOCK_FRAMES * 64
        total = square = torch.zeros((), dtype=torch.float64, device=samples.device)
        for start in range(0, int(counts.max()), step):
            stop = min(start + step, int(counts.max()))
            out = layer.conv(samples[:, None, start * stride : (stop - 1) * stride + kernel]).double()
            valid = frame_mask(counts - start, stop - start)[:, None]
            out = out * valid
            total, square = total + out.sum(-1, keepdim=True), square + (out * out).sum(-1, keepdim=True)
        mean = total / counts[:, None, None]
        return mean.float(), (square / counts[:, None, None] - mean * mean).clamp(min=0).float()


def normalise(samples: Tensor, lengths: Tensor) -> Tensor:
    """Zero mean, unit variance over each clip's own samples; (B, N) -> (B, N), zero behind the clip's end."""
    mask = frame_mask(lengths, samples.shape[1])
    mean = (samples * mask).sum(1, keepdim=True) / lengths[:, None]
    centred = (samples - mean) * mask
    variance = (centred * centred).sum(1, keepdim=True) / lengths[:, None]
    return centred / torch.sqrt(variance.clamp(min=VARIANCE_FLOOR) + 1e-7)


def pretrained_encoder_config(name: str, *, at_target_rate: bool) -> TransformerEncoderConfig:
    """Read the architecture of a checkpoint by folder or hub name."""
    from transformers import AutoConfig, AutoFeatureExtractor

    try:
        architecture = AutoConfig.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise InputError(f"is neither a folder with a speech encoder nor a hub name: {error}", source=name) from error
    try:
        do_normalise = bool(AutoFeatureExtractor.from_pretrained(name).do_normalize)
    except (OSError, ValueError):  # a folder without preprocessor_config.json: the family's default
        do_normalise = True
    return TransformerEncoderConfig(
        # No layer is ever left out: workers that left out different ones could not average their gradients.
        architecture=architecture.to_diff_dict() | {"model_type": architecture.model_type, "layerdrop": 0.0},
        at_target_rate=at_target_rate,
        normalise=do_normalise,
        checkpoint=name,
    )


def load_pretrained(config: TransformerEncoderConfig) -> TransformerEncoder:
    """The encoder with the weights of `config.checkpoint` (a folder or a hub name)."""
    from transformers import AutoModel

    try:
        network = AutoModel.from_pretrained(
            config.checkpoint, attn_implementation=_attention(config.architecture), layerdrop=0.0
        )
    except (OSError, ValueError) as error:
        raise InputError(f"cannot load encoder weights: {error}", source=config.checkpoint) from error
    return TransformerEncoder(config, network)


def _build(architecture: dict[str, Any]) -> Any:
    from transformers import AutoConfig, AutoModel

    values = {k: v for k, v in architecture.items() if k not in ("model_type", "transformers_version")}
    config = AutoConfig.for_model(architecture["model_type"], **values)
    return AutoModel.from_config(config, attn_implementation=_attention(architecture))


def _attention(architecture: dict[str, Any]) -> str:
    # WavLM's gated position bias has no scaled-dot-product path in transformers.
    return "eager" if architecture["model_type"] == "wavlm" else "sdpa"


def _hop_and_receptive_field(kernels: tuple[int, ...], strides: tuple[int, ...]) -> tuple[int, int]:
    hop, receptive = 1, 1
    for kernel, stride in zip(kernels, strides, strict=True):
        receptive += (kernel - 1) * hop
        hop *= stride
    if hop * 50 != SAMPLE_RATE:
        raise InputError(f"encoders must make 50 frames per second at 16 kHz; this one has a hop of {hop} samples")
    return hop, receptive


def _normalise_groups(layer: Any, hidden: Tensor, statistics: tuple[Tensor, Tensor]) -> Tensor:
    norm: nn.GroupNorm = layer.layer_norm
    mean, variance = statistics
    scaled = (hidden - mean) / torch.sqrt(variance + norm.eps)
    return scaled * norm.weight[:, None] + norm.bias[:, None]
