"""The demo's page: its tabs, and its named functions for other programs."""

from __future__ import annotations

import gradio as gr

from motiongen_app.demo.api import add_api
from motiongen_app.demo.create import Create
from motiongen_app.demo.jobs import Studio
from motiongen_app.demo.parts import page_of
from motiongen_app.demo.tabs import batch_tab, compare_tab, doctor_tab

_HEADER = "<b>motiongen</b><span>Say what a person does, and watch it.</span>"


def build(studio: Studio, base: str) -> gr.Blocks:
    """The whole page.

    Args:
        base: path of the page on its server, without a slash at its end.
    """

    def leave(request: gr.Request) -> None:
        studio.stops.stop(page_of(request))

    with gr.Blocks(title="motiongen", analytics_enabled=False, fill_width=True, delete_cache=(600, 3600)) as blocks:
        gr.HTML(_HEADER, elem_id="mg-top")
        with gr.Tabs(elem_id="mg-tabs"):
            with gr.Tab("Create"):
                Create(studio, base).build(blocks)
            with gr.Tab("Batch") as tab:
                batch_tab(studio, base, tab)
            with gr.Tab("Compare") as tab:
                compare_tab(studio, base, tab)
            with gr.Tab("Doctor"):
                doctor_tab(studio)
        add_api(studio, base)
        blocks.unload(leave)
    return blocks
