"""What all tabs of the demo's page share: the look, the 3-D view, and how events speak to people."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

import gradio as gr
import torch

from motiongen.motion import MotionError
from motiongen_app.demo.cards import notice
from motiongen_app.demo.jobs import Cancelled, Progress
from motiongen_app.demo.results import Result
from motiongen_app.demo.viewer import web_file
from motiongen_app.errors import InputError

log = logging.getLogger("motiongen.demo")

# All that the pipeline is asked for; who waits in `Studio`'s own queue is told the place in words.
MODEL: dict[str, Any] = {"concurrency_id": "model", "concurrency_limit": 24}

_KEYS = (
    '<p class="mg-keys"><kbd>space</kbd> plays, <kbd>←</kbd> <kbd>→</kbd> step, <kbd>B</kbd> body or skeleton, '
    "<kbd>F</kbd> follow; drag to turn, wheel or pinch to come nearer</p>"
)
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
    template = f'<div class="mg-mount">{web_file("viewer.html")}</div>{_KEYS}'
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


def reporter(progress: gr.Progress) -> Progress:
    return lambda share, text: progress(share, desc=text)


def page_of(request: gr.Request, tab: str = "") -> str:
    """The page that asks, or its tab: what is stopped with one does not stop with another."""
    return f"{request.session_hash}/{tab}" if tab else str(request.session_hash)
