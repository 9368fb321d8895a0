"""Rigs turn coefficients into vertices: `Rig`, and the project's own `procedural_head`."""

from emotalk.rigs.head import procedural_head
from emotalk.rigs.rig import Rig

__all__ = ["Rig", "procedural_head"]
