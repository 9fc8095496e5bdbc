"""The demo's page: a timeline of sentences, the view, and cards of what was made."""

from __future__ import annotations

import functools
import json
import logging
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gradio as gr
import torch

from motiongen.body import shapes
from motiongen.diffusion.sampling import SCHEDULERS
from motiongen.motion import MotionError
from motiongen_app import demo_jobs as jobs
from motiongen_app.demo_cards import cards, notice
from motiongen_app.demo_jobs import Cancelled, Studio, Wish, read_blocks
from motiongen_app.demo_results import Result
from motiongen_app.errors import InputError
from motiongen_app.settings import MAX_SEED
from motiongen_app.viewer import web_file

log = logging.getLogger("motiongen.demo")

# Name, sentences, seconds. The first is what the page shows at the beginning.
EXAMPLES: tuple[tuple[str, tuple[str, ...], tuple[float, ...]], ...] = (
    ("Walk, turn, wave", ("a person walks forward", "he turns left", "he waves with the right hand"), (3.0, 2.0, 3.0)),
    ("An elderly walk", ("an elderly person walks forward",), (5.0,)),
    ("A run", ("a person runs forward",), (3.0,)),
    ("Punch, then kick", ("a person punches", "he kicks"), (2.5, 2.5)),
    ("A dance", ("a person dances",), (6.0,)),
    ("A bow", ("a person bows",), (3.0,)),
    ("A happy walk", ("a happy person walks forward and turns right",), (5.0,)),
)
# One piece of work at a time: two at once on the same processors take as long and keep both waiting.
MODEL = {"concurrency_id": "model", "concurrency_limit": 1}

_TIMELINE_JS = """
import(`${props.base}/motiongen/web/timeline.js`).then(({ createTimeline }) => {
  const told = (value) => (typeof value === "string" ? JSON.parse(value) : value);
  let own = props.value;
  const keep = (blocks) => { props.value = own = JSON.stringify(blocks); };
  const line = createTimeline(element.querySelector(".tl"), { limits: props.limits, changed: keep });
  line.set(told(props.value));
  element.querySelectorAll(".mg-example").forEach((chip) => chip.addEventListener("click", () => {
    const blocks = props.examples[Number(chip.dataset.index)];
    keep(blocks);
    line.set(blocks);
  }));
  watch("value", () => { if (props.value !== own) line.set(told((own = props.value))); });
});
"""
_VIEW_JS = """
import(`${props.base}/motiongen/web/player.js`).then(({ createPlayer }) => {
  const player = createPlayer(element.querySelector(".viewer"));
  let shown = "";
  const show = () => {
    if (props.value && props.value !== shown) player.show((shown = props.value));
  };
  show();
  watch("value", show);
  // Keys reach the view from anywhere but fields in which they mean something else.
  document.addEventListener("keydown", (event) => {
    const at = event.target;
    if (!element.offsetParent || event.defaultPrevented || at.isContentEditable) return;
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName) || (at.tagName === "BUTTON" && event.key === " ")) return;
    if (at.closest("[role=listbox], [role=tablist]")) return;
    if (player.key(event)) event.preventDefault();
  });
});
"""
_CARDS_JS = """
element.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.copy !== undefined) {
    const was = button.textContent;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "Copied";
    } catch {
      window.prompt("Copy this:", button.dataset.copy);
    }
    setTimeout(() => (button.textContent = was), 1500);
  } else if (button.dataset.act) trigger("click", { ...button.dataset });
});
"""


def theme() -> gr.themes.Base:
    """Gradio's plain theme with fonts that every system has: others would be fetched."""
    fonts = ["system-ui", "sans-serif"]
    base = gr.themes.Base(
        primary_hue="blue", neutral_hue="slate", radius_size="lg", font=fonts, font_mono=["monospace"]
    )
    return base.set(
        button_primary_background_fill="#2f6fe4", button_primary_background_fill_hover="#4f8ef7",
        button_primary_text_color="#ffffff", body_background_fill="#f7f9fb", body_background_fill_dark="#0f131a",
    )  # fmt: skip


def view(base: str, value: str | None = None) -> gr.HTML:
    """The 3-D view; its value is the address of a result."""
    template = f'<div class="mg-mount">{web_file("viewer.html")}</div>'
    return gr.HTML(value, html_template=template, js_on_load=_VIEW_JS, apply_default_css=False, base=base)


def address(result: Result, base: str) -> str:
    return f"{base}/motiongen/results/{result.token}"


def told_plainly(outputs: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Makes an event's function tell what went wrong in its last output, the notice, and leave all others alone.

    Only messages that are meant for users reach the page; the log has the rest.
    """

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def told(*args: Any, **named: Any) -> Any:
            try:
                return function(*args, **named)
            except Exception as error:
                said = notice(*explained(error))
                return said if outputs == 1 else (*(gr.skip() for _ in range(outputs - 1)), said)

        return told

    return wrap


def explained(error: Exception) -> tuple[str, str]:
    """What a page says of an error, and of which kind the notice is."""
    if isinstance(error, Cancelled):
        return "Stopped.", "info"
    if isinstance(error, (InputError, MotionError)):
        return str(error), "error"
    if isinstance(error, torch.cuda.OutOfMemoryError):
        return "This does not fit into the device's memory; ask for fewer samples or seconds.", "error"
    log.error("the demo failed", exc_info=error)
    return "Something went wrong in the program; its log says what. Please try again.", "error"


def reporter(progress: gr.Progress) -> jobs.Progress:
    return lambda share, text: progress(share, desc=text)


def page_of(request: gr.Request) -> str:
    return str(request.session_hash)


def build(studio: Studio, base: str, tabs: Any, api: Any) -> gr.Blocks:
    """The whole page.

    Args:
        base: path of the page on its server, without a slash at its end.
        tabs, api: the modules of the further tabs and of the named interface, which themselves stand on this one.
    """

    def leave(request: gr.Request) -> None:
        studio.stops.stop(page_of(request))

    with gr.Blocks(title="motiongen", analytics_enabled=False, fill_width=True, delete_cache=(600, 3600)) as blocks:
        gr.HTML("<b>motiongen</b><span>Say what a person does, and watch it.</span>", elem_id="mg-top")
        with gr.Tabs():
            with gr.Tab("Create"):
                Create(studio, base).build(blocks)
            with gr.Tab("Batch"):
                tabs.batch_tab(studio, base)
            with gr.Tab("Compare"):
                tabs.compare_tab(studio, base)
            with gr.Tab("Doctor"):
                tabs.doctor_tab()
        api.add_api(studio, base)
        blocks.unload(leave)
    return blocks


class Create:
    """The tab on which clips are made."""

    _OUTPUTS = 6

    def __init__(self, studio: Studio, base: str) -> None:
        self.studio, self.base = studio, base

    def build(self, blocks: gr.Blocks) -> None:
        """Lay the tab out and connect it."""
        with gr.Row(elem_id="mg-create"):
            with gr.Column(scale=5, elem_id="mg-left"):
                self.timeline = _timeline(self.base)
                with gr.Row(elem_id="mg-go"):
                    generate = gr.Button("Generate", variant="primary", elem_id="mg-generate", scale=4)
                    cancel = gr.Button("Cancel", elem_id="mg-cancel", scale=1)
                status = gr.HTML("", elem_id="mg-status")
                self.settings = self._settings()
            with gr.Column(scale=8, elem_id="mg-right"):
                shown = view(self.base)
        made = gr.HTML("", js_on_load=_CARDS_JS, apply_default_css=False, elem_id="mg-made")
        self.current = gr.State(None)
        self.last = gr.BrowserState(None, storage_key="motiongen-last")
        outputs = [shown, made, self.current, self.last, self.settings["seed"], status]
        assert len(outputs) == self._OUTPUTS
        inputs = {self.timeline, self.current, self.lock, *self.settings.values()}
        shared: dict[str, Any] = {"api_visibility": "private", "show_progress_on": [status], **MODEL}
        works = [
            generate.click(self.on_generate, inputs, outputs, **shared),
            made.click(self.on_card, inputs, outputs, **shared),
        ]
        cancel.click(self.on_cancel, None, [status], cancels=works, queue=False, api_visibility="private")
        at_once: dict[str, Any] = {"queue": False, "api_visibility": "private", "show_progress": "hidden"}
        blocks.load(self.on_load, [self.last], [*outputs[:3], self.timeline], **at_once)

    def _settings(self) -> dict[str, Any]:
        with gr.Accordion("More options", open=False, elem_id="mg-more"):
            with gr.Row():
                seed = gr.Number(7, label="Seed", precision=0, minimum=0, maximum=MAX_SEED, min_width=90, scale=2)
                self.lock = gr.Checkbox(False, label="Keep it", info="else each go has a new one", min_width=90)
                dice = gr.Button("Roll", min_width=44, scale=0, elem_id="mg-dice")
            with gr.Row():
                samples = gr.Slider(1, jobs.MAX_SAMPLES, 1, step=1, label="Samples", min_width=140)
                best_of = gr.Slider(
                    1, jobs.MAX_BEST_OF, 1, step=1, label="Best of", min_width=140, info="keeps what fits the text best"
                )
            with gr.Row():
                steps = gr.Slider(2, jobs.MAX_STEPS, 20, step=1, label="Steps", min_width=140)
                guidance = gr.Slider(
                    0, 10, 2.5, step=0.1, label="Guidance", min_width=140, info="how much the text counts"
                )
            with gr.Row():
                shape = gr.Dropdown(list(shapes.names()), value="neutral", label="Body shape", min_width=140)
                scheduler = gr.Dropdown(list(SCHEDULERS), value="ddim", label="Scheduler", min_width=140)
            with gr.Row():
                loop = gr.Checkbox(False, label="Loop", min_width=90)
                in_place = gr.Checkbox(False, label="In place", min_width=90)
                clean_feet = gr.Checkbox(True, label="Clean feet", min_width=90)
        dice.click(
            None,
            None,
            [seed, self.lock],
            js="() => [Math.floor(Math.random() * 100000), true]",
            api_visibility="private",
        )
        return {
            "seed": seed, "samples": samples, "best_of": best_of, "steps": steps, "guidance": guidance, "shape": shape,
            "scheduler": scheduler, "loop": loop, "in_place": in_place, "clean_feet": clean_feet,
        }  # fmt: skip

    def _wish(self, given: dict[Any, Any]) -> Wish:
        """What the page asks for. Raises: InputError: it cannot be read."""
        texts, seconds = read_blocks(given[self.timeline])
        return read_wish(texts, seconds, self.studio, **{name: given[part] for name, part in self.settings.items()})

    @told_plainly(_OUTPUTS)
    def on_generate(self, given: dict[Any, Any], request: gr.Request, progress: gr.Progress = gr.Progress()) -> Any:  # noqa: B008
        wish = self._wish(given)
        if not given[self.lock]:
            wish = replace(wish, seed=random.randrange(100_000))
        return self._made(self.studio.generate(wish, page_of(request), reporter(progress)), seed=wish.seed)

    @told_plainly(_OUTPUTS)
    def on_card(
        self,
        given: dict[Any, Any],
        event: gr.EventData,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> Any:
        """What a button on a card asks for."""
        result = self.studio.results.get(given[self.current])
        if result is None:
            raise InputError("this result is no longer kept; generate it again")
        told = event._data if isinstance(event._data, dict) else {}
        try:
            act, number, block = str(told["act"]), int(told["clip"]), int(told.get("block", 0))
        except (KeyError, TypeError, ValueError):
            raise InputError("this button means nothing; reload the page") from None
        page, report = page_of(request), reporter(progress)
        if act == "mp4":
            self.studio.video(result, number, page, report)
            return (
                gr.skip(),
                cards(result, self.base),
                *(gr.skip() for _ in range(3)),
                notice("The video is ready.", "good"),
            )
        if act == "redo":
            progress(0.3, desc="making this sentence anew")
            return self._made(self.studio.regenerate(result, number, block, random.randrange(100_000), page))
        if act == "more":
            return self._made(self.studio.more(result, number, page, report))
        raise InputError("this button means nothing; reload the page")

    def on_cancel(self, request: gr.Request) -> str:
        self.studio.stops.stop(page_of(request))
        return notice("Stopped.")

    def on_load(self, last: Any) -> tuple[Any, ...]:
        """What the page showed before it was loaded anew, else the welcome."""
        result = self.studio.results.get(last) or self.studio.results.welcome
        if result is None:
            return (gr.skip(),) * 4
        told = result.clips[0].recipe
        line = json.dumps([{"text": t, "seconds": s} for t, s in zip(told.texts, told.seconds)])
        return (*self._made(result)[:3], line)

    def _made(self, result: Result, seed: int | None = None) -> tuple[Any, ...]:
        count, first = len(result.clips), result.clips[0].motion
        said = f"{count} clip{'s' * (count > 1)} of {first.seconds:.1f} s, made in {result.seconds:.1f} s"
        return (
            address(result, self.base), cards(result, self.base), result.token, result.token,
            gr.skip() if seed is None else seed, notice(said, "good"),
        )  # fmt: skip


def read_wish(texts: tuple[str, ...], seconds: tuple[float, ...], studio: Studio, **given: Any) -> Wish:
    """A wish from what came over the network, where a number may be anything.

    Raises:
        InputError: a value is not of its kind; what is out of range `Wish.check` says.
    """
    kinds: dict[str, type] = {
        "seed": int, "samples": int, "steps": int, "best_of": int, "guidance": float, "shape": str, "scheduler": str,
        "loop": bool, "in_place": bool, "clean_feet": bool, "pipeline": str,
    }  # fmt: skip
    values: dict[str, Any] = {"pipeline": studio.default}
    for name, value in given.items():
        try:
            values[name] = kinds[name](value)
        except (TypeError, ValueError, OverflowError):
            raise InputError(f"{name.replace('_', ' ')} is not a number; give one") from None
    wish = Wish(texts, seconds, **values)
    wish.check()
    return wish


def _timeline(base: str) -> gr.HTML:
    """The sentences, with examples that replace them."""
    examples = [[{"text": t, "seconds": s} for t, s in zip(texts, seconds)] for _, texts, seconds in EXAMPLES]
    chips = "".join(
        f'<button class="mg-example" type="button" data-index="{i}">{name}</button>'
        for i, (name, *_) in enumerate(EXAMPLES)
    )
    limits = {"blocks": jobs.MAX_BLOCKS, "seconds": jobs.MAX_SECONDS, "characters": jobs.MAX_CHARACTERS}
    return gr.HTML(
        json.dumps(examples[0]),
        html_template=f'<div class="tl"></div><div id="mg-examples">{chips}</div>',
        js_on_load=_TIMELINE_JS,
        apply_default_css=False,
        elem_id="mg-timeline",
        base=base,
        limits=limits,
        examples=examples,
    )
