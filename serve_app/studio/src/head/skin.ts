/** The default head's material: skin that light enters, lips and eyes that shine, a mouth that does not. */
import { DoubleSide, MeshPhysicalMaterial, ShaderChunk } from "three";

const DIRECT = "vec3 irradiance = dotNL * directLight.color;";
const DIFFUSE = "reflectedLight.directDiffuse += irradiance *";

const VARYINGS = "varying float vShine, vSkin, vHeight;";

/** The rig's gloss: 0.02 inside the mouth, 0.07 skin, 0.35 lips, 0.5 teeth, 1 eyes. */
const VERTEX = `
vShine = _gloss;
vSkin = 1.0 - smoothstep( 0.4, 0.55, _gloss );
vHeight = position.y;`;

const ROUGHNESS = `
roughnessFactor = mix( roughnessFactor, 0.34, smoothstep( 0.1, 0.4, vShine ) );
roughnessFactor = mix( roughnessFactor, 0.1, smoothstep( 0.5, 1.0, vShine ) );`;

/** No light of the room comes into the mouth; wet eyes throw back more of it than skin does. */
const REFLECTION = `
float open = smoothstep( 0.02, 0.06, vShine );
material.specularColor *= open * mix( 1.0, 2.2, smoothstep( 0.8, 1.0, vShine ) );
material.specularF90 *= open;
material.sheenColor *= open * vSkin;`;

/** Light goes round the edge of skin before it ends, in red further than in blue. */
const WRAPPED = `${DIRECT}
vec3 wrap = vSkin * vec3( 0.40, 0.22, 0.16 );
vec3 around = saturate( ( dot( geometryNormal, directLight.direction ) + wrap ) / ( 1.0 + wrap ) ) * directLight.color;`;

/** `low` and `high`: the heights in metres over which the neck fades out. */
export function skinMaterial(low: number, high: number): MeshPhysicalMaterial {
  const material = new MeshPhysicalMaterial({
    vertexColors: true,
    roughness: 0.56,
    metalness: 0,
    ior: 1.42,
    sheen: 0.25,
    sheenRoughness: 0.55,
    transparent: true,
    side: DoubleSide,
    forceSinglePass: true,
  });
  material.sheenColor.set(0xffd9c8);
  const fade = `\ndiffuseColor.a *= smoothstep( ${low.toFixed(5)}, ${high.toFixed(5)}, vHeight );`;
  const lights = ShaderChunk.lights_physical_pars_fragment
    .replace(DIRECT, WRAPPED)
    .replace(DIFFUSE, "reflectedLight.directDiffuse += around *");
  material.onBeforeCompile = (shader) => {
    shader.vertexShader = behind(shader.vertexShader, "common", `\nattribute float _gloss;\n${VARYINGS}`);
    shader.vertexShader = behind(shader.vertexShader, "begin_vertex", VERTEX);
    let fragment = shader.fragmentShader.replace("#include <lights_physical_pars_fragment>", lights);
    fragment = behind(fragment, "common", `\n${VARYINGS}`);
    fragment = behind(fragment, "roughnessmap_fragment", ROUGHNESS);
    fragment = behind(fragment, "lights_physical_fragment", REFLECTION);
    shader.fragmentShader = behind(fragment, "alphatest_fragment", fade);
  };
  return material;
}

/** A shader with more behind one of three's parts. */
const behind = (shader: string, part: string, more: string): string =>
  shader.replace(`#include <${part}>`, `#include <${part}>${more}`);
