"""What shaping does to real readings: python -m benchmarks.shaping READING.wav … (needs the extra `align`)

Every recording has its text beside it as `.txt`. Of each setting: the share of p, b and m whose lips close and of
vowels on which they do (as `benchmarks.real_speech` counts them), how far the jaw opens on open vowels, how restless
lower and upper face are (mean size of the second difference over time, in thousandths), and the delay of a stream.
Prints a table in Markdown.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emotalk import Animator, Controls, EmoTalk, default_model, load_audio
from emotalk.alignment import Aligner, Alignment
from emotalk.alignment.storage import kept
from emotalk.audio import SAMPLE_RATE
from emotalk.blendshapes import GROUPS
from emotalk.controls import Shaping
from emotalk.metrics.opening import LipOpening
from emotalk.metrics.spoken_lips import LipCounts, lip_counts
from emotalk.rigs import procedural_head
from emotalk.timing import frames_of

SETTINGS: dict[str, Controls] = {
    "as it comes": Controls(),
    **{f"`lip_close` {share:g}": Controls(shaping=Shaping(lip_close=share)) for share in (0.25, 0.5, 0.75, 1)},
    **{f"`gain` jawOpen {gain:g}": Controls(shaping=Shaping(gain={"jawOpen": gain})) for gain in (0.7, 1.5)},
    "`lower_face` 1.3": Controls(shaping=Shaping(lower_face=1.3)),
    "`gain` jawOpen 1.3, `lip_close` 0.5": Controls(shaping=Shaping(gain={"jawOpen": 1.3}, lip_close=0.5)),
    "`smoothing` 0": Controls(smoothing=0),
    "`smoothing` 0.5": Controls(smoothing=0.5),
    **{f"`lower_window` {window}": Controls(shaping=Shaping(lower_window=window)) for window in (3, 9, 15)},
    **{f"`upper_window` {window}": Controls(shaping=Shaping(upper_window=window)) for window in (9, 15, 31)},
    "both windows 9, `smoothing_order` 4": Controls(shaping=Shaping(upper_window=9, lower_window=9, smoothing_order=4)),
    "`silence_gate` 0": Controls(silence_gate=0),
}


@dataclass(frozen=True)
class Reading:
    samples: np.ndarray
    alignment: Alignment


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", nargs="+", type=Path)
    parser.add_argument("--model", default=default_model())
    parser.add_argument("--cache", help="folder for alignments")
    options = parser.parse_args()
    aligner, readings = Aligner(), []
    for path in options.recordings:
        samples, text = load_audio(path), path.with_suffix(".txt").read_text(encoding="utf-8-sig")
        readings.append(Reading(samples, kept(options.cache, samples, text, aligner)))
    animator, opening = Animator(EmoTalk.from_pretrained(options.model)), LipOpening(procedural_head())
    print("| | p, b, m closed | vowels closed | jaw on open vowels | lower face | upper face | delay |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, controls in SETTINGS.items():
        print(f"| {name} | {row(animator, controls, readings, opening)} |", flush=True)


def row(animator: Animator, controls: Controls, readings: list[Reading], opening: LipOpening) -> str:
    """Without blinks, which would count as restlessness."""
    asked = Controls.from_dict(controls.to_dict() | {"blinks_per_minute": 0})
    counts, restless = LipCounts(), []
    for reading in readings:
        weights = animator.animate(reading.samples, asked).weights[: frames_of(len(reading.samples))]
        seconds = len(reading.samples) / SAMPLE_RATE
        alignment = reading.alignment
        counts += lip_counts(weights, alignment.phones, opening, duration_s=seconds, unknown=alignment.doubtful)
        restless.append(np.abs(np.diff(weights, 2, axis=0)))
    values = counts.values()
    bends = np.concatenate(restless)
    lower, upper = (1e3 * bends[:, GROUPS[half]].mean() for half in ("lower_face", "upper_face"))
    closed, false = values["p, b, m that close"], values["vowels closed, own frames"]
    return (
        f"{closed:.0%} | {false:.1%} | {values['jawOpen on open vowels']:.2f} | {lower:.1f} | {upper:.1f} | "
        f"{1e3 * animator.stream(asked).delay_s:.0f} ms"
    )


if __name__ == "__main__":
    main()
