"""How a model's jaw follows recordings of real speech, where no real face is known.

    python -m benchmarks.real_speech demo/model shelf/*.wav

jawOpen in silence (30 dB below the loudest) and where it is loud (within 10 dB), its correlation with loudness in dB,
and the emotion heard.
"""

import sys
from pathlib import Path

from emotalk import Animator, Controls, EmoTalk, load_audio
from emotalk.metrics.loudness import jaw_follows_loudness


def main(model: str, recordings: list[str]) -> None:
    animator = Animator(EmoTalk.from_pretrained(model))
    print(f"{'recording':<44}{'seconds':>8}{'silent':>8}{'loud':>8}{'r':>8}  heard")
    for recording in recordings:
        samples = load_audio(recording)
        animation = animator.animate(samples, Controls(tail_s=0, blinks_per_minute=0))
        jaw = jaw_follows_loudness(samples, animation.weights)
        heard = max(animation.meta["heard"].items(), key=lambda pair: pair[1])
        cells = "".join(f"{'n/a' if v is None else f'{v:.3f}':>8}" for v in (jaw.silent, jaw.loud, jaw.correlation))
        print(f"{Path(recording).name[:43]:<44}{len(samples) / 16_000:>8.1f}{cells}  {heard[0]} {heard[1]:.0%}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2:])
