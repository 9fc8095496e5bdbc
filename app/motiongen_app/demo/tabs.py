"""The demo's other tabs: many sentences from a file, two settings side by side, and the state of the installation."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from motiongen.diffusion.sampling import SCHEDULERS
from motiongen.export import EXPORTERS
from motiongen_app.demo import wish as limits
from motiongen_app.demo.batch import ENDINGS, MAX_BATCH_WORK, MAX_BYTES, MAX_LINES, read_batch
from motiongen_app.demo.cards import cards, notice
from motiongen_app.demo.jobs import Studio
from motiongen_app.demo.parts import MODEL, address, page_of, reporter, told_plainly, view
from motiongen_app.demo.results import Result
from motiongen_app.demo.wish import Wish, read_blocks, read_wish
from motiongen_app.errors import InputError

_FORMATS = [name for name in EXPORTERS if name != "mdm"]
# What a page that was loaded again shows when its tab is: a tab that was never shown has no parts to fill.
_AT_ONCE: dict[str, Any] = {"queue": False, "api_visibility": "private", "show_progress": "hidden"}


def batch_tab(studio: Studio, base: str, tab: gr.Tab) -> None:
    """Many sentences from a file, all clips in one ZIP."""
    gr.Markdown(
        f"One sentence a line (**txt**), or `sentence#seconds`; or columns `text`, `seconds`, `seed` (**csv**); "
        f"or such objects (**jsonl**). Up to {MAX_LINES} clips, {MAX_BATCH_WORK:g} seconds of motion in all and "
        f"{MAX_BYTES // 1024} kB; more with the command line."
    )
    with gr.Row():
        # Not gr.File: its link to the file would tell where this machine keeps it.
        upload = gr.UploadButton("Choose a file of sentences", file_types=list(ENDINGS), elem_id="mg-upload")
        with gr.Column():
            seconds = gr.Slider(0.5, limits.MAX_SECONDS, 4, step=0.5, label="Seconds, where the file gives none")
            seed = gr.Number(7, label="Seed of the first", precision=0, minimum=0)
            formats = gr.CheckboxGroup(_FORMATS, value=["npz", "glb"], label="Formats")
    with gr.Row():
        go = gr.Button("Make all", variant="primary", elem_id="mg-batch-go", scale=4)
        cancel = gr.Button("Cancel", scale=1)
    status = gr.HTML("", elem_id="mg-batch-status")
    last = gr.BrowserState(None, storage_key="motiongen-last-batch")

    @told_plainly(2)
    def on_batch(
        path: str | None, each: Any, first: Any, wanted: list[str], request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[str, str]:  # fmt: skip
        if not path:
            raise InputError("there is no file; choose a txt, csv or jsonl")
        if not wanted or not set(wanted) <= set(_FORMATS):
            raise InputError("no format is chosen; choose at least one")
        template = read_wish(("x",), (float(each or 0),), studio.default, seed=first)
        wishes = read_batch(Path(path), template)
        result = studio.batch(wishes, tuple(wanted), page_of(request, "batch"), reporter(progress))
        return result.token, made(result)

    def made(result: Result) -> str:
        link = f"{address(result, base)}/all.zip"
        return (
            notice(f"{len(result.clips)} clips made in {result.seconds:.0f} s", "good")
            + f'<a class="mg-all" href="{link}" download>Download the ZIP</a>'
        )

    def on_select(token: Any, said: Any) -> Any:
        result = None if said else studio.results.get(token)
        return gr.skip() if result is None else made(result)

    @told_plainly(1)
    def on_upload(path: str) -> str:
        count = len(read_batch(Path(path), Wish(("x",), (4.0,))))
        return notice(f"{Path(path).name} is here: {count} clip{'s' * (count > 1)} to make.", "good")

    upload.upload(on_upload, [upload], [status], api_visibility="private")
    shared: dict[str, Any] = {"api_visibility": "private", "show_progress_on": [status], **MODEL}
    work = go.click(on_batch, [upload, seconds, seed, formats], [last, status], **shared)
    _cancelling(cancel, studio, "batch", work, status)
    tab.select(on_select, [last, status], [status], **_AT_ONCE)


def compare_tab(studio: Studio, base: str, tab: gr.Tab) -> None:
    """One sentence, one seed, two settings."""
    with gr.Row():
        text = gr.Textbox(
            "a person walks forward and turns left", label="Sentence", max_length=limits.MAX_CHARACTERS, scale=4
        )
        seconds = gr.Slider(0.5, 20, 5, step=0.5, label="Seconds", min_width=120)
        seed = gr.Number(7, label="Seed of both", precision=0, minimum=0, min_width=100)
    with gr.Row():
        first, second = _side("A", studio, 20, 2.5), _side("B", studio, 20, 1.0)
    with gr.Row():
        go = gr.Button("Compare", variant="primary", elem_id="mg-compare-go", scale=4)
        cancel = gr.Button("Cancel", scale=1)
    status = gr.HTML("", elem_id="mg-compare-status")
    with gr.Column(elem_id="mg-compare"):
        shown = view(base)
    made = gr.HTML("", apply_default_css=False, elem_id="mg-compare-made")
    last = gr.BrowserState(None, storage_key="motiongen-last-compare")

    @told_plainly(4)
    def on_compare(given: dict[Any, Any], request: gr.Request, progress: gr.Progress = gr.Progress()) -> Any:  # noqa: B008
        block = read_blocks([{"text": given[text] or "", "seconds": given[seconds] or 0}])
        wishes: list[Wish] = [
            read_wish(*block, studio.default, seed=given[seed], **{name: given[part] for name, part in side.items()})
            for side in (first, second)
        ]
        result = studio.compare(wishes, page_of(request, "compare"), reporter(progress))
        return *told(result), result.token, notice(f"made in {result.seconds:.1f} s", "good")

    def told(result: Result) -> tuple[str, str]:
        return address(result, base), cards(result, base, acts=False)

    def on_select(token: Any, there: Any) -> Any:
        result = None if there else studio.results.get(token)
        return (gr.skip(), gr.skip()) if result is None else told(result)

    shared: dict[str, Any] = {"api_visibility": "private", "show_progress_on": [status], **MODEL}
    inputs = {text, seconds, seed, *first.values(), *second.values()}
    work = go.click(on_compare, inputs, [shown, made, last, status], **shared)
    _cancelling(cancel, studio, "compare", work, status)
    tab.select(on_select, [last, made], [shown, made], **_AT_ONCE)


def _side(name: str, studio: Studio, steps: int, guidance: float) -> dict[str, Any]:
    with gr.Group():
        gr.HTML(f"<b>{name}</b>", elem_classes="mg-side")
        names = studio.names()
        with gr.Row():
            pipeline = gr.Dropdown(names, value=names[0], label="Pipeline", min_width=110)
            scheduler = gr.Dropdown(list(SCHEDULERS), value="ddim", label="Scheduler", min_width=110)
        with gr.Row():
            count = gr.Slider(2, limits.MAX_STEPS, steps, step=1, label="Steps", min_width=130)
            scale = gr.Slider(0, 10, guidance, step=0.1, label="Guidance", min_width=130)
        clean = gr.Checkbox(True, label="Clean feet")
    return {"pipeline": pipeline, "scheduler": scheduler, "steps": count, "guidance": scale, "clean_feet": clean}


def doctor_tab(studio: Studio) -> None:
    """What `motiongen doctor` finds, without where anything lies."""
    go = gr.Button("Examine this installation", elem_id="mg-doctor-go")
    found = gr.HTML("", elem_id="mg-doctor")

    @told_plainly(1)
    def on_doctor(request: gr.Request, progress: gr.Progress = gr.Progress()) -> str:  # noqa: B008
        said = studio.examine(page_of(request, "doctor"), reporter(progress))
        device, scan, test = said["device"], said["scan"], said["self_test"]
        rows = [("motiongen", said["version"]), ("python", said["python"]), ("torch", said["torch"])]
        rows += [("device", f"{device['name']} ({device['model']}), {device['threads']} threads")]
        rows += [("scan", f"{scan['in_use']} in use")]
        rows += [(f"pipeline {p['name']}", p.get("hash", "cannot be loaded")) for p in said["pipelines"]]
        rows += [("formats", ", ".join(f"{k}: {'ok' if v == 'ok' else 'fails'}" for k, v in said["exporters"].items()))]
        rows += [(f"extra {k}", "missing" if v["missing"] else "present") for k, v in said["extras"].items()]
        rows += [("self-test", f"{'ok' if test['status'] == 'ok' else 'fails'}, {test['seconds']:.1f} s")]
        table = "".join(f"<tr><td>{escape(str(k))}</td><td>{escape(str(v))}</td></tr>" for k, v in rows)
        verdict = (
            "Healthy." if said["healthy"] else "Something does not work; `motiongen doctor` in a terminal says what."
        )
        return notice(verdict, "good" if said["healthy"] else "error") + f'<table class="mg-table">{table}</table>'

    go.click(on_doctor, None, [found], api_visibility="private", **MODEL)


def _cancelling(button: gr.Button, studio: Studio, tab: str, work: Any, status: gr.HTML) -> None:
    def on_cancel(request: gr.Request) -> str:
        studio.stops.stop(page_of(request, tab))
        return notice("Stopped.")

    button.click(on_cancel, None, [status], cancels=[work], queue=False, api_visibility="private")
