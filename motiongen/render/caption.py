"""Sentences written into pictures."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFont

from motiongen.motion import Motion

_INK, _PLATE = (38, 44, 58, 255), (255, 255, 255, 205)


def sentence_at(motion: Motion, frame: int) -> str:
    """The sentence that describes a frame: of several, the one that began last."""
    current = [s for s in motion.text if s.start <= frame < s.stop]
    return max(current, key=lambda s: s.start).text.strip() if current else ""


def wrap(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float, lines: int) -> list[str]:
    """The text in at most `lines` lines of `width` pixels; what does not fit ends in an ellipsis."""
    out: list[str] = []
    for word in text.split():
        joined = f"{out[-1]} {word}" if out else word
        if out and font.getlength(joined) <= width:
            out[-1] = joined
        else:
            out.append(word)
    if len(out) > lines:
        out = [*out[: lines - 1], " ".join(out[lines - 1 :])]
    for i, line in enumerate(out):
        if font.getlength(line) > width:
            while line and font.getlength(line + "…") > width:
                line = line[:-1]
            out[i] = line.rstrip() + "…"
    return out


@lru_cache(maxsize=64)
def plate(text: str, size: int) -> tuple[int, int, Float[np.ndarray, "h w 3"], Float[np.ndarray, "h w 1"]]:
    """A caption for a picture of `size` pixels: its top row, its left column, its colour times opacity, 1 - opacity."""
    height = max(11, round(size * 0.034))
    font = ImageFont.load_default(height)
    lines = wrap(text, font, size * 0.86, 2)
    wide = max(font.getlength(line) for line in lines)
    pitch, pad_x, pad_y = round(height * 1.3), round(height * 0.8), round(height * 0.45)
    w, h = min(size, int(wide) + 2 * pad_x), pitch * len(lines) + 2 * pad_y
    image = Image.new("RGBA", (w * 2, h * 2), (255, 255, 255, 0))
    ImageDraw.Draw(image).rounded_rectangle((0, 0, w * 2 - 1, h * 2 - 1), radius=height * 1.4, fill=_PLATE)
    image = image.resize((w, h), Image.Resampling.BOX)
    draw = ImageDraw.Draw(image)
    for i, line in enumerate(lines):
        draw.text((w / 2, pad_y + pitch * (i + 0.5)), line, font=font, fill=_INK, anchor="mm")
    pixels = np.asarray(image, dtype=np.float32)
    opacity = pixels[..., 3:] / 255.0
    return size - h - round(size * 0.03), (size - w) // 2, pixels[..., :3] * opacity, 1.0 - opacity


def write(picture: np.ndarray, text: str) -> None:
    """Draw a caption near the lower edge of a square uint8 picture, in place."""
    if not text:
        return
    top, left, ink, clear = plate(text, picture.shape[0])
    block = picture[top : top + ink.shape[0], left : left + ink.shape[1]]
    block[:] = (block * clear + ink + 0.5).astype(np.uint8)
