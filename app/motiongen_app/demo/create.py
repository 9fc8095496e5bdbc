"""The tab on which clips are made: a timeline of sentences, the view, and a card for each clip."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import gradio as gr

from motiongen.body import shapes
from motiongen.diffusion.sampling import SCHEDULERS
from motiongen_app.demo import wish as limits
from motiongen_app.demo.cards import cards, notice
from motiongen_app.demo.jobs import Studio
from motiongen_app.demo.parts import MODEL, address, page_of, reporter, told_plainly, view
from motiongen_app.demo.results import Result
from motiongen_app.demo.wish import Wish, read_blocks, read_wish
from motiongen_app.errors import InputError
from motiongen_app.settings import MAX_SEED

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
        works: list[Any] = [
            generate.click(self.on_generate, inputs, outputs, **shared),
            made.click(self.on_card, inputs, outputs, **shared),
        ]
        cancel.click(self.on_cancel, None, [status], cancels=works, queue=False, api_visibility="private")
        at_once: dict[str, Any] = {"queue": False, "api_visibility": "private", "show_progress": "hidden"}
        blocks.load(self.on_load, [self.last], [*outputs[:3], self.timeline, status], **at_once)

    def _settings(self) -> dict[str, Any]:
        with gr.Accordion("More options", open=False, elem_id="mg-more"):
            with gr.Row():
                seed = gr.Number(7, label="Seed", precision=0, minimum=0, maximum=MAX_SEED, min_width=90, scale=2)
                self.lock = gr.Checkbox(False, label="Lock", info="else each go has its own", min_width=90)
                dice = gr.Button("Roll", min_width=44, scale=0, elem_id="mg-dice")
            with gr.Row():
                samples = gr.Slider(1, limits.MAX_SAMPLES, 1, step=1, label="Samples", min_width=140)
                best_of = gr.Slider(
                    1, limits.MAX_BEST_OF, 1, step=1, label="Best of", min_width=140, info="keeps the best fit"
                )
            with gr.Row():
                steps = gr.Slider(2, limits.MAX_STEPS, 20, step=1, label="Steps", min_width=140)
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
        roll = "() => [Math.floor(Math.random() * 100000), true]"
        dice.click(None, None, [seed, self.lock], js=roll, api_visibility="private")
        return {
            "seed": seed, "samples": samples, "best_of": best_of, "steps": steps, "guidance": guidance, "shape": shape,
            "scheduler": scheduler, "loop": loop, "in_place": in_place, "clean_feet": clean_feet,
        }  # fmt: skip

    def _wish(self, given: dict[Any, Any]) -> Wish:
        """What the page asks for. Raises: InputError: it cannot be read."""
        texts, seconds = read_blocks(given[self.timeline])
        settings = {name: given[part] for name, part in self.settings.items()}
        return read_wish(texts, seconds, self.studio.default, **settings)

    @told_plainly(_OUTPUTS)
    def on_generate(self, given: dict[Any, Any], request: gr.Request, progress: gr.Progress = gr.Progress()) -> Any:  # noqa: B008
        wish = self._wish(given)
        if not given[self.lock]:
            wish = replace(wish, seed=random.randrange(100_000))
        return self._made(self.studio.generate(wish, page_of(request, "create"), reporter(progress)), seed=wish.seed)

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
        page, report = page_of(request, "create"), reporter(progress)
        if act == "mp4":
            self.studio.video(result, number, page, report)
            return (
                gr.skip(),
                cards(result, self.base),
                *(gr.skip() for _ in range(3)),
                notice("The video is ready.", "good"),
            )
        if act == "redo":
            seed = random.randrange(100_000)
            return self._made(self.studio.regenerate(result, number, block, seed, page, progress=report))
        if act == "more":
            return self._made(self.studio.more(result, number, page, report))
        raise InputError("this button means nothing; reload the page")

    def on_cancel(self, request: gr.Request) -> str:
        self.studio.stops.stop(page_of(request, "create"))
        return notice("Stopped.")

    def on_load(self, last: Any) -> tuple[Any, ...]:
        """What the page showed before it was loaded anew, else the welcome."""
        kept = self.studio.results.get(last)
        result = kept or self.studio.results.welcome
        if result is None:
            return (gr.skip(),) * 5
        told = result.clips[0].recipe
        line = json.dumps([{"text": t, "seconds": s} for t, s in zip(told.texts, told.seconds)])
        said = "Your last clips." if kept else "An example. Write sentences of your own, then press Generate."
        return (*self._made(result)[:3], line, notice(said))

    def _made(self, result: Result, seed: int | None = None) -> tuple[Any, ...]:
        count, first = len(result.clips), result.clips[0].motion
        said = f"{count} clip{'s' * (count > 1)} of {first.seconds:.1f} s, made in {result.seconds:.1f} s"
        return (
            address(result, self.base), cards(result, self.base), result.token, result.token,
            gr.skip() if seed is None else seed, notice(said, "good"),
        )  # fmt: skip


def _timeline(base: str) -> gr.HTML:
    """The sentences, with examples that replace them."""
    examples = [[{"text": t, "seconds": s} for t, s in zip(texts, seconds)] for _, texts, seconds in EXAMPLES]
    chips = "".join(
        f'<button class="mg-example" type="button" data-index="{i}">{name}</button>'
        for i, (name, *_) in enumerate(EXAMPLES)
    )
    told = {"blocks": limits.MAX_BLOCKS, "seconds": limits.MAX_SECONDS, "characters": limits.MAX_CHARACTERS}
    return gr.HTML(
        json.dumps(examples[0]),
        html_template=f'<div class="tl"></div><div id="mg-examples"><span>Try</span>{chips}</div>',
        js_on_load=_TIMELINE_JS,
        apply_default_css=False,
        elem_id="mg-timeline",
        base=base,
        limits=told,
        examples=examples,
    )
