"""The measures of a face that every report shows."""

from emotalk.metrics.coefficients import GROUPS, REGIONS, CoefficientError, JawCorrelation, Jerk, VelocityError
from emotalk.metrics.measures import Measure, Measures
from emotalk.metrics.opening import LipClosure, LipGapError
from emotalk.metrics.sync import LipSync
from emotalk.metrics.vertices import UpperFaceDynamics, VertexError
from emotalk.rigs.rig import Rig

LIPS = ("lips",)
UPPER_FACE = ("eyes", "forehead")


def face_measures(rig: Rig) -> Measures:
    """Everything on this rig, in the coefficients and of speech. A rig without lip pairs has no opening to measure."""
    opening: list[Measure] = [LipGapError(rig), LipClosure(rig), LipSync(rig)] if "mouth" in rig.gaps else []
    return Measures(
        [
            VertexError(rig, LIPS, "LVE"),
            VertexError(rig, UPPER_FACE, "EVE"),
            UpperFaceDynamics(rig, UPPER_FACE),
            *opening,
            JawCorrelation(),
            *(CoefficientError(group) for group in GROUPS),
            VelocityError(),
            Jerk(),
            *(CoefficientError(region) for region in REGIONS),
        ]
    )
