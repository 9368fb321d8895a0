"""How well a student says what its teacher says of recordings that it did not learn from, and how much faster.

    python -m benchmarks.distillation TEACHER STUDENT heldout/*.wav

r: mean correlation of the coefficients that the teacher moves. Error: squared, as a share of what the recordings' mean
face would have. Same emotion: share of clips of at most 20 s in which both hear the same first. Speed: × real time, one
thread. Raw output of both, clip by clip as `jobs.distill` teaches.
"""

import sys
import time

import numpy as np
import torch

from emotalk import Animator, Controls
from emotalk.audio import SAMPLE_RATE, stream_audio
from emotalk.audio.pauses import stream_pieces
from emotalk.blendshapes import COEFFICIENTS
from emotalk.model.start import load_start

STILL = 1e-3  # standard deviation of a coefficient that does not move


def main(teacher: str, student: str, recordings: list[str]) -> None:
    torch.set_num_threads(1)
    clips = [clip for recording in recordings for clip in stream_pieces(stream_audio(recording))]
    seconds = sum(map(len, clips)) / SAMPLE_RATE
    (real, real_heard, real_s), (said, heard, student_s) = (_faces(path, clips) for path in (teacher, student))
    moving = real.std(0) > STILL
    correlations = [np.corrcoef(real[:, k], said[:, k])[0, 1] for k in np.flatnonzero(moving)]
    same = _same(real_heard, heard)
    error = np.square(said - real).mean() / np.square(real - real.mean(0)).mean()
    print(f"{seconds:.0f} s in {len(clips)} clips, {moving.sum()} coefficients move")
    print(f"r {np.mean(correlations):.3f}, error {error:.1%} of the mean face's, same emotion {same:.0%}")
    print(f"teacher {seconds / real_s:.1f} ×, student {seconds / student_s:.1f} × real time")


def _faces(path: str, clips: list[np.ndarray]) -> tuple[np.ndarray, list[str], float]:
    """-> coefficients (frames, 52) of all clips, the emotion heard in each, and the seconds it took."""
    animator = Animator(load_start(path), device="cpu")
    labels = animator.model.config.emotions
    windows = [window for clip in clips for window in animator.plan([clip])]
    animator.predict(windows[:1], Controls())  # the first call prepares what all others use
    started = time.perf_counter()
    said = animator.predict(windows, Controls())
    elapsed_s = time.perf_counter() - started
    weights = np.concatenate([one.weights[:, : len(COEFFICIENTS)] for one in said])
    return weights, [labels[int(one.logits.argmax())] for one in said], elapsed_s


def _same(one: list[str], two: list[str]) -> float:
    return float(np.mean([a == b for a, b in zip(one, two, strict=True)]))


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
