// The sentences of a clip one after another: write, add, remove, drag to another place, drag their ends in time.

import { HUES } from "./clips.js";

const LEAST = 0.5, STEP = 0.5;

export function createTimeline(root, { limits, changed }) {
  let blocks = [], moving = null;
  root.innerHTML = '<div class="tl-strip" aria-hidden="true"></div><div class="tl-list" role="list"></div>' +
    '<div class="tl-foot"><button class="tl-add" type="button">+ Then ...</button><output class="tl-total"></output></div>';
  const strip = root.querySelector(".tl-strip"), list = root.querySelector(".tl-list");

  const total = () => blocks.reduce((sum, block) => sum + block.seconds, 0);
  const rounded = (value) => Math.round(value * 20) / 20;

  function tell() {
    totals();
    changed(blocks.map(({ text, seconds }) => ({ text, seconds })));
  }

  function totals() {
    strip.querySelectorAll(".tl-part").forEach((part, i) => {
      part.style.flexGrow = blocks[i].seconds;
      part.querySelector("span").textContent = `${blocks[i].seconds.toFixed(1)} s`;
    });
    list.querySelectorAll("input").forEach((input, i) => {
      if (input !== document.activeElement) input.value = blocks[i].seconds;
    });
    const over = total() > limits.seconds;
    root.querySelector(".tl-total").textContent = `${total().toFixed(1)} s of ${over ? "at most " : ""}${limits.seconds}`;
    root.classList.toggle("tl-over", over);
    root.querySelector(".tl-add").disabled = blocks.length >= limits.blocks;
  }

  function made(tag, name, properties = {}) {
    const element = Object.assign(document.createElement(tag), properties);
    element.className = name;
    return element;
  }

  function moved(from, to) {
    if (to < 0 || to >= blocks.length) return;
    blocks.splice(to, 0, ...blocks.splice(from, 1));
    draw();
    tell();
    list.children[to].querySelector(".tl-grip").focus();
  }

  function lengthened(i, seconds) {
    blocks[i].seconds = rounded(Math.min(limits.seconds, Math.max(LEAST, seconds || LEAST)));
    tell();
  }

  function row(block, i) {
    const item = made("div", "tl-block");
    item.setAttribute("role", "listitem");
    item.style.setProperty("--hue", HUES[i % HUES.length]);
    const grip = made("button", "tl-grip", { type: "button", title: "Drag to another place, or press up and down", textContent: "⠿" });
    grip.setAttribute("aria-label", `Move sentence ${i + 1}`);
    grip.addEventListener("keydown", (event) => {
      const way = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (!way) return;
      event.preventDefault();
      event.stopPropagation();
      moved(i, i + way);
    });
    grip.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      grip.setPointerCapture(event.pointerId);
      moving = i;
      item.classList.add("tl-moving");
    });
    grip.addEventListener("pointermove", (event) => {
      if (moving !== i) return;
      const boxes = [...list.children].map((child) => child.getBoundingClientRect());
      list.querySelectorAll(".tl-block").forEach((child, k) =>
        child.classList.toggle("tl-target", k !== i && event.clientY > boxes[k].top && event.clientY < boxes[k].bottom));
    });
    const drop = (event) => {
      if (moving !== i) return;
      moving = null;
      item.classList.remove("tl-moving");
      const to = [...list.children].findIndex((child) => {
        const box = child.getBoundingClientRect();
        return event.clientY > box.top && event.clientY < box.bottom;
      });
      list.querySelectorAll(".tl-target").forEach((child) => child.classList.remove("tl-target"));
      if (to >= 0 && to !== i) moved(i, to);
    };
    grip.addEventListener("pointerup", drop);
    grip.addEventListener("pointercancel", drop);

    const text = made("textarea", "tl-text", { value: block.text, rows: 2, maxLength: limits.characters,
      placeholder: i ? "then waves with the left hand" : "a person walks forward" });
    text.setAttribute("aria-label", `Sentence ${i + 1}`);
    text.addEventListener("input", () => { block.text = text.value; tell(); });
    text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) document.querySelector("#mg-generate")?.click();
      else if (event.key === "Enter" && !event.shiftKey) event.preventDefault();
    });

    const time = made("div", "tl-time");
    const input = made("input", "tl-seconds", { type: "number", min: LEAST, max: limits.seconds, step: STEP, value: block.seconds });
    input.setAttribute("aria-label", `Seconds of sentence ${i + 1}`);
    input.addEventListener("change", () => { input.blur(); lengthened(i, Number(input.value)); });
    const less = made("button", "tl-step", { type: "button", textContent: "−", title: "Shorter" });
    const more = made("button", "tl-step", { type: "button", textContent: "+", title: "Longer" });
    less.addEventListener("click", () => lengthened(i, block.seconds - STEP));
    more.addEventListener("click", () => lengthened(i, block.seconds + STEP));
    time.append(less, input, made("span", "tl-unit", { textContent: "s" }), more);

    const away = made("button", "tl-away", { type: "button", textContent: "×", title: "Remove", disabled: blocks.length < 2 });
    away.setAttribute("aria-label", `Remove sentence ${i + 1}`);
    away.addEventListener("click", () => { blocks.splice(i, 1); draw(); tell(); });
    item.append(grip, text, time, away);
    return item;
  }

  // A piece of the strip; its right edge is dragged in time.
  function part(block, i) {
    const piece = made("div", "tl-part");
    piece.style.setProperty("--hue", HUES[i % HUES.length]);
    piece.append(made("span", ""), made("i", "tl-edge", { title: "Drag to make it longer or shorter" }));
    const edge = piece.querySelector("i");
    let from = null;
    edge.addEventListener("pointerdown", (event) => {
      edge.setPointerCapture(event.pointerId);
      from = [event.clientX, block.seconds, total() / strip.clientWidth];
    });
    edge.addEventListener("pointermove", (event) => {
      if (from) lengthened(i, Math.round((from[1] + (event.clientX - from[0]) * from[2]) * 10) / 10);
    });
    edge.addEventListener("pointerup", () => (from = null));
    edge.addEventListener("pointercancel", () => (from = null));
    return piece;
  }

  function draw() {
    strip.replaceChildren(...blocks.map(part));
    list.replaceChildren(...blocks.map(row));
    totals();
  }

  root.querySelector(".tl-add").addEventListener("click", () => {
    blocks.push({ text: "", seconds: 3 });
    draw();
    tell();
    list.lastElementChild.querySelector("textarea").focus();
  });

  function set(given) {
    blocks = given.map(({ text, seconds }) => ({ text, seconds }));
    draw();
  }

  return { set };
}
