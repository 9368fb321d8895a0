"""The pictures of docs/shaping.md: python -m benchmarks.shaping_pictures [RECORDING --film FILE.mp4]

With a recording a film of it besides: as it comes, and with gaze, sway, lips that meet and wider lids.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks.pictures import FOLDER, face
from emotalk import Animation, Animator, Controls, EmoTalk, default_model, load_audio
from emotalk.controls import Shaping
from emotalk.inference.post import PostProcessor
from emotalk.inference.post.blinks import Blinks
from emotalk.inference.post.gaze import look
from emotalk.render import save_png, still
from emotalk.render.film import make_film
from emotalk.render.layout import sheet
from emotalk.render.video import write_mp4
from emotalk.rigs import procedural_head

SIZE = 520
WHOLE, EYES, MOUTH = (0.0, 1.0, 0.14, 0.86), (0.3, 0.58, 0.23, 0.77), (0.56, 0.84, 0.28, 0.72)
OPEN = {"jawOpen": 0.35, "mouthSmile": 0.4, "mouthLowerDown": 0.15, "browInnerUp": 0.25, "browOuterUp": 0.2}
# An m of a real reading as the model of the package says it, lips 2.6 mm apart.
M = {"jawOpen": 0.11, "mouthLowerDown": 0.1, "mouthPucker": 0.16, "mouthFrown": 0.12, "mouthPress": 0.07}
LIVELY = Shaping(gaze=1, sway=1, lip_close=0.5, eyelid=-0.2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording", nargs="?")
    parser.add_argument("--film", help="MP4 to write")
    options = parser.parse_args()
    opened, closing = face(**OPEN), face(**M)
    strengths: dict[str, Shaping] = {
        "as it comes": Shaping(),
        "gain jawOpen 1.5": Shaping(gain={"jawOpen": 1.5}),
        "lower_face 0.5": Shaping(lower_face=0.5),
        "upper_face 2": Shaping(upper_face=2),
        "maximum jawOpen 0.15": Shaping(maximum={"jawOpen": 0.15}),
        "offset mouthFrown 0.5": Shaping(offset={"mouthFrown": 0.5}),
    }
    save("shaping-strength", {name: shaped(opened, one) for name, one in strengths.items()}, WHOLE, 6, 300)
    lids = {f"eyelid {amount:g}": shaped(face(), Shaping(eyelid=amount)) for amount in (-1, -0.4, 0, 0.3, 0.6)}
    save("shaping-eyelid", lids, EYES, 5)
    lips = {f"lip_close {amount:g}": shaped(closing, Shaping(lip_close=amount)) for amount in (0, 0.5, 0.75, 1)}
    save("shaping-lips", lips, MOUTH, 4)
    save("shaping-blink", blinking(), EYES, 5)
    degrees = {"ahead": (0, 0), "own left": (10, 0), "own right": (-10, 0), "up": (0, 8), "down": (0, -12)}
    save("shaping-gaze", {name: looking(way) for name, way in degrees.items()}, EYES, 5)
    sway()
    if options.recording and options.film:
        film(options.recording, options.film)


def shaped(weights: np.ndarray, shaping: Shaping) -> np.ndarray:
    """(52,) a face that is held, finished with nothing but its shaping."""
    post = PostProcessor(Controls(blinks_per_minute=0, smoothing=0, shaping=shaping))
    return np.asarray(post.push(np.stack([weights] * 5), np.zeros(5))[-1, :52])


def blinking() -> dict[str, np.ndarray]:
    """A blink's frames, finished as those of any animation."""
    controls = Controls(smoothing=0, shaping=Shaping(blink_variety=0))
    blink = Blinks(15, 0, 0).near(0, 300)[0]
    raw = np.stack([face()] * (blink.stop + 1))
    frames = PostProcessor(controls).push(raw, np.zeros(len(raw)))[blink.start - 1 : blink.start + 9]
    return {f"{round(1e3 * i / 30)} ms": weights for i, weights in enumerate(frames)}


def looking(degrees: tuple[float, float]) -> np.ndarray:
    weights = face()[None]
    look(weights, np.array([degrees], np.float64))
    return np.asarray(weights[0].clip(0, 1))


def save(
    name: str, faces: Mapping[str, np.ndarray], part: tuple[float, float, float, float], columns: int, size: int = SIZE
) -> None:
    """part: top, bottom, left, right of each picture that are shown, as shares."""
    rig = procedural_head()
    top, bottom, left, right = (round(size * edge) for edge in part)
    pictures = [still(rig, weights, size=size)[top:bottom, left:right] for weights in faces.values()]
    page = sheet(pictures[0].shape[:2], list(faces), columns)
    save_png(FOLDER / f"{name}.png", page.lay(pictures))


def sway() -> None:
    """Six moments of a minute in which nothing is said."""
    controls = Controls(blinks_per_minute=0, shaping=Shaping(sway=1, gaze=1))
    post = PostProcessor(controls)
    frames = post.push(np.zeros((1_800, 52), np.float32), np.zeros(1_800))
    animation = Animation(weights=frames[:, :52].clip(0, 1), head=frames[:, 52:])
    made = make_film([animation], procedural_head(), size=260)
    moments = range(60, 1_800, 300)
    page = sheet(made.shape, [f"{frame / 30:.0f} s" for frame in moments], 6)
    save_png(FOLDER / "shaping-sway.png", page.lay(list(made.pictures(moments))))


def film(recording: str, path: str) -> None:
    animator, samples = Animator(EmoTalk.from_pretrained(default_model())), load_audio(recording)
    both = [animator.animate(samples, controls) for controls in (Controls(), Controls(shaping=LIVELY))]
    made = make_film(both, procedural_head(), titles=["as it comes", "gaze, sway, lips, lids"], size=360)
    write_mp4(Path(path), made.pictures(), shape=made.shape, fps=made.fps, frames=made.frames, sound=recording)


if __name__ == "__main__":
    main()
