"""Which speaker is in which split. Always whole speakers: a face that was trained on is never tested on."""

import hashlib
from typing import Literal

from emotalk.errors import InputError

SPLITS = ("train", "validation", "test")

SplitScheme = Literal["standard", "emobox1", "emobox2", "emobox3", "emobox4", "emobox5", "emobox6"]

RAVDESS_ACTORS = range(1, 25)

# The test actors of EmoBox's six speaker-independent folds.
EMOBOX_TEST_ACTORS: tuple[tuple[int, ...], ...] = (
    (1, 11, 20, 21),
    (4, 10, 12, 14),
    (8, 9, 19, 23),
    (3, 5, 7, 24),
    (2, 15, 16, 18),
    (6, 13, 17, 22),
)


def ravdess_split(actor: int, scheme: SplitScheme = "standard") -> str:
    """The split of a RAVDESS actor (1-24).

    standard: 1-20 train, 21-22 validation, 23-24 test.
    emobox1 ... emobox6: EmoBox's fold tests on its four actors. EmoBox names no validation actors; here they are the
    test actors of the next fold (after the sixth comes the first), so that over six folds every actor is tested once
    and validates once. The other sixteen train.
    """
    if actor not in RAVDESS_ACTORS:
        raise InputError(f"RAVDESS has actors 1 to 24, not {actor}")
    if scheme == "standard":
        return "train" if actor <= 20 else "validation" if actor <= 22 else "test"
    fold = int(scheme.removeprefix("emobox")) - 1
    if actor in EMOBOX_TEST_ACTORS[fold]:
        return "test"
    return "validation" if actor in EMOBOX_TEST_ACTORS[(fold + 1) % len(EMOBOX_TEST_ACTORS)] else "train"


def hashed_split(speaker: str, *, validation: float = 0.05, test: float = 0.05) -> str:
    """The split of a speaker of whom only the name is known: 90 / 5 / 5 by a hash of the name.

    It depends on nothing else, so a speaker stays in its split when the corpus grows.
    """
    draw = int.from_bytes(hashlib.sha256(speaker.encode()).digest()[:8], "big") / 2**64
    return "test" if draw < test else "validation" if draw < test + validation else "train"
