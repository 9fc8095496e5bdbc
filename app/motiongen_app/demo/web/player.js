// Plays clips in a viewer: time, camera, buttons, keys. `show(url)` brings the skeleton first, then the skin.

import { createStage } from "./stage.js";
import { createCamera } from "./camera.js";
import { HUES, bonesAt, capsulesAt, contactDots, jointsAt, readClips, readSkin, ribbon } from "./clips.js";

const LOOKS = ["body", "skeleton", "both"], SPEEDS = [1, 0.5, 0.25, 2];
const THEMES = {
  light: { background: [0.91, 0.93, 0.95], ground: [0.85, 0.875, 0.905], line: [0.74, 0.775, 0.82], shadow: [0.1, 0.14, 0.2, 0.3] },
  dark: { background: [0.078, 0.094, 0.122], ground: [0.125, 0.145, 0.18], line: [0.2, 0.235, 0.29], shadow: [0, 0, 0, 0.45] },
};

export function createPlayer(root) {
  const find = (selector) => root.querySelector(selector), canvas = find("canvas");
  const wait = find(".wait span"), track = find(".track"), labels = find(".labels"), caption = find(".caption");
  let stage;
  try {
    stage = createStage(canvas);
  } catch (error) {
    wait.textContent = error.message;
    return { show() {}, key: () => false };
  }
  let scene = null, body = null, time = 0, passed = 0, playing = false, speed = 0, look = "body", dirty = true, last = 0, asked = 0;
  const on = { follow: true, path: true };
  const camera = createCamera(canvas, () => (dirty = true));
  const centre = [0, 0.9, 0];

  async function show(url) {
    const turn = ++asked;
    wait.textContent = "loading ...";
    try {
      const told = await fetched(`${url}/joints`);
      if (turn !== asked) return;
      body = null;
      stage.setSkin(null);
      scene = readClips(told);
      scene.ribbons = scene.clips.map((clip) => ribbon(clip, scene.segments));
      time = 0;
      if (scene.clips.length > 1) labels.replaceChildren(...scene.clips.map((clip) => text("span", clip.label)));
      else labels.replaceChildren();
      marked();
      camera.start(scene.clips.length > 1 ? 0.2 : 0.5);
      playing = !matchMedia("(prefers-reduced-motion: reduce)").matches;
      state("skeleton");
      middle(0, 1);
      wait.textContent = "dressing ...";
      const skin = readSkin(await fetched(`${url}/skin`));
      if (turn !== asked) return;
      stage.setSkin(skin.skin);
      body = skin;
      wait.textContent = "";
      root.dataset.shown = url;
      state("body");
    } catch (error) {
      if (turn === asked) wait.textContent = error.message;
    }
  }

  async function fetched(url) {
    const response = await fetch(url);
    if (!response.ok) throw new Error("This result is no longer kept; generate it again.");
    return response.json();
  }

  function text(tag, content) {
    const made = document.createElement(tag);
    made.textContent = content;
    return made;
  }

  function state(name) {
    root.dataset.state = name;
    root.classList.toggle("playing", playing);
    dirty = true;
  }

  const seconds = () => (scene ? (scene.frames - 1) / scene.fps : 0);

  function marked() {
    find(".parts").replaceChildren(...scene.segments.map((segment, i) => {
      const part = text("div", segment.text);
      part.title = segment.text;
      part.style.flex = `${segment.stop - segment.start} 1 0`;
      part.style.setProperty("--hue", HUES[i % HUES.length]);
      return part;
    }));
    track.setAttribute("aria-valuemax", seconds().toFixed(2));
  }

  // The point between all figures; it lags a little, so that steps do not shake the picture.
  function middle(frame, share) {
    const sum = [0, 0, 0];
    for (const clip of scene.clips) {
      const joints = jointsAt(clip, frame);
      for (let i = 0; i < 3; i++) sum[i] += (joints[i] + clip.offset[i]) / scene.clips.length;
    }
    sum[1] = scene.tall / 2;
    for (let i = 0; i < 3; i++) centre[i] += (sum[i] - centre[i]) * share;
  }

  function framing(frame) {
    const many = (scene.clips.length - 1) * scene.apart;
    if (on.follow) {
      middle(frame, playing ? 1 - Math.exp(-6 * passed) : 1);
      return uncovered(centre, 1.7 + 0.9 * many, scene.tall + 0.3 + 0.1 * many);
    }
    const low = [Infinity, Infinity], high = [-Infinity, -Infinity];
    for (const clip of scene.clips)
      for (let f = 0; f < clip.frames; f++)
        [0, 2].forEach((axis, i) => {
          const value = clip.joints[66 * f + axis] + clip.offset[axis];
          low[i] = Math.min(low[i], value);
          high[i] = Math.max(high[i], value);
        });
    const width = Math.hypot(high[0] - low[0], high[1] - low[1]);
    return uncovered([(low[0] + high[0]) / 2, scene.tall / 2, (low[1] + high[1]) / 2], width + 1.6, scene.tall + 0.3 + 0.35 * width);
  }

  // People stand above the bar; where it is narrow the sentence stands above it too.
  function uncovered([x, y, z], width, height) {
    const covered = (root.clientWidth < 560 ? 104 : 60) / Math.max(300, root.clientHeight);
    const whole = height / (1 - covered);
    return [[x, y - (covered * whole) / 2, z], width, whole];
  }

  function draw() {
    const dark = document.body.classList.contains("dark");
    root.classList.toggle("dark", dark);
    const frame = Math.min(time * scene.fps, scene.frames - 1);
    const view = camera.look(...framing(frame));
    const shown = body ? look : "skeleton";
    const figures = scene.clips.map((clip, i) => ({
      offset: clip.offset,
      body: shown !== "skeleton",
      bones: body ? bonesAt(clip, body.moves[i], body.rest, Math.min(frame, clip.frames - 1)) : null,
      // Inside the body the skeleton would be hidden: it stands beside it.
      capsules: shown === "body" ? null : capsulesAt(clip, Math.min(frame, clip.frames - 1), scene.parents, scene.sides, 1),
    }));
    if (shown === "both") figures.push(...figures.map((f) => ({ ...f, bones: null, offset: [f.offset[0] - 0.9, 0, f.offset[2]] })));
    if (shown === "both") figures.slice(0, scene.clips.length).forEach((f) => (f.capsules = null));
    const marks = !on.path ? [] : scene.clips.flatMap((clip, i) => [
      { data: scene.ribbons[i], offset: clip.offset, now: frame }, { data: contactDots(clip, frame), offset: clip.offset, now: frame },
    ]);
    stage.draw({ ...view, theme: THEMES[dark ? "dark" : "light"], figures, marks });
    const share = seconds() ? time / seconds() : 0;
    find(".head").style.left = `${100 * share}%`;
    find(".time").textContent = `${time.toFixed(1)} / ${seconds().toFixed(1)} s`;
    track.setAttribute("aria-valuenow", time.toFixed(2));
    const now = scene.segments.findIndex((s) => frame >= s.start && frame < s.stop);
    caption.textContent = now < 0 ? "" : scene.segments[now].text;
    caption.style.setProperty("--hue", HUES[Math.max(0, now) % HUES.length]);
    [...labels.children].forEach((label, i) => {
      const j = jointsAt(scene.clips[i], frame);
      const at = [j[45] + scene.clips[i].offset[0], j[46] + 0.32, j[47] + scene.clips[i].offset[2], 1], m = view.viewProjection;
      const [x, y, , w] = [0, 1, 2, 3].map((r) => at.reduce((sum, v, c) => sum + m[4 * c + r] * v, 0));
      label.style.left = `${(0.5 + x / w / 2) * 100}%`;
      label.style.top = `${(0.5 - y / w / 2) * 100}%`;
    });
    // What is drawn, for those who look at the page from outside.
    Object.assign(root.dataset, { frame: Math.round(frame), look: shown });
  }

  function tick(now) {
    if (!root.isConnected) return;
    passed = Math.min(0.25, (now - last) / 1000);
    last = now;
    const ratio = Math.min(2, devicePixelRatio || 1);
    const size = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
    if (size[0] && (canvas.width !== size[0] || canvas.height !== size[1])) {
      [canvas.width, canvas.height] = size;
      dirty = true;
    }
    if (scene && playing) {
      time += passed * SPEEDS[speed];
      if (time > seconds()) time = 0;
    }
    if (scene && size[0] && (playing || dirty)) {
      dirty = false;
      draw();
    }
    requestAnimationFrame(tick);
  }

  function seek(to, still = true) {
    time = Math.min(seconds(), Math.max(0, to));
    if (still) playing = false;
    state(root.dataset.state);
  }

  function chosen() {
    root.querySelectorAll("[data-look]").forEach((b) => b.setAttribute("aria-pressed", b.dataset.look === look));
    root.querySelectorAll("[data-switch]").forEach((b) => b.setAttribute("aria-pressed", on[b.dataset.switch]));
    dirty = true;
  }

  const acts = {
    play: () => { playing = !playing; state(root.dataset.state); },
    speed: () => { speed = (speed + 1) % SPEEDS.length; find('[data-act="speed"]').textContent = `${SPEEDS[speed]}x`; },
    reset: () => camera.reset(),
    full: () => (document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen()),
  };

  root.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.look) look = button.dataset.look;
    if (button.dataset.switch) on[button.dataset.switch] = !on[button.dataset.switch];
    acts[button.dataset.act]?.();
    chosen();
  });
  const scrub = (event) => {
    const box = track.getBoundingClientRect();
    seek(((event.clientX - box.left) / box.width) * seconds());
  };
  track.addEventListener("pointerdown", (event) => { track.setPointerCapture(event.pointerId); scrub(event); });
  track.addEventListener("pointermove", (event) => { if (event.buttons) scrub(event); });

  // Returns whether the key meant something here.
  function key(event) {
    if (!scene || event.ctrlKey || event.metaKey || event.altKey) return false;
    const step = (event.shiftKey ? 10 : 1) / scene.fps;
    const does = {
      " ": acts.play, ArrowLeft: () => seek(time - step), ArrowRight: () => seek(time + step),
      Home: () => seek(0), End: () => seek(seconds()), b: () => (look = LOOKS[(LOOKS.indexOf(look) + 1) % 3]),
      f: () => (on.follow = !on.follow), p: () => (on.path = !on.path), r: acts.reset,
    }[event.key];
    if (!does) return false;
    does();
    chosen();
    return true;
  }

  chosen();
  requestAnimationFrame(tick);
  return { show, key };
}
