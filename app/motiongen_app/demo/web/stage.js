// Draws people, their shadows and their paths on a floor with WebGL2. Metres, Y up; knows nothing of time.

const LIGHT = [0.42, 0.84, 0.35];
const SKIN_BONES = 24;

const COMMON = `#version 300 es
precision highp float;
uniform mat4 viewProjection;
uniform vec3 light;
uniform float flattened;
vec4 placed(vec3 world) {
  // A shadow is the figure laid onto the floor along the light.
  vec3 laid = vec3(world.x - light.x / light.y * world.y, 0.006, world.z - light.z / light.y * world.y);
  return viewProjection * vec4(mix(world, laid, flattened), 1.0);
}`;

const BODY_VERTEX = `${COMMON}
layout(location=0) in vec3 position;
layout(location=1) in vec3 normal;
layout(location=2) in float tone;
layout(location=3) in uvec4 joints;
layout(location=4) in vec4 weights;
uniform vec4 bones[${3 * SKIN_BONES}];
uniform vec3 offset;
out vec3 vNormal; out vec3 vWorld; out float vTone;
void main() {
  vec4 p = vec4(position, 1.0);
  vec3 world = vec3(0.0), turned = vec3(0.0);
  for (int i = 0; i < 4; i++) {
    int b = 3 * int(joints[i]);
    world += weights[i] * vec3(dot(bones[b], p), dot(bones[b + 1], p), dot(bones[b + 2], p));
    turned += weights[i] * vec3(dot(bones[b].xyz, normal), dot(bones[b + 1].xyz, normal), dot(bones[b + 2].xyz, normal));
  }
  vWorld = world + offset; vNormal = turned; vTone = tone;
  gl_Position = placed(vWorld);
}`;

// A capsule from a to b: the unit sphere, its two halves pulled apart.
const CAPSULE_VERTEX = `${COMMON}
layout(location=0) in vec3 position;
layout(location=1) in vec4 start;
layout(location=2) in vec4 end;
layout(location=3) in vec3 colour;
uniform vec3 offset;
out vec3 vNormal; out vec3 vWorld; out vec3 vColour;
void main() {
  vec3 along = end.xyz - start.xyz;
  float size = length(along);
  vec3 y = size > 1e-5 ? along / size : vec3(0.0, 1.0, 0.0);
  vec3 x = normalize(abs(y.y) < 0.9 ? cross(y, vec3(0.0, 1.0, 0.0)) : cross(y, vec3(1.0, 0.0, 0.0)));
  vNormal = x * position.x + y * position.y + cross(x, y) * position.z;
  float radius = position.y > 0.0 ? end.w : start.w;
  vWorld = (position.y > 0.0 ? end.xyz : start.xyz) + radius * vNormal + offset;
  vColour = colour;
  gl_Position = placed(vWorld);
}`;

const SHADE = `
uniform vec3 light; uniform vec3 eye; uniform float flattened; uniform vec4 shadow;
in vec3 vNormal; in vec3 vWorld;
out vec4 pixel;
vec4 shaded(vec3 base) {
  if (flattened > 0.5) return shadow;
  vec3 n = normalize(vNormal), v = normalize(eye - vWorld);
  float key = max(dot(n, light), 0.0);
  vec3 sky = mix(vec3(0.34, 0.31, 0.29), vec3(0.60, 0.66, 0.74), 0.5 + 0.5 * n.y);
  float rim = pow(1.0 - max(dot(n, v), 0.0), 3.0) * (0.35 + 0.65 * max(n.y, 0.0));
  float shine = pow(max(dot(n, normalize(light + v)), 0.0), 28.0) * 0.06;
  // Near the floor less of the sky is seen.
  float open = mix(0.72, 1.0, smoothstep(0.0, 0.5, vWorld.y));
  vec3 lit = base * (sky * open + key * vec3(0.95, 0.90, 0.82)) + rim * vec3(0.16, 0.18, 0.21) + shine;
  return vec4(pow(min(lit, vec3(1.0)), vec3(1.0 / 2.2)), 1.0);
}`;

const BODY_FRAGMENT = `#version 300 es
precision highp float;
${SHADE}
uniform vec3 palette[8]; uniform int colours;
in float vTone;
void main() { pixel = shaded(palette[clamp(int(vTone), 0, colours - 1)]); }`;

const CAPSULE_FRAGMENT = `#version 300 es
precision highp float;
${SHADE}
in vec3 vColour;
void main() { pixel = shaded(vColour); }`;

const FLOOR_VERTEX = `#version 300 es
precision highp float;
layout(location=0) in vec2 corner;
uniform mat4 viewProjection; uniform vec3 centre;
out vec2 vPlace;
void main() {
  vPlace = centre.xz + corner * 40.0;
  gl_Position = viewProjection * vec4(vPlace.x, 0.0, vPlace.y, 1.0);
}`;

const FLOOR_FRAGMENT = `#version 300 es
precision highp float;
in vec2 vPlace; out vec4 pixel;
uniform vec3 centre; uniform vec3 background; uniform vec3 ground; uniform vec3 line; uniform float reach;
float lines(vec2 at, float width) {
  vec2 step = fwidth(at), near = abs(fract(at - 0.5) - 0.5) / max(step, vec2(1e-5));
  vec2 seen = clamp(width + 0.5 - near, 0.0, 1.0) * clamp(1.0 / (step * 12.0), 0.0, 1.0);
  return max(seen.x, seen.y);
}
void main() {
  float far = smoothstep(0.25, 1.0, distance(vPlace, centre.xz) / reach);
  vec3 colour = mix(ground, line, max(lines(vPlace, 0.6) * 0.9, lines(vPlace * 2.0, 0.3) * 0.35));
  pixel = vec4(mix(colour, background, far), 1.0);
}`;

// Flat marks on the floor: ribbons and dots, whose colour is theirs.
const MARK_VERTEX = `#version 300 es
precision highp float;
layout(location=0) in vec4 place;
layout(location=1) in vec4 colour;
layout(location=2) in vec2 inside;
uniform mat4 viewProjection; uniform vec3 offset; uniform float now;
out vec4 vColour; out vec2 vInside;
void main() {
  float later = place.w > now ? 0.3 : 1.0;
  vColour = vec4(colour.rgb, colour.a * later); vInside = inside;
  gl_Position = viewProjection * vec4(place.xyz + offset, 1.0);
}`;

const MARK_FRAGMENT = `#version 300 es
precision highp float;
in vec4 vColour; in vec2 vInside; out vec4 pixel;
void main() {
  float r = length(vInside), soft = max(fwidth(r), 1e-4);
  pixel = vec4(vColour.rgb, vColour.a * (1.0 - smoothstep(1.0 - soft, 1.0, r)));
}`;

function compiled(gl, vertex, fragment) {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
  const at = {};
  for (let i = 0; i < gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS); i++) {
    const name = gl.getActiveUniform(program, i).name.replace("[0]", "");
    at[name] = gl.getUniformLocation(program, name);
  }
  return { program, at };
}

function attribute(gl, index, data, size, { type = gl.FLOAT, normalized = false, whole = false } = {}) {
  const buffer = gl.createBuffer();
  gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
  gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
  gl.enableVertexAttribArray(index);
  if (whole) gl.vertexAttribIPointer(index, size, type, 0, 0);
  else gl.vertexAttribPointer(index, size, type, normalized, 0, 0);
  return buffer;
}

function sphere(rings, sectors) {
  const points = [], faces = [];
  // Twice the equator: the two halves of a capsule part there.
  const heights = [];
  for (let i = 0; i <= rings; i++) heights.push(-Math.PI / 2 + (i / rings) * (Math.PI / 2));
  for (let i = 0; i <= rings; i++) heights.push((i / rings) * (Math.PI / 2) + 1e-4);
  for (const h of heights)
    for (let s = 0; s <= sectors; s++) {
      const a = (2 * Math.PI * s) / sectors;
      points.push(Math.cos(h) * Math.cos(a), Math.sin(h), Math.cos(h) * Math.sin(a));
    }
  for (let i = 0; i + 1 < heights.length; i++)
    for (let s = 0; s < sectors; s++) {
      const a = i * (sectors + 1) + s, b = a + sectors + 1;
      faces.push(a, b, a + 1, a + 1, b, b + 1);
    }
  return { points: new Float32Array(points), faces: new Uint16Array(faces) };
}

export function createStage(canvas) {
  const gl = canvas.getContext("webgl2", { antialias: true, stencil: true, alpha: false });
  if (!gl) throw new Error("This browser shows no WebGL2, which the view needs.");
  const body = compiled(gl, BODY_VERTEX, BODY_FRAGMENT);
  const capsule = compiled(gl, CAPSULE_VERTEX, CAPSULE_FRAGMENT);
  const floor = compiled(gl, FLOOR_VERTEX, FLOOR_FRAGMENT);
  const mark = compiled(gl, MARK_VERTEX, MARK_FRAGMENT);

  const floorArray = gl.createVertexArray();
  gl.bindVertexArray(floorArray);
  attribute(gl, 0, new Float32Array([-1, -1, 1, -1, -1, 1, 1, 1]), 2);

  const ball = sphere(6, 16);
  const capsuleArray = gl.createVertexArray();
  gl.bindVertexArray(capsuleArray);
  attribute(gl, 0, ball.points, 3);
  gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, ball.faces, gl.STATIC_DRAW);
  const capsuleData = gl.createBuffer();
  gl.bindBuffer(gl.ARRAY_BUFFER, capsuleData);
  for (const [index, size, from] of [[1, 4, 0], [2, 4, 16], [3, 3, 32]]) {
    gl.enableVertexAttribArray(index);
    gl.vertexAttribPointer(index, size, gl.FLOAT, false, 44, from);
    gl.vertexAttribDivisor(index, 1);
  }

  const markArray = gl.createVertexArray();
  gl.bindVertexArray(markArray);
  const markData = gl.createBuffer();
  gl.bindBuffer(gl.ARRAY_BUFFER, markData);
  for (const [index, size, from] of [[0, 4, 0], [1, 4, 16], [2, 2, 32]]) {
    gl.enableVertexAttribArray(index);
    gl.vertexAttribPointer(index, size, gl.FLOAT, false, 40, from);
  }
  gl.bindVertexArray(null);

  let skin = null;

  function setSkin(given) {
    if (skin) {
      gl.deleteVertexArray(skin.array);
      skin.buffers.forEach((buffer) => gl.deleteBuffer(buffer));
    }
    skin = null;
    if (!given) return;
    const array = gl.createVertexArray();
    gl.bindVertexArray(array);
    const buffers = [
      attribute(gl, 0, given.vertices, 3),
      attribute(gl, 1, given.normals, 3),
      attribute(gl, 2, given.tone, 1),
      attribute(gl, 3, given.joints, 4, { type: gl.UNSIGNED_BYTE, whole: true }),
      attribute(gl, 4, given.weights, 4, { type: gl.UNSIGNED_BYTE, normalized: true }),
      gl.createBuffer(),
    ];
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, buffers[5]);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, given.faces, gl.STATIC_DRAW);
    gl.bindVertexArray(null);
    skin = { array, buffers, count: given.faces.length, palette: given.palette };
  }

  function use(program, scene) {
    gl.useProgram(program.program);
    gl.uniformMatrix4fv(program.at.viewProjection, false, scene.viewProjection);
  }

  function figures(scene, flattened) {
    for (const figure of scene.figures) {
      const shown = flattened && figure.bones && figure.body ? { ...figure, capsules: null } : figure;
      for (const program of [body, capsule]) {
        if (program === body ? !(skin && shown.bones && shown.body) : !shown.capsules) continue;
        use(program, scene);
        gl.uniform3fv(program.at.light, LIGHT);
        gl.uniform3fv(program.at.eye, scene.eye);
        gl.uniform1f(program.at.flattened, flattened ? 1 : 0);
        gl.uniform4fv(program.at.shadow, scene.theme.shadow);
        gl.uniform3fv(program.at.offset, figure.offset);
        if (program === body) {
          gl.uniform4fv(body.at.bones, shown.bones);
          gl.uniform3fv(body.at.palette, skin.palette);
          gl.uniform1i(body.at.colours, skin.palette.length / 3);
          gl.bindVertexArray(skin.array);
          gl.drawElements(gl.TRIANGLES, skin.count, gl.UNSIGNED_SHORT, 0);
        } else {
          gl.bindVertexArray(capsuleArray);
          gl.bindBuffer(gl.ARRAY_BUFFER, capsuleData);
          gl.bufferData(gl.ARRAY_BUFFER, shown.capsules, gl.DYNAMIC_DRAW);
          gl.drawElementsInstanced(gl.TRIANGLES, ball.faces.length, gl.UNSIGNED_SHORT, 0, shown.capsules.length / 11);
        }
      }
    }
  }

  function marks(scene) {
    use(mark, scene);
    gl.bindVertexArray(markArray);
    for (const { data, offset, now } of scene.marks) {
      gl.uniform3fv(mark.at.offset, offset);
      gl.uniform1f(mark.at.now, now);
      gl.bindBuffer(gl.ARRAY_BUFFER, markData);
      gl.bufferData(gl.ARRAY_BUFFER, data, gl.DYNAMIC_DRAW);
      gl.drawArrays(gl.TRIANGLES, 0, data.length / 10);
    }
  }

  function draw(scene) {
    const { theme } = scene;
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(...theme.background, 1);
    gl.depthMask(true);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT | gl.STENCIL_BUFFER_BIT);
    gl.enable(gl.DEPTH_TEST);
    gl.disable(gl.BLEND);
    use(floor, scene);
    gl.uniform3fv(floor.at.centre, scene.target);
    for (const name of ["background", "ground", "line"]) gl.uniform3fv(floor.at[name], theme[name]);
    gl.uniform1f(floor.at.reach, scene.reach);
    gl.bindVertexArray(floorArray);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);

    gl.enable(gl.BLEND);
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
    gl.depthMask(false);
    marks(scene);
    // Each pixel of the floor is darkened once, however many limbs lie over it.
    gl.enable(gl.STENCIL_TEST);
    gl.stencilFunc(gl.EQUAL, 0, 0xff);
    gl.stencilOp(gl.KEEP, gl.KEEP, gl.INCR);
    figures(scene, true);
    gl.disable(gl.STENCIL_TEST);
    gl.depthMask(true);
    gl.disable(gl.BLEND);
    figures(scene, false);
    gl.bindVertexArray(null);
  }

  return { draw, setSkin, hasSkin: () => skin !== null };
}
