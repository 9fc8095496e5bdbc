// Clips as the server tells them: arrays out of base64, poses between two frames, marks on the floor.

export const HUES = ["#4f8ef7", "#f2994a", "#27ae82", "#b76cf0", "#eb5757", "#2dbcd6", "#c9a406", "#8d99ae"];
const SIDES = [[0.50, 0.53, 0.58], [0.10, 0.32, 0.85], [0.88, 0.33, 0.08]]; // middle, left, right; linear light
const HEAD = 15;

function bytes(text) {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}

const floats = (text) => new Float32Array(bytes(text).buffer);

export function hue(index) {
  const value = parseInt(HUES[index % HUES.length].slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255].map((c) => c / 255);
}

export function readClips(told) {
  const count = told.clips.length;
  const clips = told.clips.map((clip) => ({
    ...clip, joints: floats(clip.joints), contacts: bytes(clip.contacts), offset: [0, 0, 0],
  }));
  // Side by side: as far apart as the widest goes astray.
  const width = Math.max(...clips.map((clip) => extent(clip)));
  const apart = Math.min(3.2, Math.max(1.3, width + 0.4));
  clips.forEach((clip, i) => (clip.offset = [(i - (count - 1) / 2) * apart, 0, 0]));
  // How high anyone reaches, hand or head; labels stand above.
  let tall = 1.75;
  for (const { joints } of clips) for (let i = 1; i < joints.length; i += 3) tall = Math.max(tall, joints[i] + 0.15);
  return { ...told, clips, apart, tall: tall + (count > 1 ? 0.3 : 0), frames: Math.max(...clips.map((clip) => clip.frames)) };
}

export function readSkin(told) {
  const skin = {
    vertices: floats(told.vertices), normals: floats(told.normals), tone: floats(told.tone), joints: bytes(told.joints),
    weights: bytes(told.weights), faces: new Uint16Array(bytes(told.faces).buffer), palette: floats(told.palette),
  };
  return { skin, rest: floats(told.rest), moves: told.moves.map((m) => ({ turns: floats(m.turns), places: floats(m.places) })) };
}

function extent({ joints, frames }) {
  let low = Infinity, high = -Infinity;
  for (let f = 0; f < frames; f++) {
    low = Math.min(low, joints[f * 66]);
    high = Math.max(high, joints[f * 66]);
  }
  return high - low;
}

function between(clip, frame) {
  const a = Math.min(Math.floor(frame), clip.frames - 1), b = Math.min(a + 1, clip.frames - 1);
  return [a, b, b === a ? 0 : frame - a];
}

export function jointsAt(clip, frame, out = new Float32Array(66)) {
  const [a, b, w] = between(clip, frame);
  for (let i = 0; i < 66; i++) out[i] = clip.joints[66 * a + i] * (1 - w) + clip.joints[66 * b + i] * w;
  return out;
}

// Capsules of the skeleton: start and radius, end and radius, colour.
export function capsulesAt(clip, frame, parents, sides, thin) {
  const joints = jointsAt(clip, frame), out = [];
  for (let j = 0; j < parents.length; j++) {
    const p = parents[j], at = (i) => [joints[3 * i], joints[3 * i + 1], joints[3 * i + 2]];
    if (p >= 0) out.push(...at(p), 0.024 * thin, ...at(j), 0.02 * thin, ...SIDES[sides[j]]);
    const r = (j === HEAD ? 0.085 : 0.032) * (j === HEAD ? 1 : thin);
    const centre = at(j);
    if (j === HEAD) centre[1] += 0.05;
    out.push(...centre, r, ...centre, r, ...SIDES[sides[j]]);
  }
  return new Float32Array(out);
}

// Rows of the matrices that move the skin from rest to a frame.
export function bonesAt(clip, move, rest, frame, out = new Float32Array(24 * 12)) {
  const [a, b, w] = between(clip, frame);
  for (let j = 0; j < 24; j++) {
    const p = 4 * (24 * a + j), q = 4 * (24 * b + j), s = 3 * (24 * a + j), t = 3 * (24 * b + j);
    const turn = [0, 1, 2, 3].map((i) => move.turns[p + i] * (1 - w) + move.turns[q + i] * w);
    const size = Math.hypot(...turn) || 1;
    const [qw, x, y, z] = turn.map((v) => v / size);
    const rows = [
      [1 - 2 * (y * y + z * z), 2 * (x * y - qw * z), 2 * (x * z + qw * y)],
      [2 * (x * y + qw * z), 1 - 2 * (x * x + z * z), 2 * (y * z - qw * x)],
      [2 * (x * z - qw * y), 2 * (y * z + qw * x), 1 - 2 * (x * x + y * y)],
    ];
    for (let r = 0; r < 3; r++) {
      const place = move.places[s + r] * (1 - w) + move.places[t + r] * w;
      const back = rows[r][0] * rest[3 * j] + rows[r][1] * rest[3 * j + 1] + rows[r][2] * rest[3 * j + 2];
      out.set([...rows[r], place - back], 12 * j + 4 * r);
    }
  }
  return out;
}

// The path of the root as a ribbon: corners with place, frame, colour; two triangles a piece.
export function ribbon(clip, segments) {
  const out = [], half = 0.018, way = [[clip.joints[0], clip.joints[2], 0]];
  for (let f = 1; f < clip.frames; f++) {
    const x = clip.joints[66 * f], z = clip.joints[66 * f + 2], last = way[way.length - 1];
    if (Math.hypot(x - last[0], z - last[1]) >= 0.05) way.push([x, z, f]);
  }
  // Across the way at each of its points, by the two neighbours: no gaps in bends.
  const across = way.map((_, i) => {
    const a = way[Math.max(0, i - 1)], b = way[Math.min(way.length - 1, i + 1)];
    const size = Math.hypot(b[0] - a[0], b[1] - a[1]) || 1;
    return [(-(b[1] - a[1]) / size) * half, ((b[0] - a[0]) / size) * half];
  });
  for (let i = 1; i < way.length; i++) {
    const frame = way[i][2], found = segments.findIndex((s) => frame >= s.start && frame < s.stop);
    const colour = [...hue(Math.max(0, found)), 0.9];
    const corner = (k, sign) =>
      [way[k][0] + sign * across[k][0], 0.003, way[k][1] + sign * across[k][1], frame, ...colour, 0, 0];
    out.push(...corner(i - 1, 1), ...corner(i - 1, -1), ...corner(i, 1));
    out.push(...corner(i, 1), ...corner(i - 1, -1), ...corner(i, -1));
  }
  return new Float32Array(out);
}

// Where feet stand: the frames so far leave faint prints, the present ones shine.
export function contactDots(clip, frame) {
  const out = [], now = Math.min(Math.round(frame), clip.frames - 1), feet = [7, 10, 8, 11];
  const dot = (f, k, radius, colour) => {
    const x = clip.joints[66 * f + 3 * feet[k]], z = clip.joints[66 * f + 3 * feet[k] + 2];
    for (const [u, v] of [[-1, -1], [1, -1], [-1, 1], [-1, 1], [1, -1], [1, 1]])
      out.push(x + u * radius, 0.008, z + v * radius, -1, ...colour, u, v);
  };
  for (let f = 1; f <= now; f++)
    for (let k = 0; k < 4; k++)
      if (clip.contacts[4 * f + k] && !clip.contacts[4 * (f - 1) + k]) dot(f, k, 0.03, [0.5, 0.55, 0.62, 0.45]);
  for (let k = 0; k < 4; k++)
    if (clip.contacts[4 * now + k]) {
      dot(now, k, 0.085, k < 2 ? [0.31, 0.56, 0.97, 0.35] : [0.95, 0.6, 0.29, 0.35]);
      dot(now, k, 0.045, k < 2 ? [0.31, 0.56, 0.97, 1] : [0.95, 0.6, 0.29, 1]);
    }
  return new Float32Array(out);
}
