/** A head that morphs: the default one, or any GLB whose morph targets carry ARKit's names. */
import { Box3, Group, Mesh, type Object3D, Vector3 } from "three";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import { COEFFICIENTS, coefficientOf } from "./names";
import { giveMorphNormals } from "./normals";
import { skinMaterial } from "./skin";

/** A mesh and, for each of its morph targets, the coefficient that moves it (-1: none). */
interface Part {
  mesh: Mesh;
  coefficients: number[];
}

export class Rig {
  /** Placed so that its pivot, about where a skull turns on its neck, is its origin. */
  readonly object = new Group();
  readonly box: Box3;
  /** Morph targets that mean no coefficient, and coefficients that nothing shows. */
  readonly unknown: string[];
  readonly missing: string[];

  private constructor(
    readonly name: string,
    scene: Object3D,
    private readonly parts: Part[],
    unknown: Set<string>,
  ) {
    const shown = new Set(parts.flatMap(({ coefficients }) => coefficients));
    this.unknown = [...unknown];
    this.missing = COEFFICIENTS.filter((_, k) => !shown.has(k));
    scene.updateMatrixWorld(true);
    this.box = new Box3();
    for (const { mesh } of parts) this.box.union(boxAtRest(mesh).applyMatrix4(mesh.matrixWorld));
    const size = this.box.getSize(new Vector3());
    const pivot = this.box.getCenter(new Vector3());
    pivot.y = this.box.min.y + 0.3 * size.y;
    this.object.add(scene);
    scene.position.sub(pivot);
    this.box.translate(pivot.negate());
    this.object.rotation.order = "YXZ";
  }

  /** Throws an Error that people can read where the file holds no such head. */
  static async parse(data: ArrayBuffer, name: string): Promise<Rig> {
    const gltf = await new GLTFLoader().parseAsync(data, "").catch((error: unknown) => {
      throw new Error(`${name} cannot be read: ${error instanceof Error ? error.message : error}`);
    });
    const parts: Part[] = [];
    const unknown = new Set<string>();
    gltf.scene.traverse((node) => {
      if (!(node instanceof Mesh) || !node.morphTargetDictionary) return;
      const coefficients = new Array<number>(node.morphTargetInfluences?.length ?? 0).fill(-1);
      for (const [target, place] of Object.entries(node.morphTargetDictionary)) {
        const coefficient = coefficientOf(target);
        if (coefficient) coefficients[place as number] = COEFFICIENTS.indexOf(coefficient);
        else unknown.add(target);
      }
      if (!coefficients.some((k) => k >= 0)) return;
      giveMorphNormals(node.geometry);
      node.frustumCulled = false;
      node.castShadow = node.receiveShadow = true;
      dress(node);
      parts.push({ mesh: node, coefficients });
    });
    if (!parts.length) {
      throw new Error(
        `${name} has no morph target under one of ARKit's 52 names (jawOpen, eyeBlinkLeft or eyeBlink_L, …)`,
      );
    }
    return new Rig(name, gltf.scene, parts, unknown);
  }

  /** `weights`: one per coefficient. `head`: yaw, pitch, roll in radians (and a place, which is not shown), or null. */
  pose(weights: ArrayLike<number>, head: ArrayLike<number> | null): void {
    for (const { mesh, coefficients } of this.parts) {
      const influences = mesh.morphTargetInfluences!;
      coefficients.forEach((k, i) => (influences[i] = k < 0 ? 0 : weights[k]));
    }
    this.object.rotation.set(head?.[1] ?? 0, head?.[0] ?? 0, head?.[2] ?? 0);
  }

  dispose(): void {
    this.object.traverse((node) => {
      if (!(node instanceof Mesh)) return;
      node.geometry.dispose();
      for (const material of [node.material].flat()) material.dispose();
    });
  }
}

/** The default head says how its vertices shine; other heads bring materials of their own. */
function dress(mesh: Mesh): void {
  if (!mesh.geometry.hasAttribute("_gloss")) return;
  const { min, max } = boxAtRest(mesh);
  const height = max.y - min.y;
  mesh.material = skinMaterial(min.y + 0.015 * height, min.y + 0.13 * height);
}

/** three's own boxes hold every shape a mesh can take. */
function boxAtRest(mesh: Mesh): Box3 {
  const position = mesh.geometry.getAttribute("position");
  const box = new Box3();
  const point = new Vector3();
  for (let i = 0; i < position.count; i++) box.expandByPoint(point.fromBufferAttribute(position, i));
  return box;
}
