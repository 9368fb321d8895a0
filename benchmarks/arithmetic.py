"""Floating-point operations of a network per second of audio, told from its configuration alone.

Counted are products of matrices, convolutions and attention, two operations per product and sum: all but a per cent.
"""

from typing import Any

from transformers import AutoConfig

from emotalk.model.config import EmoTalkConfig, MelEncoderConfig, TransformerEncoderConfig
from emotalk.model.decoder import QUERY_BLOCK

FPS = 30
RATE = 16_000


def gflop_per_second(config: EmoTalkConfig, seconds: float) -> float:
    """Of a recording of `seconds`: attention over all of it makes each second dearer the more there are."""
    frames = round(FPS * seconds)
    encoders = [config.content] + ([] if config.emotion is None else [config.emotion])
    total = sum(_encoder(encoder, seconds, frames) for encoder in encoders)
    content, emotion = _width(config.content), _width(config.emotion or config.content)
    width = config.width
    maps = content * config.content_width + emotion * width + width * config.emotion_width
    outputs = len(config.coefficients) + (6 if config.head_pose else 0)
    layer = 6 * width * width + 2 * width * config.feed_forward + width * outputs
    total += 2 * frames * (maps + layer) + 4 * width * _looked_at(frames, config.past_frames)
    return total / seconds / 1e9


def _looked_at(frames: int, past_frames: int | None) -> int:
    """Pairs of frames of the decoder's attention, which is computed by blocks of queries and masked."""
    starts = range(0, frames, QUERY_BLOCK)
    stops = [min(start + QUERY_BLOCK, frames) for start in starts]
    firsts = [0 if past_frames is None else max(0, start - past_frames + 1) for start in starts]
    return sum((stop - start) * (stop - first) for start, stop, first in zip(starts, stops, firsts, strict=True))


def _width(encoder: MelEncoderConfig | TransformerEncoderConfig) -> int:
    return encoder.channels if isinstance(encoder, MelEncoderConfig) else int(_architecture(encoder).hidden_size)


def _encoder(encoder: MelEncoderConfig | TransformerEncoderConfig, seconds: float, frames: int) -> float:
    if isinstance(encoder, MelEncoderConfig):
        channels, patch = encoder.channels, (encoder.patch_past + 1 + encoder.patch_future) * encoder.bands
        block = (encoder.kernel + 4) * channels * channels
        spectrum = 100 * seconds * (encoder.window_samples + 2) * encoder.bands
        return 2 * (spectrum + frames * (patch * channels + len(encoder.dilations) * block))
    shape = _architecture(encoder)
    samples, channels, total = RATE * seconds, 1, 0.0
    for i, (kernel, stride, after) in enumerate(zip(shape.conv_kernel, shape.conv_stride, shape.conv_dim, strict=True)):
        samples = (samples - kernel) // stride + 1
        passes = 2 if i == 0 and shape.feat_extract_norm == "group" else 1  # its statistics are of the whole recording
        total += 2 * passes * samples * kernel * channels * after
        channels = after
    hidden, inner = shape.hidden_size, shape.intermediate_size
    total += 2 * frames * channels * hidden
    total += 2 * frames * hidden * hidden // shape.num_conv_pos_embedding_groups * shape.num_conv_pos_embeddings
    layer = 2 * frames * (4 * hidden * hidden + 2 * hidden * inner) + 4 * frames * frames * hidden
    return total + shape.num_hidden_layers * layer


def _architecture(encoder: TransformerEncoderConfig) -> Any:
    values = {k: v for k, v in encoder.architecture.items() if k not in ("model_type", "transformers_version")}
    return AutoConfig.for_model(encoder.architecture["model_type"], **values)
