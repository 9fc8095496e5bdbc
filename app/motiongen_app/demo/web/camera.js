// A camera that goes round a point: drag, wheel, pinch. It follows the people or looks at their whole path.

const FIELD = 0.62; // radians from the bottom of the picture to the top

export function createCamera(canvas, changed) {
  const home = { yaw: 0.5, pitch: 0.17, zoom: 1 };
  const state = { ...home, shift: [0, 0, 0], target: [0, 0.9, 0], distance: 4 };
  const pointers = new Map();

  function axes() {
    const { yaw, pitch } = state;
    const back = [Math.sin(yaw) * Math.cos(pitch), Math.sin(pitch), Math.cos(yaw) * Math.cos(pitch)];
    const right = [Math.cos(yaw), 0, -Math.sin(yaw)];
    const up = [back[1] * right[2] - back[2] * right[1], back[2] * right[0] - back[0] * right[2],
      back[0] * right[1] - back[1] * right[0]];
    return { back, right, up };
  }

  function pan(dx, dy) {
    const { right, up } = axes(), scale = (2 * state.distance * Math.tan(FIELD / 2)) / canvas.clientHeight;
    for (let i = 0; i < 3; i++) state.shift[i] += scale * (-dx * right[i] + dy * up[i]);
  }

  function zoom(factor) {
    state.zoom = Math.min(4, Math.max(0.25, state.zoom * factor));
  }

  canvas.addEventListener("pointerdown", (event) => {
    pointers.set(event.pointerId, [event.clientX, event.clientY]);
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const dx = event.clientX - before[0], dy = event.clientY - before[1];
    if (pointers.size === 2) {
      const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
      const was = Math.hypot(before[0] - other[0], before[1] - other[1]);
      const is = Math.hypot(event.clientX - other[0], event.clientY - other[1]);
      if (was > 0 && is > 0) zoom(was / is);
      pan(dx / 2, dy / 2);
    } else if (event.buttons & 2 || event.shiftKey) pan(dx, dy);
    else {
      state.yaw -= dx * 0.008;
      state.pitch = Math.min(1.5, Math.max(-0.05, state.pitch + dy * 0.006));
    }
    pointers.set(event.pointerId, [event.clientX, event.clientY]);
    changed();
  });
  for (const end of ["pointerup", "pointercancel"])
    canvas.addEventListener(end, (event) => pointers.delete(event.pointerId));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(Math.exp(event.deltaY * 0.001));
    changed();
  }, { passive: false });
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());

  // Where the camera is at first; whoever has turned it keeps the view.
  function start(yaw) {
    if (state.yaw === home.yaw) state.yaw = yaw;
    home.yaw = yaw;
    state.shift = [0, 0, 0];
  }

  function reset() {
    Object.assign(state, home, { shift: [0, 0, 0] });
    changed();
  }
  canvas.addEventListener("dblclick", reset);

  // To see `width` by `height` metres about `centre`.
  function look(centre, width, height) {
    const aspect = canvas.width / Math.max(1, canvas.height), half = Math.tan(FIELD / 2);
    const whole = Math.max(height / 2 / half, width / 2 / (half * aspect));
    state.distance = whole * state.zoom;
    state.target = centre.map((value, i) => value + state.shift[i]);
    const { back, right, up } = axes();
    const eye = state.target.map((value, i) => value + state.distance * back[i]);
    eye[1] = Math.max(eye[1], 0.05);
    const view = [
      right[0], up[0], back[0], 0, right[1], up[1], back[1], 0, right[2], up[2], back[2], 0,
      -dot(right, eye), -dot(up, eye), -dot(back, eye), 1,
    ];
    const near = 0.05, far = 150, f = 1 / half;
    const projection = [
      f / aspect, 0, 0, 0, 0, f, 0, 0, 0, 0, -(far + near) / (far - near), -1, 0, 0, (-2 * far * near) / (far - near), 0,
    ];
    return { eye, target: state.target, reach: 6 + 2.2 * state.distance, viewProjection: product(projection, view) };
  }

  return { look, reset, start };
}

function dot(a, b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

function product(a, b) {
  const out = new Float32Array(16);
  for (let c = 0; c < 4; c++)
    for (let r = 0; r < 4; r++) for (let k = 0; k < 4; k++) out[4 * c + r] += a[4 * k + r] * b[4 * c + k];
  return out;
}
