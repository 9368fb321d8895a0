"""`emotalk rig import`, `emotalk rig info`, `emotalk rig retarget`: rigs from elsewhere, and between them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import tyro

from emotalk.blendshapes import COEFFICIENTS, INDEX
from emotalk.errors import InputError
from emotalk.files import suffix_of

if TYPE_CHECKING:
    from emotalk.rigs import Rig


@dataclass(frozen=True, kw_only=True)
class Import:
    """Turns a rig from elsewhere into one npz: ICT-FaceKit, FLAME, glTF with ARKit's morph targets, a folder of OBJ."""

    source: tyro.conf.Positional[str]
    """ICT-FaceKit (folder or .tar.xz), FLAME (.pkl, .npz), .glb, .gltf, or a folder of OBJ files named after shapes."""
    output: Annotated[str, tyro.conf.arg(aliases=["-o"])]
    """The rig (.npz)."""
    name: str | None = None
    """What reports call it. Default: from the source."""

    def run(self) -> int:
        from emotalk.rigs.importers import import_rig

        _npz(self.output)
        rig = import_rig(self.source, name=self.name)
        rig.save(self.output)
        print(f"{self.output}: {describe(self.output)}")
        return 0


@dataclass(frozen=True, kw_only=True)
class RigInfo:
    """Tells what a rig is: its size, its regions, how far its mouth and eyes open, what does not move."""

    rig: tyro.conf.Positional[str]
    """A rig (.npz), or `default` for the project's own head."""

    def run(self) -> int:
        print(f"{self.rig}: {describe(self.rig)}")
        return 0


@dataclass(frozen=True, kw_only=True)
class Retarget:
    """Coefficients of one rig as coefficients of another: fits the map and saves it, or applies it to an animation."""

    source: tyro.conf.Positional[str]
    """The rig that animations are made for (.npz), or `default`."""
    target: tyro.conf.Positional[str]
    """The rig that shall move like it (.npz), or `default`."""
    output: Annotated[str, tyro.conf.arg(aliases=["-o"])]
    """The map (.npz); with --animation the retargeted animation instead."""
    animation: str | None = None
    """An animation of the source's coefficients."""

    def run(self) -> int:
        import dataclasses

        from emotalk.animation import Animation
        from emotalk.blendshapes import reorder
        from emotalk.formats import format_for
        from emotalk.rigs.transfer import fit_retarget

        if self.animation is None:
            _npz(self.output)
        else:
            format_for(self.output)
        animation = None if self.animation is None else Animation.load(self.animation)
        fitted = fit_retarget(load(self.source), load(self.target))
        if animation is None:
            fitted.save(self.output)
        else:
            weights = fitted.apply(reorder(animation.weights, animation.names, source=self.animation))
            dataclasses.replace(animation, weights=weights, names=COEFFICIENTS).save(self.output)
        print(f"{self.output}: {fitted.source} → {fitted.target}")
        return 0


AnyRigCommand = (
    Annotated[Import, tyro.conf.subcommand("import")]
    | Annotated[RigInfo, tyro.conf.subcommand("info")]
    | Annotated[Retarget, tyro.conf.subcommand("retarget")]
)


@dataclass(frozen=True)
class Rigs:
    """Imports rigs, tells what they are, and carries coefficients from one to another."""

    command: tyro.conf.OmitSubcommandPrefixes[AnyRigCommand]

    def run(self) -> int:
        return self.command.run()


def load(rig: str) -> "Rig":
    """A rig by its file, or the project's own by the word `default`."""
    from emotalk.rigs import Rig, procedural_head

    return procedural_head() if rig == "default" else Rig.load(rig)


def describe(path: str) -> str:
    """A rig in a few lines."""
    import numpy as np

    rig = load(path)
    still = [name for name, field in zip(COEFFICIENTS, rig.displacements, strict=True) if not field.any()]
    size = np.ptp(rig.neutral, axis=0)
    poses = np.zeros((2, len(COEFFICIENTS)), np.float32)
    poses[1, [INDEX["jawOpen"], INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]] = 1
    gaps = {gap: rig.gap_mm(poses, gap) for gap in rig.gaps}
    lines = [
        f"{rig.name}, {len(rig.neutral)} vertices, {len(rig.triangles)} triangles, "
        f"{size[0]:.0f} × {size[1]:.0f} × {size[2]:.0f} mm",
        f"regions: {', '.join(f'{name} {len(ids)}' for name, ids in sorted(rig.regions.items()))}",
        *(
            f"{gap}: {rest:.1f} mm at rest, {posed:.1f} mm with jawOpen and eyeBlink"
            for gap, (rest, posed) in gaps.items()
        ),
    ]
    if still:
        lines.append(f"without movement: {', '.join(still)}")
    return "\n  ".join(lines)


def _npz(path: str) -> None:
    if suffix_of(path) != ".npz":
        raise InputError("a rig or a map is written as .npz", source=path)
