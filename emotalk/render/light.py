"""How the head is lit: shader texts for VTK's polygon mapper. The light is that of the web player, so both look alike.

`surface` is a vertex's (gloss, height): gloss 0..1, height 0..1 from the lowest to the highest vertex at rest.
"""

# The neck fades into the background between these heights: a cut edge would draw the eye.
FADE = (0.01, 0.11)

VERTEX_DECLARATIONS = """//VTK::Normal::Dec
in vec2 surface;
out vec2 surfaceOut;
"""
VERTEX_BODY = """//VTK::Normal::Impl
surfaceOut = surface;
"""
FRAGMENT_DECLARATIONS = """//VTK::Normal::Dec
in vec2 surfaceOut;
float lit(vec3 normal, vec3 light, float wrap) { return max(0.0, (dot(normal, light) + wrap) / (1.0 + wrap)); }
"""
# Camera space: x to the right, y up, z to the viewer. `matte` 1 leaves only enough shade to see the form, so that a
# colour that stands for a number can be read. VTK declares the uniforms `backdrop` (sRGB 0..1) and `matte` itself.
FRAGMENT_BODY = """
vec3 n = normalize(normalVCVSOutput);
vec3 look = normalize(-vertexVC.xyz);
vec3 tint = pow(vertexColorVSOutput.rgb, vec3(2.2));
vec3 key = normalize(vec3(-0.45, 0.55, 0.72));
vec3 fill = normalize(vec3(0.8, 0.05, 0.55));
// Light bleeds further round skin in red than in blue.
vec3 soft = vec3(lit(n, key, 0.42), lit(n, key, 0.26), lit(n, key, 0.2));
vec3 colour = tint * (soft * vec3(0.98, 0.95, 0.9) + lit(n, fill, 0.2) * vec3(0.26, 0.3, 0.38)
  + vec3(0.13, 0.13, 0.14) + 0.07 * n.y);
float rim = pow(clamp(1.0 - dot(n, look), 0.0, 1.0), 4.0) * max(0.0, 0.4 + n.y);
colour += rim * tint * 0.55;
float shine = surfaceOut.x;
float power = mix(20.0, 160.0, shine * shine);
float glint = pow(max(0.0, dot(n, normalize(key + look))), power)
  + 0.35 * pow(max(0.0, dot(n, normalize(fill + look))), power);
colour += glint * shine * 0.75;
colour = mix(colour, tint * (0.5 + 0.5 * lit(n, vec3(0.0, 0.2, 0.98), 0.3)), matte);
colour = pow(clamp(colour, 0.0, 1.0), vec3(1.0 / 2.2));
fragOutput0 = vec4(mix(backdrop, colour, smoothstep(FADE_LOW, FADE_HIGH, surfaceOut.y)), 1.0);
""".replace("FADE_LOW", repr(FADE[0])).replace("FADE_HIGH", repr(FADE[1]))
