"""The small encoder: level-normalised log-mel patches and causal convolutions.

Nothing here looks at a whole clip, so a stream can compute the same numbers: the level is the loudest 0.1 s of the last
3 s, every convolution is causal but for a stated number of frames, and frames outside a recording are zeros.
"""

import math
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emotalk.audio import SAMPLE_RATE
from emotalk.audio.mel import mel_filters
from emotalk.model.config import MelEncoderConfig
from emotalk.model.resample import Features, frame_mask, resample_heard
from emotalk.timing import frames_of

HOP_SAMPLES = 160  # 10 ms: ten columns are exactly three animation frames
WINDOW_FUTURE_SAMPLES = 200  # every analysis window ends this long after its column's time
LEVEL_COLUMNS = 300  # the level looks 3 s back ...
LEVEL_SMOOTHING = 10  # ... at means of 0.1 s
LEVEL_FLOOR = 3e-6  # of full scale power (-55 dBFS): quieter recordings count as silence, not as quiet speech
HISTORY_COLUMNS = LEVEL_COLUMNS + LEVEL_SMOOTHING  # that reach into a column besides its own window
DYNAMIC_RANGE = 1e-4  # 40 dB below the level and lower all look alike: rooms differ, silence should not

Frame = TypeVar("Frame", int, Tensor)  # a number of a frame, or a tensor of them


class MelEncoder(nn.Module):
    """samples -> features at the animation's frame rate, with bounded past and future."""

    filters: Tensor
    window: Tensor

    def __init__(self, config: MelEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.width = config.channels
        filters = torch.from_numpy(mel_filters(config.bands, config.window_samples)).repeat_interleave(2, 0)
        self.register_buffer("filters", filters, persistent=False)
        self.register_buffer("window", torch.hann_window(config.window_samples, periodic=True), persistent=False)
        self.patch = nn.Linear((config.patch_past + 1 + config.patch_future) * config.bands, config.channels)
        self.blocks = nn.ModuleList(
            ConvBlock(config.channels, config.kernel, dilation, config.block_future if i == 0 else 0)
            for i, dilation in enumerate(config.dilations)
        )
        self.norm = nn.LayerNorm(config.channels)

    @property
    def future_samples(self) -> int:
        """Samples after a frame's time that reach into it."""
        rounding = HOP_SAMPLES // 3  # a frame takes the nearest column, at most a third of a hop later
        columns = self.config.patch_future * HOP_SAMPLES + rounding + WINDOW_FUTURE_SAMPLES
        return columns + self.config.block_future * SAMPLE_RATE // 30

    @property
    def past_samples(self) -> int:
        """Samples before a frame's time that reach into it."""
        columns = self.config.patch_past + 1 + HISTORY_COLUMNS
        frames = sum(block.past for block in self.blocks if isinstance(block, ConvBlock))
        return columns * HOP_SAMPLES + self.config.window_samples + math.ceil(frames * SAMPLE_RATE / 30)

    def listen(self, samples: Tensor, lengths: Tensor) -> Features:
        """(B, N) samples with (B,) valid lengths -> features at each recording's own frames."""
        own = frames_of(lengths)
        total = int(own.max())
        mask = frame_mask(own, total)[..., None].to(samples.dtype)
        samples = samples * frame_mask(lengths, samples.shape[1])
        hidden = self.patch(self._patches(self._columns(samples, total), total)) * mask
        for block in self.blocks:
            hidden = block(hidden, mask)
        return Features(self.norm(hidden) * mask, own, own)

    def at_positions(self, features: Features, frames: Tensor, positions: Tensor | None = None) -> Tensor:
        """What `listen` gave -> (B, max(frames), channels), zero behind each clip's frames; see `resample_heard`."""
        return resample_heard(features, frames, positions)

    def _columns(self, samples: Tensor, frames: int) -> Tensor:
        """(B, N) -> (B, columns, bands): normalised log-mel at 100 Hz, enough columns for the last frame's patch."""
        window = self.config.window_samples
        columns = column_of(frames - 1) + self.config.patch_future + 1
        before = window - WINDOW_FUTURE_SAMPLES
        after = max(0, (columns - 1) * HOP_SAMPLES + WINDOW_FUTURE_SAMPLES - samples.shape[1])
        padded = F.pad(samples, (before, after))[:, : (columns - 1) * HOP_SAMPLES + window]
        with torch.autocast(padded.device.type, enabled=False):  # powers span more than 16 bits tell
            powers = self.powers(padded.float())
            return self.normalise(powers, powers.mean(-1))

    def powers(self, samples: Tensor) -> Tensor:
        """(B, window + (n - 1) hops) -> (B, n, bands): power per band of each analysis window."""
        spectrum = torch.fft.rfft(samples.unfold(1, self.config.window_samples, HOP_SAMPLES) * self.window)
        # Squares of real and imaginary parts, each weighted by its band: the sum of both is left to the product.
        return torch.view_as_real(spectrum).square().flatten(2) @ self.filters

    def normalise(self, bands: Tensor, energy: Tensor) -> Tensor:
        """Power per band relative to the level of the last seconds, in nepers, scaled to about [-1, 1].

        bands: (B, columns, bands). energy: (B, before + columns), the mean over bands of these columns and of so many
        before them; what lies before those is silent. A column's level looks back less than HISTORY_COLUMNS, so that a
        stream needs to keep no more.
        """
        back = LEVEL_COLUMNS + LEVEL_SMOOTHING - 2
        heard = F.pad(energy, (back + bands.shape[1] - energy.shape[1], 0))[:, None]
        smooth = F.avg_pool1d(heard, LEVEL_SMOOTHING, 1)
        level = F.max_pool1d(smooth, LEVEL_COLUMNS, 1)[:, 0].clamp(min=LEVEL_FLOOR)[..., None]
        return torch.log(bands / level + DYNAMIC_RANGE) / 4 + 1

    def _patches(self, columns: Tensor, frames: int) -> Tensor:
        """(B, columns, bands) -> (B, frames, patch * bands): what each frame sees around its own column."""
        padded = F.pad(columns, (0, 0, self.config.patch_past, 0))
        index = column_of(torch.arange(frames, device=columns.device))
        return self.patches(padded).index_select(1, index)

    def patches(self, columns: Tensor) -> Tensor:
        """(B, columns, bands) -> (B, n, patch * bands): all patches, by their first column; a view."""
        return columns.unfold(1, self.config.patch_past + 1 + self.config.patch_future, 1).transpose(2, 3).flatten(2)


class ConvBlock(nn.Module):
    """Residual block: a causal dilated convolution mixes time, a two-layer perceptron mixes channels."""

    def __init__(self, channels: int, kernel: int, dilation: int, future: int) -> None:
        super().__init__()
        self.kernel, self.dilation = kernel, dilation
        self.past = (kernel - 1 - future) * dilation
        self.future = future * dilation
        self.norm = nn.LayerNorm(channels)
        # The convolution as one matrix product over shifted copies: twice as fast on a CPU as a library convolution,
        # which is compiled anew for every length.
        self.time = nn.Linear(kernel * channels, channels)
        self.widen = nn.Linear(channels, 2 * channels)
        self.narrow = nn.Linear(2 * channels, channels)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C); `mask` (B, T, 1) is 0 outside a recording, where all stays zero."""
        # Masked after the norm, whose bias would otherwise leak from behind a clip's end into its last frames.
        x = self.norm(hidden) * mask
        return self.mix(F.pad(x, (0, 0, self.past, self.future)), hidden, mask)

    def mix(self, normed: Tensor, hidden: Tensor, mask: Tensor | None) -> Tensor:
        """`hidden` (B, T, C) and what it hears around it -> (B, T, C).

        normed: (B, past + T + future, C), zero outside the recording. mask: (B, T, 1), 0 outside it; None: all of
        the frames lie inside.
        """
        frames = hidden.shape[1]
        shifts = range(0, self.kernel * self.dilation, self.dilation)
        x = self.time(torch.cat([normed[:, shift : shift + frames] for shift in shifts], -1))
        mixed = hidden + self.narrow(F.relu(self.widen(F.relu(x))))
        return mixed if mask is None else mixed * mask


def column_of(frame: Frame) -> Frame:
    """The 10 ms column nearest to frame k at k/30 s."""
    return (frame * 10 + 1) // 3
