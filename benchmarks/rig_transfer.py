"""How far lips and lids open on one rig and, with its coefficients carried over, on another.

`python -m benchmarks.rig_transfer SOURCE TARGET [--animation FILE]`, rigs as .npz or `default`. A row per shape that
opens or closes lips or lids, alone and on a jaw that is ajar; with an animation also its openings over time. Columns:
what is wanted in the target's terms, what the map makes of it, the same with the target's coefficients held within
[0, 1], and the mean error on the face beside that of copying coefficients by name.
"""

import argparse
import dataclasses

import numpy as np

from benchmarks.rig_sheet import pose
from emotalk.animation import Animation
from emotalk.blendshapes import COEFFICIENTS, reorder
from emotalk.rig_commands import load
from emotalk.rigs import Rig
from emotalk.rigs.transfer import Retarget, fit_retarget

MOUTH = (
    "mouthFunnel", "mouthPucker", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    "mouthPress", "mouthLowerDown", "mouthUpperUp", "mouthSmile", "mouthStretch", "mouthFrown", "mouthDimple",
)  # fmt: skip
LIDS = ("eyeBlink", "eyeWide", "eyeSquint", "eyeLookDown", "eyeLookUp")
AJAR = 0.4


def poses() -> dict[str, dict[str, float]]:
    """Label -> coefficients; a name without its side sets both."""
    out: dict[str, dict[str, float]] = {f"jawOpen {amount}": {"jawOpen": amount} for amount in (0.2, 0.6, 1)}
    out |= {f"jawOpen and mouthClose {a}": {"jawOpen": a, "mouthClose": a} for a in (0.2, 0.6, 1)}
    out["jawOpen 0.6, mouthClose 0.3"] = {"jawOpen": 0.6, "mouthClose": 0.3}
    for name in MOUTH:
        out |= {name: {name: 1}, f"{name}, jawOpen {AJAR}": {name: 1, "jawOpen": AJAR}}
    for name in LIDS:
        out |= {f"{name} 0.5": {name: 0.5}, name: {name: 1}}
    return out


class Held(Retarget):
    """The same map for programs that hold coefficients within [0, 1]."""

    def apply(self, weights: np.ndarray) -> np.ndarray:
        return super().apply(weights).clip(0, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--animation")
    args = parser.parse_args()
    source, target = load(args.source), load(args.target)
    fitted = fit_retarget(source, target)
    held, named = (
        Held(**vars(fitted)),
        dataclasses.replace(fitted, matrix=np.eye(len(COEFFICIENTS))),
    )
    print(f"| {source.name} → {target.name} | wanted | got | within [0, 1] | mean error | by name |")
    print("|---|---:|---:|---:|---:|---:|")
    for label, values in poses().items():
        weights = pose(**values)[None]
        gap, unit = ("eye_left", 100.0) if label.startswith("eye") else ("mouth", 1.0)
        wanted, got = (float(v[0]) * unit for v in fitted.openings(source, target, weights)[gap])
        capped = float(held.openings(source, target, weights)[gap][1][0]) * unit
        sign = "%" if gap == "eye_left" else "mm"
        errors = [float(m.error_mm(source, target, weights).mean()) for m in (fitted, named)]
        print(
            f"| {label} | {wanted:.1f} {sign} | {got:.1f} {sign} | {capped:.1f} {sign} "
            f"| {errors[0]:.1f} mm | {errors[1]:.1f} mm |"
        )
    if args.animation:
        animation = Animation.load(args.animation)
        weights = reorder(animation.weights, animation.names, source=args.animation)
        for label, method in (("", fitted), (" within [0, 1]", held), (" by name", named)):
            print(over_time(method, source, target, weights, label))


def over_time(fitted: Retarget, source: Rig, target: Rig, weights: np.ndarray, label: str) -> str:
    """Mean absolute error of each gap over the frames, as a share of what is wanted on average."""
    parts = []
    for gap, (wanted, got) in fitted.openings(source, target, weights).items():
        parts.append(f"{gap} {np.abs(got - wanted).mean() / wanted.mean():.1%}")
    return f"{len(weights)} frames{label}: mean gap error as a share of the mean gap: {', '.join(parts)}"


if __name__ == "__main__":
    main()
