"""Speech of espeak-ng with the times of its sounds, by the names of ARPAbet."""

import numpy as np

from emotalk.alignment.arpabet import from_ipa
from emotalk.audio import SAMPLE_RATE
from emotalk.corpus.clip import Phone
from emotalk.corpus.synthetic.espeak import EspeakSettings, synthesise

SENTENCES = (
    "Both farmers pump water out of the field",
    "My father put five apples in the bowl",
    "We walk from the farm to the village before the morning",
)
PAUSE_S = 0.6


def say(*texts: str, variant: str = "m6", pause_s: float = PAUSE_S) -> tuple[np.ndarray, list[Phone]]:
    """Sentences with pauses around them -> (n,) samples with a quiet hiss, and their sounds."""
    pause = np.zeros(round(pause_s * SAMPLE_RATE), np.float32)
    parts, phones, at_s = [pause], [], pause_s
    for text in texts:
        speech = synthesise(text, EspeakSettings(language="en-us", variant=variant))
        for phone in speech.phones:
            names = from_ipa(phone.name)
            edges = at_s + np.linspace(phone.start_s, phone.end_s, len(names) + 1)
            phones += [Phone(name, float(a), float(b)) for name, a, b in zip(names, edges, edges[1:], strict=False)]
        parts += [speech.samples * 0.5, pause]
        at_s += len(speech.samples) / SAMPLE_RATE + pause_s
    samples = np.concatenate(parts)
    samples += 1e-3 * np.random.default_rng(0).standard_normal(len(samples), np.float32)
    return samples, phones
