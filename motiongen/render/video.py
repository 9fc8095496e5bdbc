"""A clip as an H.264 mp4: frames are drawn by a few threads and encoded in order by another."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from motiongen.motion import Motion, MotionError, atomic_path
from motiongen.render import renderer
from motiongen.render.caption import sentence_at, write

_CRF = 20
_BT709 = 1
_LIMITED_RANGE = 1


def _frames(motion: Motion, size: int, caption: bool, threads: int) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """Every frame in order, a few of them in the making at a time."""
    draw = renderer(motion, size)

    def make(index: int) -> UInt8[np.ndarray, "h w 3"]:
        picture = draw.frame(index)
        if caption:
            write(picture, sentence_at(motion, index))
        return picture

    with ThreadPoolExecutor(threads) as pool:
        ahead: deque[Future[np.ndarray]] = deque()
        try:
            for index in range(len(motion)):
                ahead.append(pool.submit(make, index))
                if len(ahead) > 2 * threads:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()


def render_video(
    motion: Motion,
    path: str | Path,
    *,
    size: int = 512,
    fps: float | None = None,
    caption: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write a clip as an H.264 mp4 (yuv420p, playable in browsers while it loads).

    Args:
        path: file to write; it appears only when it is complete.
        size: width and height, pixels, even.
        fps: frames per second of the video, the clip's own if None.
        caption: write the sentence of the moment at the bottom.
        progress: called with the number of frames written and of all.
    """
    import av

    if fps is not None:
        if not 1 <= fps <= 240:
            raise MotionError(f"video frame rate is {fps}; choose 1 to 240")
        motion = motion.resampled(fps)
    threads = max(1, min(4, os.cpu_count() or 1))
    rate = Fraction(motion.fps).limit_denominator(1001)
    try:
        with (
            atomic_path(path) as beside,
            av.open(str(beside), "w", format="mp4", options={"movflags": "+faststart"}) as file,
        ):
            options = {"crf": str(_CRF), "preset": "veryfast", "x264-params": f"threads={min(2, threads)}:keyint=60"}
            stream = file.add_stream("libx264", rate=rate, options=options)
            stream.width = stream.height = size
            stream.pix_fmt = "yuv420p"
            context = stream.codec_context
            context.colorspace = context.color_primaries = context.color_trc = _BT709
            context.color_range = _LIMITED_RANGE
            file.metadata["comment"] = "; ".join(s.text for s in motion.text)

            def encode(picture: np.ndarray) -> None:
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                for packet in stream.encode(frame.reformat(format="yuv420p", dst_colorspace="ITU709")):
                    file.mux(packet)

            with ThreadPoolExecutor(1) as encoder:
                last: Future[None] | None = None
                for done, picture in enumerate(_frames(motion, size, caption, threads), start=1):
                    if last is not None:
                        last.result()
                    last = encoder.submit(encode, picture)
                    if progress is not None:
                        progress(done, len(motion))
                if last is not None:
                    last.result()
            for packet in stream.encode():
                file.mux(packet)
    except OSError as error:
        raise MotionError(f"{path}: cannot be written ({error.strerror or error}); choose another path") from None
