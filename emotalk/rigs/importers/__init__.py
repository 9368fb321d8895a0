"""Rigs from elsewhere, one module per kind of source; `import_rig` tells them apart."""

from pathlib import Path

from emotalk.errors import InputError
from emotalk.rigs.rig import Rig


def import_rig(source: str | Path, *, name: str | None = None) -> Rig:
    """A local file or folder -> a rig in millimetres.

    ICT-FaceKit (its folder or archive), FLAME (`.pkl`, `.npz`), glTF (`.gltf`, `.glb`) with ARKit's morph targets, a
    folder of OBJ files named after the shapes, or a rig that this package saved. InputError says what does not fit.
    """
    import dataclasses

    from emotalk.rigs.importers import flame, gltf, ict, obj

    path = Path(source)
    if not path.exists():
        raise InputError("no such file or folder", source=source)
    suffix = path.suffix.lower()
    if suffix in (".gltf", ".glb"):
        rig = gltf.import_gltf(path)
    elif suffix == ".npz" and flame.is_rig_file(path):
        rig = Rig.load(path)
    elif suffix in (".pkl", ".npz"):
        rig = flame.import_flame(path)
    elif ict.recognises(path):
        rig = ict.import_ict(path)
    elif path.is_dir():
        rig = obj.import_obj_folder(path)
    else:
        raise InputError(
            "not a rig this can import: give ICT-FaceKit (folder or tar), a FLAME model (.pkl, .npz), .glb, .gltf, "
            "or a folder of OBJ files",
            source=source,
        )
    return rig if name is None else dataclasses.replace(rig, name=name)
