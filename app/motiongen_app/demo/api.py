"""The demo from other programs, through `gradio_client` and, if asked for, as tools of the Model Context Protocol."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import gradio as gr

from motiongen_app.demo.jobs import Studio
from motiongen_app.demo.parts import MODEL, address, explained, page_of
from motiongen_app.demo.results import QUICK, Result
from motiongen_app.demo.wish import of_kind, read_blocks, read_wish
from motiongen_app.errors import InputError


def add_api(studio: Studio, base: str) -> None:
    """Add the functions to the page that is being built.

    Each returns a dictionary: `token` of the result, `clips` with text, seed, seconds, metrics and `files`, the
    addresses of its files on the server by format, and `zip`, that of all of them.
    """

    def generate(
        request: gr.Request,
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
        pipeline: str = "",
    ) -> dict[str, Any]:
        """Make clips of human motion from sentences that follow each other.

        Args:
            texts: The sentences, such as "a person walks forward".
            seconds: How long each lasts.
            seed: That of the first sample; the others count on.
            samples: How many clips.
            steps: Denoising steps.
            guidance: How much the sentences count; 1 is none.
            shape: The body's shape, by name.
            loop: Whether the end flows into the beginning.
            in_place: Whether the way over the floor is taken out.
            clean_feet: Whether standing feet are kept from sliding.
            best_of: How many to choose each clip from.
            scheduler: The sampler, by name.
            pipeline: Another pipeline than the demo's own, by name.
        """
        if not isinstance(texts, list) or not isinstance(seconds, list) or len(texts) != len(seconds):
            raise InputError("texts and seconds are not two lists of one length; give seconds for each sentence")
        read = read_blocks([{"text": t, "seconds": s} for t, s in zip(texts, seconds)])
        wish = read_wish(
            *read, studio.default, seed=seed, samples=samples, steps=steps, guidance=guidance, shape=shape, loop=loop,
            in_place=in_place, clean_feet=clean_feet, best_of=best_of, scheduler=scheduler,
            **({"pipeline": pipeline} if pipeline else {}),
        )  # fmt: skip
        return told(studio.generate(wish, _page(request), _silent))

    def regenerate(
        request: gr.Request, token: str, clip: int, block: int, seed: int = 7, text: str = ""
    ) -> dict[str, Any]:
        """Make one sentence of a clip anew; all other frames stay as they are.

        Args:
            token: Which result.
            clip: Which clip of it, from 0.
            block: Which sentence of the clip, from 0.
            seed: Another seed gives another motion.
            text: Another sentence; empty keeps the one that is there.
        """
        which = (whole("clip", clip), whole("block", block), whole("seed", seed))
        return told(studio.regenerate(kept(token), *which, _page(request), of_kind("text", text, str)))

    def more(request: gr.Request, token: str, clip: int) -> dict[str, Any]:
        """Make further clips of the same sentences and settings, with new seeds.

        Args:
            token: Which result.
            clip: Which clip of it, from 0.
        """
        return told(studio.more(kept(token), whole("clip", clip), _page(request), _silent))

    def video(request: gr.Request, token: str, clip: int) -> dict[str, Any]:
        """Draw the video of a clip; its address is then among the files.

        Args:
            token: Which result.
            clip: Which clip of it, from 0.
        """
        result = kept(token)
        studio.video(result, whole("clip", clip), _page(request), _silent)
        return told(result)

    def describe(token: str) -> dict[str, Any]:
        """Tell what is known of a result that was made before.

        Args:
            token: Which result.
        """
        return told(kept(token))

    def whole(name: str, value: Any) -> int:
        return int(of_kind(name, value, int))

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

    for function in (generate, regenerate, more, video, describe):
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


def _page(request: gr.Request) -> str:
    """The client, whose work is stopped when it goes, as a page's is. Some, of single calls, have no session."""
    return page_of(request, "api") if request.session_hash else f"api-{uuid4()}"


def _silent(share: float, text: str) -> None:
    pass
