"""`emotalk rig import`, `info`, `retarget` and `flame`: rigs from elsewhere, and maps between faces."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import tyro

from emotalk.blendshapes import COEFFICIENTS, INDEX
from emotalk.errors import InputError
from emotalk.files import suffix_of

if TYPE_CHECKING:
    import numpy as np

    from emotalk.rigs import Rig

FRAMES = 200  # of an animation, that errors are measured on


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
    map: str | None = None
    """A map between these rigs that was saved before. Default: fitted anew."""
    correspondence: str | None = None
    """Where the target's vertices lie on the source (.npz, see docs/rigs.md). Default: found by registration."""

    def run(self) -> int:
        import dataclasses

        from emotalk.animation import Animation
        from emotalk.blendshapes import reorder
        from emotalk.formats import format_for
        from emotalk.rigs import transfer
        from emotalk.rigs.transfer.given import read_correspondence

        _map_options(self.output, self.map, self.correspondence, applied=self.animation)
        animation = None
        if self.animation is not None:
            format_for(self.output)
            animation = Animation.load(self.animation)
        source, target = load(self.source), load(self.target)
        if self.map is not None:
            fitted = transfer.Retarget.load(self.map)
            fitted.check(source, target)
        else:
            given = self.correspondence
            place = None if given is None else read_correspondence(given, source.neutral, target.neutral)
            fitted = transfer.fit_retarget(source, target, place)
        if animation is None:
            weights = _every_shape()
            fitted.save(self.output)
        else:
            weights = reorder(animation.weights, animation.names, source=self.animation)
            dataclasses.replace(animation, weights=fitted.apply(weights), names=COEFFICIENTS).save(self.output)
        error = fitted.error_mm(source, target, _some(weights))
        print(f"{self.output}: {fitted.source} → {fitted.target}, {_error_line(error, animation is not None)}")
        for gap, (wanted, got) in fitted.openings(source, target, weights).items():
            if wanted.any():
                off = abs(got - wanted).mean() / wanted.mean()
                print(f"  {gap}: opens as on the source but for {off:.1%} of the mean opening")
        return 0


@dataclass(frozen=True, kw_only=True)
class ToFlame:
    """Coefficients as FLAME's expression, jaw and eyelids, and back: fits the map and saves it, or applies it."""

    model: tyro.conf.Positional[str]
    """FLAME's own file (.pkl, .npz)."""
    output: Annotated[str, tyro.conf.arg(aliases=["-o"])]
    """The map (.npz); with --animation FLAME's parameters (.npz), with --parameters the animation."""
    animation: str | None = None
    """An animation of the rig's coefficients, to be FLAME's parameters."""
    parameters: str | None = None
    """FLAME's parameters (.npz with expression, jaw, eyelids, see docs/rigs.md), to be an animation."""
    rig: str = "default"
    """The rig that coefficients are for (.npz), or `default`."""
    map: str | None = None
    """A map between the rig and this model that was saved before. Default: fitted anew."""
    correspondence: str | None = None
    """Where FLAME's vertices lie on the rig (.npz, see docs/rigs.md). Default: found by registration."""

    def run(self) -> int:
        from pathlib import Path

        from emotalk.animation import Animation
        from emotalk.blendshapes import reorder
        from emotalk.formats import format_for
        from emotalk.rigs.importers.flame import read_flame
        from emotalk.rigs.transfer.flame_map import FlameMap, fit_flame
        from emotalk.rigs.transfer.given import read_correspondence
        from emotalk.rigs.transfer.parameters import read_parameters, write_parameters

        if self.animation is not None and self.parameters is not None:
            raise InputError("give --animation or --parameters, not both")
        _map_options(self.output, self.map, self.correspondence, applied=self.parameters)
        if self.parameters is not None:
            format_for(self.output)
        animation = None if self.animation is None else Animation.load(self.animation)
        rig, flame = load(self.rig), read_flame(Path(self.model))
        if self.map is not None:
            fitted = FlameMap.load(self.map)
            fitted.check(rig, flame)
        else:
            given = self.correspondence
            place = None if given is None else read_correspondence(given, rig.neutral, flame.template)
            fitted = fit_flame(rig, flame, place)
        if self.parameters is not None:
            rows, fps = read_parameters(self.parameters, fitted.parameters)
            weights = fitted.to_coefficients(rows)
            Animation(weights, fps=fps).save(self.output)
        else:
            weights = _every_shape()
            if animation is not None:
                weights = reorder(animation.weights, animation.names, source=self.animation)
            rows = fitted.to_flame(weights)
            if animation is not None:
                write_parameters(self.output, rows, fitted.parameters, animation.fps)
            else:
                fitted.save(self.output)
        ways = (fitted.rig, "FLAME") if self.parameters is None else ("FLAME", fitted.rig)
        error = fitted.error_mm(rig, flame, _some(weights), _some(rows))
        applied = animation is not None or self.parameters is not None
        print(f"{self.output}: {ways[0]} → {ways[1]}, {_error_line(error, applied)}")
        return 0


AnyRigCommand = (
    Annotated[Import, tyro.conf.subcommand("import")]
    | Annotated[RigInfo, tyro.conf.subcommand("info")]
    | Annotated[Retarget, tyro.conf.subcommand("retarget")]
    | Annotated[ToFlame, tyro.conf.subcommand("flame")]
)


@dataclass(frozen=True)
class Rigs:
    """Imports rigs, tells what they are, and carries coefficients from one to another and to FLAME."""

    command: tyro.conf.OmitSubcommandPrefixes[AnyRigCommand]

    def run(self) -> int:
        return self.command.run()


def load(rig: str) -> "Rig":
    """A rig by its file, or the project's own by the word `default`."""
    from emotalk.rigs import Rig, procedural_head

    return procedural_head() if rig == "default" else Rig.load(rig)


def _map_options(output: str, saved: str | None, correspondence: str | None, *, applied: str | None) -> None:
    """InputError where options exclude each other, or the output cannot be what is asked for."""
    if saved is not None and correspondence is not None:
        raise InputError("a saved map has its correspondence: give --map or --correspondence, not both")
    if applied is None:
        _npz(output)


def _every_shape() -> "np.ndarray":
    """(52, 52): every coefficient alone."""
    import numpy as np

    return np.eye(len(COEFFICIENTS), dtype=np.float32)


def _some(weights: "np.ndarray") -> "np.ndarray":
    """At most `FRAMES` rows, evenly over all."""
    return weights[:: max(1, -(-len(weights) // FRAMES))]


def _error_line(error_mm: "np.ndarray", applied: bool) -> str:
    """(frames, n) mm -> one line."""
    if not error_mm.size:
        return "no frames"
    over = "the animation" if applied else "the 52 shapes"
    return f"error on the face over {over}: {error_mm.mean():.2f} mm mean, {error_mm.max():.1f} mm at most"


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
            f"{gap}: {rest:.1f} mm at rest, {posed:.1f} mm with {'jawOpen' if gap == 'mouth' else 'eyeBlink'}"
            for gap, (rest, posed) in gaps.items()
        ),
    ]
    if still:
        lines.append(f"without movement: {', '.join(still)}")
    return "\n  ".join(lines)


def _npz(path: str) -> None:
    if suffix_of(path) != ".npz":
        raise InputError("a rig or a map is written as .npz", source=path)
