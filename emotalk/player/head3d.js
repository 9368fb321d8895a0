// The head: a mesh that morphs by 52 weights, drawn with WebGL. Millimetres; y up; z towards the viewer.
"use strict";

function unpack(base64, Type) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return new Type(bytes.buffer);
}

const VERTEX_SHADER = `
  attribute vec3 position, normal, colour;
  attribute float gloss;
  uniform mat3 turn;
  uniform vec4 lens;  // x and y scale, distance in mm, height looked at
  varying vec3 n, eye, tint;
  varying float shine, height;
  void main() {
    vec3 p = turn * (position - vec3(0.0, lens.w, 0.0));
    n = turn * normal;
    eye = vec3(0.0, 0.0, lens.z) - p;
    tint = pow(colour, vec3(2.2));
    shine = gloss;
    height = position.y;
    float depth = lens.z - p.z;
    // Near and far lie a third of the distance before and behind the head.
    gl_Position = vec4(p.x * lens.x, p.y * lens.y, 3.0 * depth - 2.6667 * lens.z, depth);
  }`;

const FRAGMENT_SHADER = `
  precision highp float;
  varying vec3 n, eye, tint;
  varying float shine, height;
  uniform float fadeTop, fadeBottom;
  float lit(vec3 light, float wrap) { return max(0.0, (dot(normalize(n), light) + wrap) / (1.0 + wrap)); }
  void main() {
    vec3 normal = normalize(n), look = normalize(eye);
    vec3 key = normalize(vec3(-0.45, 0.55, 0.72)), fill = normalize(vec3(0.8, 0.05, 0.55));
    // Light bleeds further round skin in red than in blue.
    vec3 soft = vec3(lit(key, 0.42), lit(key, 0.26), lit(key, 0.2));
    vec3 colour = tint * (soft * vec3(0.98, 0.95, 0.9) + lit(fill, 0.2) * vec3(0.26, 0.3, 0.38)
      + vec3(0.13, 0.13, 0.14) + 0.07 * normal.y);
    float rim = pow(clamp(1.0 - dot(normal, look), 0.0, 1.0), 4.0) * max(0.0, 0.4 + normal.y);
    colour += rim * tint * 0.55;
    float power = mix(20.0, 160.0, shine * shine);
    float glint = pow(max(0.0, dot(normal, normalize(key + look))), power)
      + 0.35 * pow(max(0.0, dot(normal, normalize(fill + look))), power);
    colour += glint * shine * 0.75;
    float alpha = smoothstep(fadeBottom, fadeTop, height);
    gl_FragColor = vec4(pow(clamp(colour, 0.0, 1.0), vec3(1.0 / 2.2)) * alpha, alpha);
  }`;

class Head {
  /** Throws where the browser has no WebGL. */
  constructor(canvas, rig) {
    const gl = canvas.getContext("webgl", { antialias: true, premultipliedAlpha: true, preserveDrawingBuffer: true });
    if (!gl) throw new Error("WebGL is not available");
    this.gl = gl;
    this.canvas = canvas;
    this.neutral = Float32Array.from(unpack(rig.neutral, Int16Array), (v) => v * rig.positionStep);
    this.shapes = rig.shapes.map((shape) => ({
      vertices: unpack(shape.vertices, Uint32Array),
      moves: Float32Array.from(unpack(shape.moves, Int16Array), (v) => v * rig.moveStep),
    }));
    const wide = unpack(rig.triangles, Uint32Array);
    const large = this.neutral.length / 3 > 65535;
    if (large && !gl.getExtension("OES_element_index_uint")) throw new Error("WebGL cannot draw a mesh this large");
    this.triangles = large ? wide : Uint16Array.from(wide);
    this.position = new Float32Array(this.neutral.length);
    this.normal = new Float32Array(this.neutral.length);
    this.yaw = -0.28;
    this.pitch = 0.04;
    this.zoom = 1;
    const low = [Infinity, Infinity, Infinity], high = [-Infinity, -Infinity, -Infinity];
    this.neutral.forEach((value, i) => {
      low[i % 3] = Math.min(low[i % 3], value);
      high[i % 3] = Math.max(high[i % 3], value);
    });
    this.low = low[1];
    this.size = high[1] - low[1];
    this.middle = this.low + this.size * 0.56;
    this.pivot = [(low[0] + high[0]) / 2, this.low + this.size * 0.3, (low[2] + high[2]) / 2];
    this.setUp(rig);
    canvas.addEventListener("webglcontextrestored", () => this.setUp(rig));
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
  }

  setUp(rig) {
    const gl = this.gl;
    const program = gl.createProgram();
    for (const [type, source] of [[gl.VERTEX_SHADER, VERTEX_SHADER], [gl.FRAGMENT_SHADER, FRAGMENT_SHADER]]) {
      const shader = gl.createShader(type);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
    gl.useProgram(program);
    const attribute = (name, size, type, normalised, data, usage) => {
      const buffer = gl.createBuffer();
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.bufferData(gl.ARRAY_BUFFER, data, usage);
      const place = gl.getAttribLocation(program, name);
      gl.enableVertexAttribArray(place);
      gl.vertexAttribPointer(place, size, type, normalised, 0, 0);
      return buffer;
    };
    this.positionBuffer = attribute("position", 3, gl.FLOAT, false, this.position, gl.DYNAMIC_DRAW);
    this.normalBuffer = attribute("normal", 3, gl.FLOAT, false, this.normal, gl.DYNAMIC_DRAW);
    attribute("colour", 3, gl.UNSIGNED_BYTE, true, unpack(rig.colours, Uint8Array), gl.STATIC_DRAW);
    attribute("gloss", 1, gl.UNSIGNED_BYTE, true, unpack(rig.gloss, Uint8Array), gl.STATIC_DRAW);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, this.triangles, gl.STATIC_DRAW);
    this.uniform = (name) => gl.getUniformLocation(program, name);
    gl.enable(gl.DEPTH_TEST);
    gl.enable(gl.CULL_FACE);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  /** Positions for 52 weights and a turn of the head (yaw, pitch, roll in radians, or null), then smooth normals. */
  pose(weights, turned) {
    const position = this.position, normal = this.normal, triangles = this.triangles;
    position.set(this.neutral);
    this.shapes.forEach((shape, k) => {
      const weight = weights[k];
      if (Math.abs(weight) < 1e-4) return;
      const { vertices, moves } = shape;
      for (let i = 0, j = 0; i < vertices.length; i++, j += 3) {
        const at = vertices[i] * 3;
        position[at] += weight * moves[j];
        position[at + 1] += weight * moves[j + 1];
        position[at + 2] += weight * moves[j + 2];
      }
    });
    if (turned) this.turnAll(turned);
    normal.fill(0);
    for (let f = 0; f < triangles.length; f += 3) {
      const a = triangles[f] * 3, b = triangles[f + 1] * 3, c = triangles[f + 2] * 3;
      const ux = position[b] - position[a], uy = position[b + 1] - position[a + 1], uz = position[b + 2] - position[a + 2];
      const vx = position[c] - position[a], vy = position[c + 1] - position[a + 1], vz = position[c + 2] - position[a + 2];
      const x = uy * vz - uz * vy, y = uz * vx - ux * vz, z = ux * vy - uy * vx;
      for (const at of [a, b, c]) { normal[at] += x; normal[at + 1] += y; normal[at + 2] += z; }
    }
    for (let i = 0; i < normal.length; i += 3) {
      const length = Math.hypot(normal[i], normal[i + 1], normal[i + 2]) || 1;
      normal[i] /= length; normal[i + 1] /= length; normal[i + 2] /= length;
    }
    const gl = this.gl;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.positionBuffer);
    gl.bufferSubData(gl.ARRAY_BUFFER, 0, position);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.normalBuffer);
    gl.bufferSubData(gl.ARRAY_BUFFER, 0, normal);
  }

  /** Every vertex by Ry(yaw) Rx(pitch) Rz(roll), about where a skull turns on its neck. */
  turnAll([yaw, pitch, roll]) {
    const position = this.position, [px, py, pz] = this.pivot;
    const [cy, sy, cp, sp] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
    const [cr, sr] = [Math.cos(roll), Math.sin(roll)];
    const m = [cy * cr + sy * sp * sr, sy * sp * cr - cy * sr, sy * cp, cp * sr, cp * cr, -sp,
      cy * sp * sr - sy * cr, cy * sp * cr + sy * sr, cy * cp];
    for (let i = 0; i < position.length; i += 3) {
      const x = position[i] - px, y = position[i + 1] - py, z = position[i + 2] - pz;
      position[i] = m[0] * x + m[1] * y + m[2] * z + px;
      position[i + 1] = m[3] * x + m[4] * y + m[5] * z + py;
      position[i + 2] = m[6] * x + m[7] * y + m[8] * z + pz;
    }
  }

  draw() {
    const gl = this.gl, canvas = this.canvas;
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const width = Math.max(1, Math.round(canvas.clientWidth * ratio));
    const height = Math.max(1, Math.round(canvas.clientHeight * ratio));
    if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    const a = this.yaw, b = this.pitch;
    const [ca, sa, cb, sb] = [Math.cos(a), Math.sin(a), Math.cos(b), Math.sin(b)];
    gl.uniformMatrix3fv(this.uniform("turn"), false, [ca, sb * sa, -cb * sa, 0, cb, sb, sa, -sb * ca, cb * ca]);
    const distance = this.size * 3;
    // The head fills nine tenths of the height, or of a narrow window's width.
    const scale = (2 * distance * 0.98 * this.zoom) / this.size;
    const fit = Math.min(1, (width / height) * 1.15);
    gl.uniform4f(this.uniform("lens"), (scale * fit * height) / width, scale * fit, distance, this.middle);
    gl.uniform1f(this.uniform("fadeTop"), this.low + this.size * 0.11);
    gl.uniform1f(this.uniform("fadeBottom"), this.low + this.size * 0.01);
    gl.drawElements(gl.TRIANGLES, this.triangles.length, this.triangles instanceof Uint16Array ? gl.UNSIGNED_SHORT : gl.UNSIGNED_INT, 0);
  }

  /** Share of the canvas that shows something. */
  coverage() {
    const gl = this.gl;
    const pixels = new Uint8Array(this.canvas.width * this.canvas.height * 4);
    gl.readPixels(0, 0, this.canvas.width, this.canvas.height, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
    let count = 0;
    for (let i = 3; i < pixels.length; i += 4) count += pixels[i] > 8;
    return count / (pixels.length / 4);
  }
}
