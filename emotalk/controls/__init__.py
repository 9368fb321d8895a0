"""What the user asks for: one typed object, the same in Python, on the command line, in job files and over HTTP."""

from emotalk.controls.controls import Controls
from emotalk.controls.mix import Mix, MixTrack
from emotalk.controls.segments import Segment
from emotalk.controls.shaping import Shaping
from emotalk.controls.track import Number, Track

__all__ = ["Controls", "Mix", "MixTrack", "Number", "Segment", "Shaping", "Track"]
