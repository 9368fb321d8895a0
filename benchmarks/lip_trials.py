"""What makes lips close on real speech, in trials of minutes: content encoder and a linear read-out alone.

    python -m benchmarks.lip_trials CORPUS --recordings reading.wav other.wav [--minutes 3] [--voices joe]

Recordings have their text beside them as `.txt` (extra `align`). A trial sees some clips of the corpus for so many
minutes of CPU time, augmented, without emotions, styles or cross-reconstruction, and prints how well it tells p, b and
m from vowels in the recordings: what a larger network or a longer training is to be compared with. A trial's errors
are large; what it ranks, it ranks by the ROC area.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from emotalk import Controls, load_audio
from emotalk.alignment import Aligner
from emotalk.alignment.storage import kept
from emotalk.audio import SAMPLE_RATE
from emotalk.corpus.clip import Clip, Phone
from emotalk.corpus.corpus import Corpus
from emotalk.inference.post import PostProcessor
from emotalk.metrics.opening import CLOSED_MM, LipOpening
from emotalk.metrics.spoken_lips import LipDepths, lip_depths
from emotalk.model.mel import MelEncoder
from emotalk.model.presets import lite_config
from emotalk.rigs import procedural_head
from emotalk.timing import frames_of
from emotalk.training.augment import AugmentConfig, augment, draw_speed, faster, faster_face
from emotalk.training.lips import lip_gaps

BATCH, CROP_FRAMES = 16, 90
RATE, WARM_UP = 2e-3, 50
CLOSED_WEIGHT = 4.0
SMOOTHED = Controls(silence_gate=0, blinks_per_minute=0, tail_s=0)
Recording = tuple[np.ndarray, tuple[Phone, ...]]


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        config = lite_config().content
        self.encoder = MelEncoder(config)  # type: ignore[arg-type]
        self.read = nn.Linear(self.encoder.width, 52)

    def forward(self, samples: Tensor) -> Tensor:
        """(B, n) -> (B, frames, 52)."""
        lengths = torch.full((len(samples),), samples.shape[1])
        heard = self.encoder.listen(samples, lengths)
        return self.read(self.encoder.at_positions(heard, frames_of(lengths)))


def crops(clips: list[Clip], rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """-> samples (B, n), weights (B, frames, 52), and how many frames of each are valid, (B,)."""
    config, size = AugmentConfig(), CROP_FRAMES * SAMPLE_RATE // 30
    samples = np.zeros((BATCH, size), np.float32)
    weights = np.zeros((BATCH, CROP_FRAMES, 52), np.float32)
    valid = np.zeros(BATCH, int)
    for row in range(BATCH):
        clip = clips[rng.integers(len(clips))]
        factor = draw_speed(config, rng)
        face = faster_face(clip.weights, len(clip.samples), factor)
        first = int(rng.integers(max(1, len(face) - CROP_FRAMES + 1)))
        sound = faster(clip.samples, factor)[first * SAMPLE_RATE // 30 :][:size].astype(np.float32)
        samples[row, : len(sound)] = augment(sound, config, rng)
        valid[row] = min(len(face) - first, CROP_FRAMES)
        weights[row, : valid[row]] = face[first : first + CROP_FRAMES]
    return torch.from_numpy(samples), torch.from_numpy(weights), torch.from_numpy(valid)


def trained(clips: list[Clip], minutes: float, closure: float, seed: int) -> Network:
    torch.manual_seed(seed)
    rng, network, gaps = np.random.default_rng(seed), Network(), lip_gaps()
    optimiser = torch.optim.Adam(network.parameters())
    started, step, done = time.process_time(), 0, 0.0
    while done < 1:
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(1, (step + 1) / WARM_UP) * (1 + np.cos(np.pi * done)) / 2
        samples, target, valid = crops(clips, rng)
        face = network(samples)
        mask = torch.arange(CROP_FRAMES) < valid[:, None]
        error = (face - target).square().mean(-1) + 0.5 * gaps.error(face, target, valid, CLOSED_WEIGHT)
        error = error + closure * gaps.undecided(face, target, valid, CLOSED_WEIGHT)
        optimiser.zero_grad()
        ((error * mask).sum() / mask.sum()).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        step, done = step + 1, (time.process_time() - started) / 60 / minutes
    print(f"{step} steps, {step * BATCH * CROP_FRAMES / 30 / 3600:.1f} h heard")
    return network.eval()


@torch.inference_mode()
def scored(network: Network, recordings: list[Recording]) -> LipDepths:
    opening = LipOpening(procedural_head())
    total = LipDepths(np.zeros(0), np.zeros(0))
    for samples, phones in recordings:
        face = network(torch.from_numpy(samples)[None])[0].numpy()
        post = PostProcessor(SMOOTHED)
        shown = np.concatenate([post.push(face, np.zeros(len(face), np.float32)), post.flush()])
        total += lip_depths(opening.of(shown), phones)
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--recordings", nargs="+", required=True)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--clips", type=int, default=2_000)
    parser.add_argument("--voices", default="", help="part of the speakers' names")
    parser.add_argument("--closure", type=float, nargs="+", default=[0.0, 0.3], help="weights of that loss to compare")
    parser.add_argument("--cache", help="folder for alignments")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    aligner, recordings = Aligner(), []
    for path in map(Path, args.recordings):
        samples, text = load_audio(path), path.with_suffix(".txt").read_text(encoding="utf-8-sig")
        recordings.append((samples, kept(args.cache, samples, text, aligner).phones))
    corpus = Corpus.open(args.corpus)
    index = corpus.index.select(["clip_id", "speaker", "split"]).to_pylist()
    ids = [row["clip_id"] for row in index if row["split"] == "train" and args.voices in row["speaker"]]
    drawn = np.random.default_rng(args.seed).permutation(ids)[: args.clips]
    clips = corpus.read(sorted(map(str, drawn)))
    for closure in args.closure:
        print(f"closure {closure:g}: ", end="", flush=True)
        depths = scored(trained(clips, args.minutes, closure, args.seed), recordings)
        print(
            f"  ROC area {depths.told_apart():.3f}, closed where 7 % of vowels are {depths.closed_at():.0%}; "
            f"below 1 mm {(depths.bilabials < CLOSED_MM).mean():.0%} of {len(depths.bilabials)} p, b, m and "
            f"{(depths.vowels < CLOSED_MM).mean():.1%} of {len(depths.vowels)} vowels"
        )


if __name__ == "__main__":
    main()
