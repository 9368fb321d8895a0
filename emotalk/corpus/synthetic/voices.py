"""Who speaks: espeak-ng dialects and voice variants that differ in base pitch, formants and tilt, and a neural voice
in many throats.

Variants that whisper, croak, clip or joke are left out. No voice, and no variant, appears in two splits.
"""

from dataclasses import dataclass
from itertools import cycle
from math import log2
from typing import Literal


@dataclass(frozen=True)
class Voice:
    """One synthetic speaker.

    language, variant: espeak's names. pitch_st: base pitch in semitones from the variant's own.
    tract: vocal tract length relative to the variant's; the pitch is as `pitch_st` says whatever the tract.
    engine: what makes it speak; "piper" has one voice, whose pitch and tract differ.
    """

    name: str
    language: str
    variant: str
    pitch_st: float = 0.0
    tract: float = 1.0
    engine: Literal["espeak", "piper"] = "espeak"

    @property
    def speaker(self) -> str:
        return f"synthetic-{self.name}"

    @property
    def espeak_pitch_st(self) -> float:
        """What espeak is asked for, so that `pitch_st` comes out after the tract has scaled it."""
        return self.pitch_st + 12 * log2(self.tract)


# Alternating low and high, so that any first few are a fair mixture.
TRAIN = (
    Voice("us-m3", "en-us", "m3"),
    Voice("us-f1", "en-us", "f1"),
    Voice("gb-m1", "en", "m1", -1.0, 1.04),
    Voice("gb-f2", "en", "f2", 1.0, 0.96),
    Voice("scots-m7", "en-GB-scotland", "m7", 2.0, 0.96),
    Voice("rp-f3", "en-GB-x-rp", "f3", 2.0),
    Voice("nyc-m5", "en-us-nyc", "m5", 1.0, 1.04),
    Voice("nyc-f5", "en-us-nyc", "f5", -1.0, 1.04),
    Voice("carib-rob", "en-029", "rob"),
    Voice("scots-annie", "en-GB-scotland", "Annie"),
    Voice("lanc-paul", "en-GB-x-gbclan", "paul", -1.0, 1.08),
    Voice("carib-f4", "en-029", "f4", 0.0, 0.92),
    Voice("mids-max", "en-GB-x-gbcwmd", "max", 3.0, 0.92),
    Voice("lanc-steph", "en-GB-x-gbclan", "steph", 1.0),
    Voice("rp-m8", "en-GB-x-rp", "m8", 1.0),
    Voice("us-shelby", "en-us", "shelby", 1.0, 1.08),
)
VALIDATION = (
    Voice("us-m6", "en-us", "m6", 1.0, 0.96),
    Voice("gb-belinda", "en", "belinda", -2.0, 1.04),
)
TEST = (
    Voice("gb-gene", "en", "Gene", 2.0, 1.04),
    Voice("us-linda", "en-us", "linda", -1.0),
    Voice("scots-m4", "en-GB-scotland", "m4", -1.0, 0.96),
)

_ACCENTS = (
    "en-us", "en", "en-GB-scotland", "en-GB-x-rp", "en-us-nyc", "en-029", "en-GB-x-gbclan", "en-GB-x-gbcwmd",
)  # fmt: skip
_MORE_VARIANTS = (
    "Alicia", "Andy", "Denis", "Andrea", "Henrique", "aunty", "Hugo", "anika", "Jacky", "klatt", "Lee", "klatt4",
    "Marco", "klatt2", "Mario", "Reed", "adam", "boris", "antonio", "edward", "david", "quincy", "victor", "zac",
)  # fmt: skip
MORE = tuple(
    Voice(f"{accent.lower()}-{variant.lower()}", accent, variant, pitch_st, tract)
    for variant, accent, pitch_st, tract in zip(
        _MORE_VARIANTS, cycle(_ACCENTS), cycle((0.0, 2.0, -1.0, 1.0, -2.0)), cycle((1.0, 0.92, 1.08)), strict=False
    )
)
# A man's voice at its own pitch and size, and as larger and smaller people, up to a child.
NEURAL = tuple(
    Voice(f"joe-{number:02d}", "en-us", "joe", pitch_st, tract, "piper")
    for number, (pitch_st, tract) in enumerate(
        (
            (0.0, 1.0), (9.0, 0.86), (-2.0, 1.08), (11.0, 0.82), (2.0, 0.96), (7.0, 0.90), (-3.5, 1.14), (5.0, 0.94),
            (10.0, 0.90), (1.0, 1.05), (13.0, 0.78), (3.5, 0.91),
        ),
        start=1,
    )
)  # fmt: skip
