"""A chapter to dub where no recording is at hand: a story told by a held-out voice, its mood changing by sentence."""

import numpy as np

from emotalk.audio import SAMPLE_RATE
from emotalk.corpus.synthetic import voices
from emotalk.corpus.synthetic.corpus import Utterance, make
from emotalk.corpus.synthetic.sentences import Sentence

PAUSE_S = 0.35
STORY: tuple[tuple[str, str], ...] = (
    ("neutral", "The harbour lamp had burned for sixty winters before anyone asked who lit it."),
    ("calm", "Each evening an old woman walked along the pier with a small blue box of matches."),
    ("happy", "She knew every boat by name, and she waved at all of them."),
    ("surprised", "One night the lamp was dark, and nobody could believe it!"),
    ("fearful", "Far out on the water a bell began to ring, again and again."),
    ("angry", "Why did none of you go and look, shouted the captain from the boat."),
    ("sad", "They found her chair empty, and the matches dry upon the table."),
    ("happy", "But up on the hill a window shone, and there she was, warming her hands."),
    ("calm", "From then on the whole village took turns, and the lamp never failed."),
)


def narrate(voice: voices.Voice = voices.TEST[0]) -> np.ndarray:
    """The story as (n,) float32 samples at 16 kHz, with pauses; the same bytes each time."""
    pause = np.zeros(round(PAUSE_S * SAMPLE_RATE), np.float32)
    parts = []
    for number, (emotion, text) in enumerate(STORY):
        sentence = Sentence(f"story{number:02d}", text)
        parts += [make(Utterance(voice, sentence, emotion, 0, "test")).samples, pause]
    return np.concatenate(parts)
