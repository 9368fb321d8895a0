/** Morph targets under ARKit's names, as modelling programs spell them: eyeBlinkLeft, eyeBlink_L, Face.EyeBlinkLeft. */

export const COEFFICIENTS: readonly string[] =
  `browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff cheekSquintLeft cheekSquintRight
  eyeBlinkLeft eyeBlinkRight eyeLookDownLeft eyeLookDownRight eyeLookInLeft eyeLookInRight eyeLookOutLeft
  eyeLookOutRight eyeLookUpLeft eyeLookUpRight eyeSquintLeft eyeSquintRight eyeWideLeft eyeWideRight jawForward jawLeft
  jawOpen jawRight mouthClose mouthDimpleLeft mouthDimpleRight mouthFrownLeft mouthFrownRight mouthFunnel mouthLeft
  mouthLowerDownLeft mouthLowerDownRight mouthPressLeft mouthPressRight mouthPucker mouthRight mouthRollLower
  mouthRollUpper mouthShrugLower mouthShrugUpper mouthSmileLeft mouthSmileRight mouthStretchLeft mouthStretchRight
  mouthUpperUpLeft mouthUpperUpRight noseSneerLeft noseSneerRight tongueOut`.split(/\s+/);

const BY_KEY = new Map(COEFFICIENTS.map((name) => [name.toLowerCase(), name]));

/** The coefficient that a morph target's name means, or null. */
export function coefficientOf(target: string): string | null {
  const plain = target.slice(target.lastIndexOf(".") + 1).trim();
  const sided = plain.replace(/[_-]?(?:_|-|(?<=[a-z]))L$/, "Left").replace(/[_-]?(?:_|-|(?<=[a-z]))R$/, "Right");
  for (const spelling of [plain, sided]) {
    const found = BY_KEY.get(spelling.toLowerCase().replace(/[_\s-]/g, ""));
    if (found) return found;
  }
  return null;
}

const GROUPS: [string, RegExp][] = [
  ["Brows", /^brow/],
  ["Eyes", /^eye/],
  ["Cheeks, nose", /^(cheek|nose)/],
  ["Jaw, tongue", /^(jaw|tongue)/],
  ["Mouth", /^mouth/],
];

export function grouped(names: readonly string[]): [string, string[]][] {
  return GROUPS.map(([title, pattern]) => [title, names.filter((name) => pattern.test(name))]);
}

/** browInnerUp as people read it: Brow inner up. */
export function spoken(name: string): string {
  const words = name.replace(/([A-Z])/g, " $1").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
