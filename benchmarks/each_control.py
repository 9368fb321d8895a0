"""Every control on one reading: python -m benchmarks.each_control READING --voice ANGRY

A row for each: a coefficient that it moves, over time, without it (grey) and with it; the face at the moment at which
they are furthest apart, without and with it; and how far apart they are there, in millimetres.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tyro

from benchmarks.pictures import FOLDER, save_small
from emotalk import Animator, Controls, EmoTalk, default_model, load_audio
from emotalk.audio import SAMPLE_RATE
from emotalk.blendshapes import COEFFICIENTS, GROUPS
from emotalk.render import still
from emotalk.render.heat import distances_mm, round_limit
from emotalk.render.lettering import SOFT, write
from emotalk.render.stage import BACKDROP
from emotalk.rigs import procedural_head

STILL: Mapping[str, Any] = {"blinks_per_minute": 0.0, "tail_s": 0.0}
HEIGHT, LABEL, CHART = 132, 200, 330  # pixels: of a row, of its columns before the faces
MARGIN = 12
FACE = HEIGHT - MARGIN
LINE = {"without": (150, 154, 160), "with": (46, 108, 176)}


@dataclass(frozen=True)
class Seen:
    """asked: controls as JSON has them; another recording is `VOICE`. group: of the face, that moves.

    zoom_s: of the reading that is drawn, about the moment. cut_s: where the reading ends, in the middle of a word.
    """

    group: str
    asked: Mapping[str, Any] = field(default_factory=dict)
    zoom_s: float | None = None
    cut_s: float | None = None


VOICE = "VOICE"
CLOSE_S = 2.5
OFTEN: Mapping[str, Any] = {"blinks_per_minute": 60.0}
EACH: Mapping[str, Seen] = {
    "emotion": Seen("brows", {"emotion": "angry"}),
    "blend": Seen("brows", {"emotion": "angry", "blend": 0.5}),
    "emotion_from": Seen("brows", {"emotion_from": VOICE}),
    "emotion_fit": Seen("brows", {"emotion_from": VOICE, "emotion_fit": "stretch"}),
    "emotion_smoothing_s": Seen("brows", {"emotion_smoothing_s": 1.0}),
    "confidence": Seen("brows", {"confidence": 0.9}),
    "intensity": Seen("brows", {"emotion": "angry", "intensity": 2.5}),
    "level": Seen("brows", {"level": 1.0}),
    "style": Seen("mouth", {"style": 3}),
    "smoothing": Seen("jaw", {"smoothing": 0.0}, CLOSE_S),
    "silence_gate": Seen("jaw", {"silence_gate": 0.0, "shaping": {"silence_dbfs": -30.0}}),
    "blinks_per_minute": Seen("lids", OFTEN),
    "seed": Seen("lids", {**OFTEN, "seed": 1}),
    "tail_s": Seen("jaw", {"tail_s": 1.0}, cut_s=2.6),
    "segments": Seen("brows", {"segments": [{"start_s": 2, "stop_s": 4, "emotion": "angry", "intensity": 2}]}),
    "shaping.gain": Seen("jaw", {"shaping": {"gain": {"jawOpen": 1.5}}}),
    "shaping.offset": Seen("brows", {"shaping": {"offset": {"browDown": 0.3}}}),
    "shaping.minimum": Seen("jaw", {"shaping": {"minimum": {"jawOpen": 0.2}}}),
    "shaping.maximum": Seen("jaw", {"shaping": {"maximum": {"jawOpen": 0.1}}}),
    "shaping.upper_face": Seen("brows", {"shaping": {"upper_face": 2.0}}),
    "shaping.lower_face": Seen("jaw", {"shaping": {"lower_face": 0.5}}),
    "shaping.lip_close": Seen("mouth", {"shaping": {"lip_close": 1.0}}),
    "shaping.eyelid": Seen("lids", {"shaping": {"eyelid": 0.4}}),
    "shaping.upper_smoothing": Seen("brows", {"shaping": {"upper_smoothing": 0.0}}, CLOSE_S),
    "shaping.lower_smoothing": Seen("jaw", {"shaping": {"lower_smoothing": 0.0}}, CLOSE_S),
    "shaping.upper_window": Seen("brows", {"shaping": {"upper_window": 15}}),
    "shaping.lower_window": Seen("jaw", {"shaping": {"lower_window": 9}}, CLOSE_S),
    "shaping.smoothing_order": Seen("jaw", {"shaping": {"lower_window": 9, "smoothing_order": 0}}, CLOSE_S),
    "shaping.silence_dbfs": Seen("jaw", {"shaping": {"silence_dbfs": -30.0}}),
    "shaping.blink_variety": Seen("lids", {**OFTEN, "shaping": {"blink_variety": 0.0}}),
    "shaping.gaze": Seen("gaze", {"shaping": {"gaze": 1.0}}),
    "shaping.sway": Seen("gaze", {"shaping": {"gaze": 1.0, "sway": 1.0}}),
}


@dataclass(frozen=True, kw_only=True)
class Options:
    reading: tyro.conf.Positional[str]
    """Neutral speech, some seconds."""
    voice: str
    """Another recording, of another emotion."""


def main() -> None:
    options = tyro.cli(Options, description=__doc__)
    animator = Animator(EmoTalk.from_pretrained(default_model()), device="cpu")
    samples = load_audio(options.reading)
    shapings = {name for name in EACH if name.startswith("shaping.")}
    for file, names in (("controls-each", EACH.keys() - shapings), ("shaping-each", shapings)):
        rows = [_row(animator, samples, name, options.voice) for name in EACH if name in names]
        save_small(FOLDER / f"{file}.png", np.concatenate(rows))


def faces(animator: Animator, samples: np.ndarray, control: str, voice: str) -> tuple[np.ndarray, np.ndarray]:
    """(frames, 52) without a control, and with it; with as many frames as the tail has."""
    asked, cut_s = EACH[control].asked, EACH[control].cut_s
    samples = samples if cut_s is None else samples[: round(cut_s * SAMPLE_RATE)]

    def face(changes: Mapping[str, Any]) -> np.ndarray:
        told = {name: voice if value == VOICE else value for name, value in changes.items()}
        return animator.animate(samples, Controls.from_dict({**STILL, **told})).weights

    return face(without(asked, control)), face(asked)


def without(asked: Mapping[str, Any], control: str) -> dict[str, Any]:
    """The controls but for one, `shaping.gain` say."""
    way, _, inner = control.partition(".")
    rest = {name: value for name, value in asked.items() if name != way}
    if inner:
        rest[way] = {name: value for name, value in asked[way].items() if name != inner}
    return rest


def _row(animator: Animator, samples: np.ndarray, control: str, voice: str) -> np.ndarray:
    from PIL import Image, ImageDraw

    before, after = faces(animator, samples, control, voice)
    frames = max(len(before), len(after))
    curves = [np.pad(face, ((0, frames - len(face)), (0, 0)), mode="edge") for face in (before, after)]
    apart = np.abs(curves[1] - curves[0])[:, GROUPS[EACH[control].group]]
    moment, place = np.unravel_index(apart.argmax(), apart.shape)
    column = GROUPS[EACH[control].group][place]
    rig = procedural_head()
    one, other = (curve[int(moment)] for curve in curves)
    apart_mm = distances_mm(rig, one[None], other[None])[0]
    limit_mm = round_limit(float(apart_mm.max()))
    pictures = [
        still(rig, one, size=FACE),
        still(rig, other, size=FACE),
        still(rig, other, size=FACE, scalars_mm=apart_mm, limit_mm=limit_mm),
    ]
    image = Image.new("RGB", (LABEL + CHART + 3 * FACE, HEIGHT), BACKDROP)
    draw = ImageDraw.Draw(image)
    _label(draw, control)
    first, stop = 0, frames
    if (zoom_s := EACH[control].zoom_s) is not None:
        first = min(max(int(moment - 15 * zoom_s), 0), frames - int(30 * zoom_s))
        stop = first + int(30 * zoom_s)
    lines = [face[first:stop, column] for face in (before, after)]
    _chart(draw, lines, COEFFICIENTS[column], int(moment) - first)
    for number, picture in enumerate(pictures):
        image.paste(Image.fromarray(picture), (LABEL + CHART + number * FACE, 0))
    for number, text in enumerate(("without", "with", f"darkest: {limit_mm:g} mm")):
        write(draw, text, (LABEL + CHART + (number + 0.5) * FACE, HEIGHT - MARGIN / 2), FACE, 11, SOFT)
    return np.asarray(image)


def _label(draw: Any, control: str) -> None:
    way, _, inner = control.partition(".")
    value = EACH[control].asked[way]
    told = value[inner] if inner else value
    text = (
        "another voice" if told == VOICE else "angry, twice, from 2 s to 4 s" if control == "segments" else _said(told)
    )
    beside = without(EACH[control].asked, control)
    rest = ", ".join(f"{name} {_said(value)}" for name, value in beside.items() if value not in ({}, VOICE))
    write(draw, inner or way, (LABEL / 2, HEIGHT * 0.36), LABEL - MARGIN, 16)
    write(draw, text, (LABEL / 2, HEIGHT * 0.52), LABEL - MARGIN, 13, SOFT)
    if rest:
        write(draw, f"with {rest}", (LABEL / 2, HEIGHT * 0.66), LABEL - MARGIN, 11, SOFT)


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_said(part)}" for name, part in value.items())
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _chart(draw: Any, curves: list[np.ndarray], name: str, moment: int) -> None:
    left, right, top, bottom = LABEL, LABEL + CHART - MARGIN, MARGIN, HEIGHT - 2 * MARGIN
    frames, most = max(map(len, curves)), max(float(max(curve.max() for curve in curves)), 0.05)

    def at(frame: float, value: float) -> tuple[float, float]:
        return left + (right - left) * frame / max(frames - 1, 1), bottom - (bottom - top) * value / most

    draw.line([at(0, 0), at(frames - 1, 0)], fill=(205, 203, 198))
    draw.line([at(moment, 0), at(moment, most)], fill=(205, 203, 198))
    for curve, ink in zip(curves, LINE.values(), strict=True):
        draw.line([at(frame, float(value)) for frame, value in enumerate(curve)], fill=ink, width=2, joint="curve")
    write(draw, f"{name}, 0 to {most:.2f}, {frames / 30:.1f} s", ((left + right) / 2, HEIGHT - MARGIN), CHART, 11, SOFT)


if __name__ == "__main__":
    main()
