"""From one face's parameters to another's: rig to rig, and blendshape coefficients to FLAME and back."""

from emotalk.rigs.transfer.correspondence import Correspondence
from emotalk.rigs.transfer.retarget import Retarget, fit_retarget

__all__ = ["Correspondence", "Retarget", "fit_retarget"]
