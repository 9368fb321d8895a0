"""The emotion-guided decoder: one post-norm transformer layer from fused speech to 52 coefficients.

Self-attention is causal with a bias that grows with distance in whole seconds (30 frames); cross-attention sees only
the memory of its own frame, which makes it a linear map of the emotion at that frame.
"""

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emotalk.head import HEAD_UNITS

PERIOD_FRAMES = 30
QUERY_BLOCK = 512  # attention is computed for this many frames at once: no table of all frames by all frames


class EmotionGuidedDecoder(nn.Module):
    """Fused (B, T, width) and memory (B, T, width) -> coefficients (B, T, outputs), raw.

    With `head_pose` six columns more, behind them: the head about its mean pose, in radians and mm.
    """

    slopes: Tensor
    head_units: Tensor

    def __init__(
        self,
        *,
        width: int,
        heads: int,
        feed_forward: int,
        outputs: int,
        dropout: float = 0.1,
        past_frames: int | None = None,
        periodic_encoding: bool = False,
        head_pose: bool = False,
    ) -> None:
        super().__init__()
        self.heads, self.past_frames, self.periodic_encoding = heads, past_frames, periodic_encoding
        self.attention_in = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.guide_in = nn.Linear(width, width)
        self.guide_out = nn.Linear(width, width)
        self.widen = nn.Linear(width, feed_forward)
        self.narrow = nn.Linear(feed_forward, width)
        self.attention_norm = nn.LayerNorm(width)
        self.guide_norm = nn.LayerNorm(width)
        self.output_norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(width, outputs)
        self.head_output = nn.Linear(width, len(HEAD_UNITS)) if head_pose else None
        for bias in (self.attention_in.bias, self.attention_out.bias):
            nn.init.zeros_(bias)
        for read_out in (self.output, self.head_output):
            if read_out is not None:
                nn.init.zeros_(read_out.weight)
                nn.init.zeros_(read_out.bias)
        self.register_buffer("slopes", head_slopes(heads), persistent=False)
        self.register_buffer("head_units", torch.tensor(HEAD_UNITS), persistent=False)

    def forward(self, fused: Tensor, memory: Tensor) -> Tensor:
        """Frames behind a clip's end need no mask: no earlier frame looks at them."""
        if self.periodic_encoding:
            fused = self.dropout(fused + periodic_encoding(fused.shape[1], fused.shape[2]).to(fused))
        return self._read_out(fused, self._attend(fused), memory)

    def step(self, fused: Tensor, memory: Tensor, cache: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        """The next T frames of a stream: -> what `forward` says of them, and the cache of the frames after them.

        fused, memory: (B, T, width). cache: (B, past_frames - 1, 2 width), keys and values of the frames before, zeros
        at the start. first: (B,) number of the first of the T frames; frames below 0 are before the recording.
        """
        if self.past_frames is None:
            raise ValueError("a decoder that looks back to the start has no cache of fixed size: set past_frames")
        query, new = self.attention_in(fused).split((fused.shape[2], 2 * fused.shape[2]), -1)
        held = torch.cat([cache, new], 1)
        kept, frames = cache.shape[1], fused.shape[1]
        bias = step_bias(self.heads, self.past_frames, kept, frames, query.device).to(query.dtype)
        if int(first.min()) < kept:
            # No frame hears what was before the recording. One that lies there itself hears itself: it is dropped, but
            # must not become a number that is none.
            before = torch.arange(kept + frames, device=first.device) < (kept - first)[:, None]
            itself = torch.eye(kept + frames, dtype=torch.bool, device=first.device)[kept:]
            bias = bias.masked_fill((before[:, None] & ~itself)[:, None], -math.inf)
        key, value = held.chunk(2, -1)
        attended = F.scaled_dot_product_attention(
            self._by_head(query), self._by_head(key), self._by_head(value), attn_mask=bias
        )
        return self._read_out(fused, self._joined(attended), memory), held[:, frames:]

    def _read_out(self, fused: Tensor, attended: Tensor, memory: Tensor) -> Tensor:
        """What comes behind the attention, each frame by itself."""
        hidden = self.attention_norm(fused + self.dropout(attended))
        hidden = self.guide_norm(hidden + self.dropout(self.guide_out(self.guide_in(memory))))
        transformed = self.narrow(self.dropout(F.relu(self.widen(hidden))))
        hidden = self.output_norm(hidden + self.dropout(transformed))
        if self.head_output is None:
            return self.output(hidden)
        return torch.cat([self.output(hidden), self.head_output(hidden) * self.head_units], -1)

    def _attend(self, fused: Tensor) -> Tensor:
        frames = fused.shape[1]
        query, key, value = (self._by_head(part) for part in self.attention_in(fused).chunk(3, -1))
        blocks = []
        for start in range(0, frames, QUERY_BLOCK):
            stop = min(start + QUERY_BLOCK, frames)
            first = 0 if self.past_frames is None else max(0, start - self.past_frames + 1)
            bias = self._bias(start, stop, first).to(query.dtype)
            blocks.append(
                F.scaled_dot_product_attention(
                    query[:, :, start:stop],
                    key[:, :, first:stop],
                    value[:, :, first:stop],
                    attn_mask=bias,
                    dropout_p=self.dropout.p if self.training else 0.0,
                )
            )
        attended = blocks[0] if len(blocks) == 1 else torch.cat(blocks, 2)
        return self._joined(attended)

    def _by_head(self, part: Tensor) -> Tensor:
        """(B, T, width) -> (B, heads, T, width / heads)."""
        return part.unflatten(2, (self.heads, -1)).transpose(1, 2)

    def _joined(self, attended: Tensor) -> Tensor:
        """(B, heads, T, width / heads) -> (B, T, width)."""
        return self.attention_out(attended.transpose(1, 2).flatten(2))

    def _bias(self, start: int, stop: int, first: int) -> Tensor:
        return distance_bias(self.slopes, self.past_frames, range(start, stop), range(first, stop))


def head_slopes(heads: int) -> Tensor:
    """(heads,): how fast each head forgets."""
    return torch.tensor([2 ** (-8 * (head + 1) / heads) for head in range(heads)])


def distance_bias(slopes: Tensor, past_frames: int | None, asking: range, heard: range) -> Tensor:
    """(heads, asking, heard): -slope * whole seconds back, -inf for the future and beyond the past."""
    queries, keys = (torch.arange(part.start, part.stop, device=slopes.device) for part in (asking, heard))
    back = queries[:, None] - keys
    bias = -slopes[:, None, None] * back.div(PERIOD_FRAMES, rounding_mode="floor")
    hidden = back < 0 if past_frames is None else (back < 0) | (back >= past_frames)
    return bias.masked_fill(hidden, -math.inf)


@lru_cache(maxsize=256)
@torch.inference_mode(False)
def step_bias(heads: int, past_frames: int, kept: int, frames: int, device: torch.device) -> Tensor:
    """`distance_bias` of the `frames` that follow `kept` ones: every step of a stream asks for the same."""
    slopes = head_slopes(heads).to(device)
    return distance_bias(slopes, past_frames, range(kept, kept + frames), range(kept + frames))


def periodic_encoding(frames: int, width: int) -> Tensor:
    """(frames, width): sines and cosines of the frame number within each second (the paper's figure)."""
    position = (torch.arange(frames) % PERIOD_FRAMES).float()[:, None]
    rate = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000.0) / width))
    encoding = torch.zeros(frames, width)
    encoding[:, 0::2] = torch.sin(position * rate)
    encoding[:, 1::2] = torch.cos(position * rate[: width // 2])
    return encoding
