"""The silence gate: what speech moves rests while nothing is heard. It opens in two frames and closes in five."""

import numpy as np

from emotalk.blendshapes import COEFFICIENTS

OPEN = 10  # the gate in whole tenths, so that it is the same however frames come
OPENS, CLOSES = 5, 2  # per frame

# What speech moves; expression (smile, frown, dimple, press) stays on a silent face.
SPEECH = np.array(
    [
        i
        for i, name in enumerate(COEFFICIENTS)
        if name.startswith(("jaw", "mouth", "tongue"))
        and not name.startswith(("mouthSmile", "mouthFrown", "mouthDimple", "mouthPress"))
    ]
)


def gates(loud: np.ndarray, inside: np.ndarray, gate: np.ndarray) -> np.ndarray:
    """(B, T) whether frames are loud, and the gates (B,) before them, 0 to OPEN -> (B, T) the gates at them.

    inside: (B, T), frames that exist; others leave the gate where it is.
    """
    # A frame takes x to min(high, max(low, x + by)), and so does any run of frames: runs are put together by twos.
    by = np.where(inside, np.where(loud, OPENS, -CLOSES), 0)
    low, high = np.zeros_like(by), np.full_like(by, OPEN)
    run = 1
    while run < by.shape[1]:
        later_low, later_high, later_by = low[:, run:], high[:, run:], by[:, run:]
        joined = [np.clip(edge[:, :-run] + later_by, later_low, later_high) for edge in (low, high)]
        by = np.concatenate([by[:, :run], by[:, :-run] + later_by], 1)
        low, high = (np.concatenate([edge[:, :run], new], 1) for edge, new in zip((low, high), joined, strict=True))
        run *= 2
    return np.clip(gate[:, None] + by, low, high)


def speech_shares(opened: np.ndarray, columns: int) -> np.ndarray:
    """(B, T) share of the speech that shows -> (B, T, C) factors: 1 where speech has no part."""
    speech = np.zeros(columns, np.float32)
    speech[SPEECH] = 1
    return 1 - (1 - opened)[..., None].astype(np.float32) * speech
