"""The option `rig` of formats that carry a mesh."""

from typing import TYPE_CHECKING

from emotalk.files import PathOrUri

if TYPE_CHECKING:
    from emotalk.rigs.rig import Rig

DEFAULT = "default"


def rig_of(rig: "Rig | PathOrUri | None") -> "Rig":
    """A rig as it is, or from its file or URI; None and the word `default` are the project's own head.

    InputError names a file that is no rig.
    """
    from emotalk.rigs.head import procedural_head
    from emotalk.rigs.rig import Rig

    if isinstance(rig, Rig):
        return rig
    return procedural_head() if rig is None or rig == DEFAULT else Rig.load(rig)
