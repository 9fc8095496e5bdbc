"""Clips as an H.264 mp4: frames are drawn by a few threads and encoded in order by another."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from motiongen.motion import Motion, MotionError, atomic_path
from motiongen.render import Look
from motiongen.render.panels import Panels

_CRF = 20
_ENCODERS = 2
_BT709 = 1
_LIMITED_RANGE = 1


def _frames(panels: Panels, threads: int) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """Every frame in order, a few of them in the making at a time."""
    if threads == 1:
        yield from (panels.frame(index) for index in range(len(panels)))
        return
    with ThreadPoolExecutor(threads) as pool:
        ahead: deque[Future[np.ndarray]] = deque()
        try:
            for index in range(len(panels)):
                ahead.append(pool.submit(panels.frame, index))
                if len(ahead) > 2 * threads:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()


def render_video(
    motions: Motion | Sequence[Motion],
    path: str | Path,
    *,
    size: int = 512,
    fps: float | None = None,
    caption: bool = True,
    look: Look | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write one clip, or several side by side, as an H.264 mp4 (yuv420p, playable in browsers while it loads).

    Args:
        path: file to write; it appears only when it is complete.
        size: width and height of each clip's picture, pixels, even.
        fps: frames per second of the video, the first clip's own if None.
        caption: write the sentence of the moment at the bottom.
        look: what is drawn, and by which backend.
        progress: called with the number of frames written and of all.
    """
    import av

    clips = [motions] if isinstance(motions, Motion) else list(motions)
    if fps is not None:
        if not 1 <= fps <= 240:
            raise MotionError(f"video frame rate is {fps}; choose 1 to 240")
        clips = [clip.resampled(fps) for clip in clips]
    panels = Panels(clips, size, look, caption)
    threads = max(1, min(4, os.cpu_count() or 1)) if panels.threads_help else 1
    rate = Fraction(panels.fps).limit_denominator(1001)
    try:
        with (
            atomic_path(path) as beside,
            av.open(str(beside), "w", format="mp4", options={"movflags": "+faststart"}) as file,
        ):
            options = {"crf": str(_CRF), "preset": "veryfast", "x264-params": f"threads={_ENCODERS}:keyint=60"}
            stream = file.add_stream("libx264", rate=rate, options=options)
            stream.height, stream.width = panels.shape
            stream.pix_fmt = "yuv420p"
            context = stream.codec_context
            context.colorspace = context.color_primaries = context.color_trc = _BT709
            context.color_range = _LIMITED_RANGE
            file.metadata["comment"] = " | ".join("; ".join(s.text for s in clip.text) for clip in clips)

            def encode(picture: np.ndarray) -> None:
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                for packet in stream.encode(frame.reformat(format="yuv420p", dst_colorspace="ITU709")):
                    file.mux(packet)

            with ThreadPoolExecutor(1) as encoder:
                last: Future[None] | None = None
                for done, picture in enumerate(_frames(panels, threads), start=1):
                    if last is not None:
                        last.result()
                    last = encoder.submit(encode, picture)
                    if progress is not None:
                        progress(done, len(panels))
                if last is not None:
                    last.result()
            for packet in stream.encode():
                file.mux(packet)
    except OSError as error:
        raise MotionError(f"{path}: cannot be written ({error.strerror or error}); choose another path") from None
