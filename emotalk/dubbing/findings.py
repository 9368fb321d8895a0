"""What is remarkable about a recording, in one shape: what, where first, how much of it, and what to do about it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from emotalk.timing import clock

Kind = Literal["silent", "silence", "quiet", "clipped", "offset", "telephone", "music", "unsure", "cut"]


@dataclass(frozen=True)
class Meaning:
    """said: what is the matter, `{value}` for the measured number. advice: what to do."""

    said: str
    advice: str


MEANINGS: Mapping[Kind, Meaning] = {
    "silent": Meaning("silent nearly throughout", "check that this is the right file and the right channel"),
    "silence": Meaning("a pause of {value:.0f} s", "the face rests there; cut the pause if it should not"),
    "quiet": Meaning("very quiet, {value:.0f} dBFS", "raise the level: below -60 dBFS the mouth is kept closed"),
    "clipped": Meaning("clipped in up to {value:.1%} of the samples", "take the recording before it was amplified"),
    "offset": Meaning("the signal is off zero by {value:.3f}", "remove the offset with a high-pass filter"),
    "telephone": Meaning("no sound above 4 kHz", "take a wideband recording: s and f look alike without it"),
    "music": Meaning(
        "music-like: steady tones or a beat", "cut it or take the voice alone: a face moves to it as to speech"
    ),
    "unsure": Meaning("no emotion is heard clearly", "choose one with --emotion, or look at the face"),
    "cut": Meaning("its header promises {value:.1f} s more than there is", "copy it again: it was cut short"),
}


@dataclass(frozen=True)
class Finding:
    """One warning. first_s: where it is first so. share: of the recording's time, 0 to 1. value: see `MEANINGS`."""

    kind: Kind
    first_s: float
    share: float
    value: float = 0.0

    @property
    def text(self) -> str:
        said = MEANINGS[self.kind].said.format(value=self.value)
        return f"{said} (from {clock(self.first_s)}, {self.share:.0%} of the time)"

    @property
    def advice(self) -> str:
        return MEANINGS[self.kind].advice

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def cut_short(missing_s: float, seconds: float) -> Finding | None:
    """A warning where a recording's header promises more sound than the `seconds` that there are."""
    if not missing_s:
        return None
    return Finding("cut", seconds, missing_s / (seconds + missing_s), round(missing_s, 3))
