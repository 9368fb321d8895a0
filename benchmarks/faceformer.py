"""Speed beside FaceFormer's design, random weights, the same audio: python -m benchmarks.faceformer

The network that its paper describes (Fan et al., CVPR 2022), for speed alone: a wav2vec 2.0 base encoder, its features
brought to the frame rate, and one transformer decoder layer that says a frame at a time, from all frames before it. The
`official` preset is the network of EmoTalk's authors. Passes alternate; times are of the processor.
"""

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.network import PRESETS, RESULTS, _config, machine
from benchmarks.sound import speech
from emotalk.model.network import EmoTalk

FPS = 30
PERIOD = 30
WIDTH, HEADS = 64, 4
COORDINATES = 5_023 * 3  # of the mesh of VOCASET


class FaceFormer(nn.Module):
    """Samples (n,) -> (frames, coordinates), one frame after the other."""

    def __init__(self) -> None:
        super().__init__()
        from transformers import Wav2Vec2Config, Wav2Vec2Model

        self.encoder: Any = Wav2Vec2Model(Wav2Vec2Config())
        self.audio = nn.Linear(768, WIDTH)
        self.motion = nn.Linear(COORDINATES, WIDTH)
        self.style = nn.Linear(8, WIDTH, bias=False)
        self.decoder = nn.TransformerDecoderLayer(WIDTH, HEADS, 2 * WIDTH, batch_first=True)
        self.output = nn.Linear(WIDTH, COORDINATES)

    @torch.inference_mode()
    def predict(self, samples: np.ndarray) -> np.ndarray:
        sound = torch.from_numpy(samples)[None]
        features = self.encoder((sound - sound.mean()) / sound.std()).last_hidden_state
        frames = math.ceil(FPS * len(samples) / 16_000)
        memory = self.audio(F.interpolate(features.transpose(1, 2), frames, mode="linear", align_corners=True).mT)
        style = self.style(torch.eye(8)[:1])[:, None]
        position, bias, diagonal = _periodic(frames), _bias(frames), ~torch.eye(frames, dtype=torch.bool)
        said, out = style, []
        for frame in range(1, frames + 1):
            hidden = self.decoder(said + position[:frame], memory, bias[:, :frame, :frame], diagonal[:frame])
            out.append(self.output(hidden[:, -1:]))
            said = torch.cat([said, self.motion(out[-1]) + style], 1)
        return torch.cat(out, 1)[0].numpy()


def _periodic(frames: int) -> Tensor:
    """(frames, WIDTH): positions that repeat every PERIOD frames."""
    angles = (torch.arange(frames) % PERIOD)[:, None] * torch.exp(
        torch.arange(0, WIDTH, 2) * (-math.log(10_000.0) / WIDTH)
    )
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)


def _bias(frames: int) -> Tensor:
    """(HEADS, frames, frames): nearer periods weigh more, the future nothing."""
    back = torch.arange(frames)[:, None] - torch.arange(frames)
    slopes = torch.tensor([2.0 ** (-8 * (head + 1) / HEADS) for head in range(HEADS)])
    return (-slopes[:, None, None] * (back // PERIOD)).masked_fill(back < 0, -math.inf)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", nargs="+", type=int, default=[4, 10])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--output", type=Path, default=RESULTS / "faceformer-cpu.json")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    ways: dict[str, Callable[[np.ndarray], np.ndarray]] = {p: EmoTalk(_config(p)).eval().predict for p in PRESETS}
    ways["FaceFormer"] = FaceFormer().eval().predict
    results: dict[str, Any] = {"date": date.today().isoformat(), "machine": machine(), "times_real_time": {}}
    for seconds in options.seconds:
        sound = speech(seconds)
        took: dict[str, list[float]] = {name: [] for name in ways}
        for run in range(options.runs + 1):
            for name, predict in ways.items():
                started = time.process_time()
                predict(sound)
                took[name] += [time.process_time() - started] * (run > 0)  # the first one warms up
        speeds = {name: seconds / statistics.median(times) for name, times in took.items()}
        results["times_real_time"][str(seconds)] = speeds
        told = ", ".join(
            f"{name} {speed:.3g} × ({speed / speeds['FaceFormer']:.2g} of FaceFormer)" for name, speed in speeds.items()
        )
        print(f"{seconds} s, one thread, × real time: {told}")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(results, indent=1) + "\n")
    print(f"written: {options.output}")


if __name__ == "__main__":
    main()
