"""A rig as a UsdSkel scene: mesh, blend shapes, one joint, and the animation that moves them, still empty."""

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from emotalk.blendshapes import COEFFICIENTS
from emotalk.errors import MissingExtraError

if TYPE_CHECKING:
    from emotalk.rigs.rig import Rig

ROOT = "/Face"
METRES = 0.001


def pxr() -> Any:
    """The modules of OpenUSD that formats use. MissingExtraError without the extra `usd`."""
    try:
        from pxr import Gf, Sdf, Tf, Usd, UsdGeom, UsdSkel, Vt
    except ImportError as error:
        raise MissingExtraError("USD", "usd") from error
    return SimpleNamespace(Gf=Gf, Sdf=Sdf, Tf=Tf, Usd=Usd, UsdGeom=UsdGeom, UsdSkel=UsdSkel, Vt=Vt)


def add_head(stage: Any, rig: "Rig") -> Any:
    """Fills an empty stage with the rig -> its `UsdSkel.Animation`: names are set, weights are not."""
    usd = pxr()
    usd.UsdGeom.SetStageUpAxis(stage, usd.UsdGeom.Tokens.y)
    usd.UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    root = usd.UsdSkel.Root.Define(stage, ROOT)
    stage.SetDefaultPrim(root.GetPrim())
    skeleton = _skeleton(usd, stage)
    animation = _animation(usd, stage)
    mesh = _mesh(usd, stage, rig)
    targets = _blend_shapes(usd, stage, rig)
    binding = usd.UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    binding.CreateSkeletonRel().SetTargets([skeleton.GetPath()])
    binding.CreateBlendShapesAttr().Set(list(COEFFICIENTS))
    binding.CreateBlendShapeTargetsRel().SetTargets(targets)
    count = len(rig.neutral)
    binding.CreateJointIndicesPrimvar(False, 1).Set(usd.Vt.IntArray.FromNumpy(np.zeros(count, np.int32)))
    binding.CreateJointWeightsPrimvar(False, 1).Set(usd.Vt.FloatArray.FromNumpy(np.ones(count, np.float32)))
    usd.UsdSkel.BindingAPI.Apply(skeleton.GetPrim()).CreateAnimationSourceRel().SetTargets([animation.GetPath()])
    return animation


def _skeleton(usd: Any, stage: Any) -> Any:
    skeleton = usd.UsdSkel.Skeleton.Define(stage, f"{ROOT}/Skeleton")
    rest = usd.Vt.Matrix4dArray([usd.Gf.Matrix4d(1.0)])
    skeleton.CreateJointsAttr().Set(["head"])
    skeleton.CreateBindTransformsAttr().Set(rest)
    skeleton.CreateRestTransformsAttr().Set(rest)
    return skeleton


def _animation(usd: Any, stage: Any) -> Any:
    animation = usd.UsdSkel.Animation.Define(stage, f"{ROOT}/Animation")
    animation.CreateJointsAttr().Set(["head"])
    # Without these three a joint has no pose at all; they are the pose where no time sample says otherwise.
    animation.CreateRotationsAttr().Set(usd.Vt.QuatfArray([usd.Gf.Quatf(1, 0, 0, 0)]))
    animation.CreateTranslationsAttr().Set(usd.Vt.Vec3fArray([usd.Gf.Vec3f(0, 0, 0)]))
    animation.CreateScalesAttr().Set(usd.Vt.Vec3hArray([usd.Gf.Vec3h(1, 1, 1)]))
    animation.CreateBlendShapesAttr().Set(list(COEFFICIENTS))
    return animation


def _mesh(usd: Any, stage: Any, rig: "Rig") -> Any:
    mesh = usd.UsdGeom.Mesh.Define(stage, f"{ROOT}/Head")
    points = rig.neutral * np.float32(METRES)
    mesh.CreatePointsAttr().Set(usd.Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(points, np.float32)))
    counts = np.full(len(rig.triangles), 3, np.int32)
    mesh.CreateFaceVertexCountsAttr().Set(usd.Vt.IntArray.FromNumpy(counts))
    corners = np.ascontiguousarray(rig.triangles.reshape(-1), np.int32)
    mesh.CreateFaceVertexIndicesAttr().Set(usd.Vt.IntArray.FromNumpy(corners))
    mesh.CreateSubdivisionSchemeAttr().Set(usd.UsdGeom.Tokens.none)
    mesh.CreateExtentAttr().Set(usd.Vt.Vec3fArray.FromNumpy(np.stack([points.min(0), points.max(0)])))
    linear = np.power(rig.colours / 255.0, 2.2).astype(np.float32)
    colour = mesh.CreateDisplayColorPrimvar(usd.UsdGeom.Tokens.vertex)
    colour.Set(usd.Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(linear)))
    return mesh


def _blend_shapes(usd: Any, stage: Any, rig: "Rig") -> list[Any]:
    """One prim per coefficient, with the vertices that it moves and no others -> their paths."""
    paths = []
    for name, field in zip(COEFFICIENTS, rig.displacements, strict=True):
        shape = usd.UsdSkel.BlendShape.Define(stage, f"{ROOT}/Head/{name}")
        moved = np.flatnonzero(field.any(axis=1)).astype(np.int32)
        offsets = np.ascontiguousarray(field[moved] * np.float32(METRES), np.float32)
        shape.CreateOffsetsAttr().Set(usd.Vt.Vec3fArray.FromNumpy(offsets))
        shape.CreatePointIndicesAttr().Set(usd.Vt.IntArray.FromNumpy(moved))
        paths.append(shape.GetPath())
    return paths
