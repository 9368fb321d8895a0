"""The measures of a face that every report shows."""

from emotalk.metrics.coefficients import GROUPS, CoefficientError, JawCorrelation, VelocityError
from emotalk.metrics.measures import Measure, Measures
from emotalk.metrics.vertices import LipGapError, UpperFaceDynamics, VertexError
from emotalk.rigs.rig import Rig

LIPS = ("lips",)
UPPER_FACE = ("eyes", "forehead")


def face_measures(rig: Rig) -> Measures:
    """LVE, EVE, FDD and lip gap on this rig, and the errors of the coefficients. A rig without lip pairs has no gap."""
    gap: list[Measure] = [LipGapError(rig)] if "mouth" in rig.gaps else []
    return Measures(
        [
            VertexError(rig, LIPS, "LVE"),
            VertexError(rig, UPPER_FACE, "EVE"),
            *(CoefficientError(group) for group in GROUPS),
            VelocityError(),
            JawCorrelation(),
            *gap,
            UpperFaceDynamics(rig, UPPER_FACE),
        ]
    )
