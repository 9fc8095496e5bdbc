"""The demo from other programs, through `gradio_client`: `generate`, `regenerate`, `video`, `describe`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import gradio as gr

from motiongen_app.demo_jobs import Studio, read_blocks
from motiongen_app.demo_page import MODEL, address, explained, read_wish
from motiongen_app.demo_results import QUICK, Result
from motiongen_app.errors import InputError


def add_api(studio: Studio, base: str) -> None:
    """Add the functions to the page that is being built.

    Each returns a dictionary: `token` of the result, `clips` with text, seed, seconds, metrics and `files`, the
    addresses of its files on the server by format, and `zip`, that of all of them.
    """

    def generate(
        texts: list[str],
        seconds: list[float],
        seed: int = 7,
        samples: int = 1,
        steps: int = 20,
        guidance: float = 2.5,
        shape: str = "neutral",
        loop: bool = False,
        in_place: bool = False,
        clean_feet: bool = True,
        best_of: int = 1,
        scheduler: str = "ddim",
    ) -> dict[str, Any]:
        """Make clips of sentences that follow each other, each with its seconds."""
        if not isinstance(texts, list) or not isinstance(seconds, list) or len(texts) != len(seconds):
            raise InputError("texts and seconds are not two lists of one length; give seconds for each sentence")
        read = read_blocks([{"text": t, "seconds": s} for t, s in zip(texts, seconds)])
        wish = read_wish(
            *read, studio, seed=seed, samples=samples, steps=steps, guidance=guidance, shape=shape, loop=loop,
            in_place=in_place, clean_feet=clean_feet, best_of=best_of, scheduler=scheduler,
        )  # fmt: skip
        return told(studio.generate(wish, _page(), _silent))

    def regenerate(token: str, clip: int, block: int, seed: int = 7, text: str = "") -> dict[str, Any]:
        """Make one sentence of a clip anew, with another text if one is given; all other frames stay as they are."""
        return told(studio.regenerate(kept(token), int(clip), int(block), int(seed), _page(), str(text)))

    def video(token: str, clip: int) -> dict[str, Any]:
        """Draw the video of a clip; its address is then among the files."""
        result = kept(token)
        studio.video(result, int(clip), _page(), _silent)
        return told(result)

    def describe(token: str) -> dict[str, Any]:
        """What is known of a result that was made before."""
        return told(kept(token))

    def kept(token: str) -> Result:
        result = studio.results.get(token)
        if result is None:
            raise InputError("this result is no longer kept; generate it again")
        return result

    def told(result: Result) -> dict[str, Any]:
        at = address(result, base)
        clips = [
            {**entry, "files": {k: f"{at}/{n}/{k}" for k in [*QUICK, *(["mp4"] if result.has(n, "mp4") else [])]}}
            for n, entry in enumerate(result.manifest({}))
        ]
        return {"token": result.token, "clips": clips, "zip": f"{at}/all.zip"}

    for function in (generate, regenerate, video, describe):
        gr.api(_plain(function), api_name=function.__name__, **MODEL)


def _plain(function: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Errors as one line; what is not meant for users stays in the log."""

    @functools.wraps(function)
    def plain(*args: Any, **named: Any) -> dict[str, Any]:
        try:
            return function(*args, **named)
        except Exception as error:
            raise gr.Error(explained(error)[0], print_exception=False) from None

    return plain


def _page() -> str:
    return f"api-{uuid4()}"


def _silent(share: float, text: str) -> None:
    pass
