"""The pictures of docs/controls.md: python -m benchmarks.control_pictures RECORDING

The model of the package speaks the recording with every emotion it knows; each face is the mean over the frames in
which someone speaks, so that no picture is a chosen moment.
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from emotalk import Animator, Controls, EmoTalk, default_model, load_audio
from emotalk.render import contact_sheet, save_png
from emotalk.rigs import procedural_head

FOLDER = Path(__file__).parents[1] / "docs" / "images"
LABELS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
STRENGTHS = (0.0, 0.5, 1.0, 2.0, 3.0)
SILENCE = 1e-3  # of full scale


@dataclass(frozen=True, kw_only=True)
class Options:
    recording: tyro.conf.Positional[str]
    """Neutral speech, some seconds."""


def main() -> None:
    options = tyro.cli(Options, description=__doc__)
    animator = Animator(EmoTalk.from_pretrained(default_model()), device="cpu")
    samples = load_audio(options.recording)

    def face(**asked: Any) -> np.ndarray:
        """(52,): the mean face of all frames that are not silent."""
        controls = Controls(blinks_per_minute=0, tail_s=0).but(**asked)
        weights = animator.animate(samples, controls).weights
        edges = np.linspace(0, len(samples), len(weights) + 1).astype(int)
        loud = [np.abs(samples[a:b]).max() > SILENCE for a, b in pairwise(edges)]
        return weights[np.array(loud)].mean(0)

    draw("controls-labels.png", {label: face(emotion=label) for label in LABELS}, columns=4)
    mixes = {f"sad {1 - share:.0%}, happy {share:.0%}": {"sad": 1 - share, "happy": share} for share in SHARES}
    draw("controls-mixes.png", {title: face(emotion=mix) for title, mix in mixes.items()}, columns=5)
    faces = {f"angry, intensity {s:g}": face(emotion="angry", intensity=s) for s in STRENGTHS}
    draw("controls-intensity.png", faces, columns=5)


def draw(name: str, faces: dict[str, np.ndarray], columns: int) -> None:
    sheet = contact_sheet(
        procedural_head(), np.stack(list(faces.values())), captions=list(faces), columns=columns, size=176
    )
    save_png(FOLDER / name, sheet)


if __name__ == "__main__":
    main()
