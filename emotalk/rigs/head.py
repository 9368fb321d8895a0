"""The project's own head: a pleasant stylised adult, built from a few solids and loops, the same every time."""

from functools import cache

from emotalk.rigs import parts
from emotalk.rigs.face import HINGE, Face
from emotalk.rigs.mesh import Sculpture, assemble
from emotalk.rigs.paint import paint
from emotalk.rigs.regions import regions
from emotalk.rigs.rig import Rig
from emotalk.rigs.shapes import displacements
from emotalk.rigs.skin import skin
from emotalk.rigs.solids import EYE


@cache
def procedural_head() -> Rig:
    """The default rig, in millimetres of a real face. Built once per process (about two seconds)."""
    face = Face(sculpt())
    colours, gloss = paint(face)
    return Rig(
        name="emotalk-head-1",
        neutral=face.points,
        triangles=face.sculpture.triangles,
        displacements=displacements(face),
        regions=regions(face),
        colours=colours,
        gloss=gloss,
        joints={"eye_left": EYE, "eye_right": EYE * (-1, 1, 1), "jaw": HINGE},
    )


def sculpt() -> Sculpture:
    """Every part of the head, both halves, at rest."""
    return assemble(
        {
            "skin": skin(),
            "brow": parts.brow(),
            "ear": parts.ear(),
            "eyeball": parts.eyeball(),
            "teeth_upper": parts.teeth(True),
            "teeth_lower": parts.teeth(False),
            "tongue": parts.tongue(),
        }
    )
