/** The default head's material: skin that light enters, and eyes and lips that shine. */
import { MeshPhysicalMaterial, ShaderChunk } from "three";

const LIT = "vec3 irradiance = dotNL * directLight.color;";
const DIFFUSE = "reflectedLight.directDiffuse += irradiance *";

/** Light goes round the edge of skin before it ends, in red further than in blue. */
const WRAPPED = `${LIT}
	vec3 wrap = mix( vec3( 0.0 ), vec3( 0.40, 0.22, 0.16 ), vSkin );
	vec3 softIrradiance = saturate( ( dot( geometryNormal, directLight.direction ) + wrap ) / ( 1.0 + wrap ) ) * directLight.color;`;

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
    envMapIntensity: 1,
  });
  material.sheenColor.set(0xffd9c8);
  material.onBeforeCompile = (shader) => {
    shader.vertexShader = shader.vertexShader
      .replace("#include <common>", "#include <common>\nattribute float _gloss;\nvarying float vGloss, vSkin, vHeight;")
      .replace(
        "#include <begin_vertex>",
        "#include <begin_vertex>\nvGloss = _gloss;\nvSkin = 1.0 - smoothstep( 0.4, 0.55, _gloss );\nvHeight = position.y;",
      );
    shader.fragmentShader = shader.fragmentShader
      .replace("#include <common>", "#include <common>\nvarying float vGloss, vSkin, vHeight;")
      .replace(
        "#include <lights_physical_pars_fragment>",
        ShaderChunk.lights_physical_pars_fragment
          .replace(LIT, WRAPPED)
          .replace(DIFFUSE, "reflectedLight.directDiffuse += softIrradiance *"),
      )
      .replace(
        "#include <roughnessmap_fragment>",
        "#include <roughnessmap_fragment>\nroughnessFactor = mix( mix( roughnessFactor, 0.34, smoothstep( 0.1, 0.4, vGloss ) ), 0.07, smoothstep( 0.5, 1.0, vGloss ) );",
      )
      .replace(
        "#include <lights_physical_fragment>",
        // No light of the room comes into the mouth.
        "#include <lights_physical_fragment>\nmaterial.specularColor *= smoothstep( 0.02, 0.06, vGloss );\nmaterial.specularF90 *= smoothstep( 0.02, 0.06, vGloss );\nmaterial.sheenColor *= vSkin * smoothstep( 0.02, 0.06, vGloss );",
      )
      .replace(
        "#include <alphatest_fragment>",
        `#include <alphatest_fragment>\ndiffuseColor.a *= smoothstep( ${low.toFixed(5)}, ${high.toFixed(5)}, vHeight );`,
      );
  };
  return material;
}
