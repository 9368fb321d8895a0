"""Pictures of the worst frames, real beside predicted and the distance between them, where this installation draws."""

import base64
import io
from collections.abc import Sequence

import numpy as np

from emotalk.metrics.worst import Worst
from emotalk.render.heat import HeatScale, round_limit
from emotalk.render.stage import Stage
from emotalk.rigs.rig import Rig

SIZE = 256


def worst_frames(clips: Sequence[Worst], rig: Rig) -> list[tuple[str, str]]:
    """(title, data URI of a PNG) per clip: the real face, the predicted one, and how far they are apart.

    Raises MissingExtraError without the extra `render`, NoOpenGLError where nothing can draw.
    """
    with Stage(rig, size=SIZE) as stage:
        return [_worst_frame(clip, rig, stage) for clip in clips]


def _worst_frame(clip: Worst, rig: Rig, stage: Stage) -> tuple[str, str]:
    real = rig.vertices(clip.real[clip.frame][None])[0]
    predicted = clip.vertices if clip.predicted is None else rig.vertices(clip.predicted[clip.frame][None])[0]
    assert predicted is not None
    distances = np.linalg.norm(predicted - real, axis=1)
    scale = HeatScale(round_limit(float(distances.max())))
    pictures = [stage.draw(real), stage.draw(predicted), stage.draw(predicted, scale.colours(distances))]
    title = f"{clip.clip_id} at {clip.second:.2f} s: real, predicted, distance up to {scale.limit_mm:g} mm"
    return title, _png(np.concatenate(pictures, axis=1))


def _png(pixels: np.ndarray) -> str:
    """(height, width, 3) uint8 -> data URI."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")
