"""The measures of a face that every report shows."""

from emotalk.metrics.coefficients import GROUPS, REGIONS, CoefficientError, JawCorrelation, Jerk, VelocityError
from emotalk.metrics.head import HeadTurn
from emotalk.metrics.measures import Measure, Measures
from emotalk.metrics.opening import LipClosure, LipGapError
from emotalk.metrics.sync import LipSync
from emotalk.metrics.vertices import UpperFaceDynamics, VertexError
from emotalk.rigs.rig import Rig

LIPS = ("lips",)
UPPER_FACE = ("eyes", "forehead")


def face_measures(rig: Rig, *, head: bool = False) -> Measures:
    """Everything on this rig, in the coefficients and of speech. A rig without lip pairs has no opening to measure.

    head: measure its pose too, where a method says something of it and the corpus knows it.
    """
    opening: list[Measure] = [LipGapError(rig), LipClosure(rig), LipSync(rig)] if "mouth" in rig.gaps else []
    return Measures(
        [
            VertexError(rig, LIPS, "LVE"),
            VertexError(rig, UPPER_FACE, "EVE"),
            UpperFaceDynamics(rig, UPPER_FACE),
            *opening,
            JawCorrelation(),
            *([HeadTurn()] if head else []),
            *(CoefficientError(group) for group in GROUPS),
            VelocityError(),
            Jerk(),
            *(CoefficientError(region) for region in REGIONS),
        ]
    )
