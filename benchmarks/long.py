"""Time and memory of timelines from ten seconds to ten minutes, in one pass each, a process of its own each.

    python benchmarks/long.py [--pipeline base] [--steps 20] [--out long.png]

Memory is the largest resident size during the call over that before it (Linux). What should be flat is the time and the
memory a second of motion, shown also as a ratio to those of 30 s, in which what every call costs no longer counts.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from PIL import Image, ImageDraw

SECONDS = (10, 30, 60, 120, 300, 600)
CLAUSE = 5.0
SENTENCES = ("a person walks forward", "a person waves with the left hand", "a person runs forward", "a person bows")


def resident_mb(field: str) -> float:
    """Resident size of this process: VmRSS is now, VmHWM the largest since it was last reset."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith(field))) / 1024


def reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def one(pipeline: str, steps: int, seconds: int) -> dict[str, float]:
    """Seconds and megabytes of one timeline."""
    import torch

    from motiongen import TextToMotionPipeline

    loaded = TextToMotionPipeline.from_pretrained(pipeline)
    loaded(SENTENCES[0], 5.0, num_inference_steps=2, generator=torch.Generator().manual_seed(0))
    reset_peak()
    before, start = resident_mb("VmRSS"), time.perf_counter()
    count = round(seconds / CLAUSE)
    timeline = [SENTENCES[i % len(SENTENCES)] for i in range(count)]
    motion = loaded(
        [timeline], [[CLAUSE] * count], num_inference_steps=steps, generator=torch.Generator().manual_seed(0)
    ).motions[0]
    assert len(motion) == round(seconds * motion.fps)
    return {"motion_s": seconds, "seconds": time.perf_counter() - start, "memory_mb": resident_mb("VmHWM") - before}


def curve(rows: list[dict[str, float]], path: Path) -> None:
    """Time and memory a second of motion over the length, both axes logarithmic, as PNG."""
    from math import log10

    width, height, margin = 480, 360, 60
    picture = Image.new("RGB", (2 * width, height), "white")
    draw = ImageDraw.Draw(picture)
    for panel, (key, title) in enumerate(
        (("seconds", "ms per second of motion"), ("memory_mb", "KB per second of motion"))
    ):
        values = [max(1000 * row[key] / row["motion_s"], 1e-3) for row in rows]
        top = 10 ** (int(log10(max(values))) + 1)
        bottom = top / 1000

        def place(
            x: float, y: float, left: int = panel * width, top: float = top, bottom: float = bottom
        ) -> tuple[float, float]:
            across = (log10(x) - 1) / (log10(SECONDS[-1]) - 1)
            up = log10(max(y, bottom) / bottom) / log10(top / bottom)
            return left + margin + across * (width - 2 * margin), height - margin - up * (height - 2 * margin)

        for tick in SECONDS:
            x, y = place(tick, bottom)
            draw.line([(x, y), place(tick, top)], fill="#dddddd")
            draw.text((x, y + 8), f"{tick} s", fill="black", anchor="mt")
        for power in range(4):
            x, y = place(10, bottom * 10**power)
            draw.line([(x, y), place(SECONDS[-1], bottom * 10**power)], fill="#dddddd")
            draw.text((x - 6, y), f"{bottom * 10**power:g}", fill="black", anchor="rm")
        points = [place(row["motion_s"], value) for row, value in zip(rows, values)]
        draw.line(points, fill="#1f5fa8", width=2)
        for x, y in points:
            draw.ellipse([x - 3, y - 3, x + 3, y + 3], fill="#1f5fa8")
        draw.text((panel * width + width / 2, margin / 2), title, fill="black", anchor="mm")
    picture.save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pipeline", default="base")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path("long.png"))
    parser.add_argument("--longest", type=int, default=SECONDS[-1], help="leave out longer timelines, seconds")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        print(json.dumps(one(options.pipeline, options.steps, options.one)))
        return
    rows: list[dict[str, float]] = []
    print("motion, s   seconds   s per s   to 30 s   memory, MB   MB per s   to 30 s")
    for seconds in [s for s in SECONDS if s <= options.longest]:
        command = [sys.executable, __file__, "--pipeline", options.pipeline, "--steps", str(options.steps)]
        done = subprocess.run([*command, "--one", str(seconds)], check=True, capture_output=True, text=True)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        row, base = rows[-1], rows[min(1, len(rows) - 1)]
        rates = [row[key] / row["motion_s"] for key in ("seconds", "memory_mb")]
        ratios = [rate / max(base[key] / base["motion_s"], 1e-9) for rate, key in zip(rates, ("seconds", "memory_mb"))]
        print(
            f"{seconds:9d} {row['seconds']:9.2f} {rates[0]:9.3f} {ratios[0]:9.2f} {row['memory_mb']:12.1f} "
            f"{rates[1]:10.3f} {ratios[1]:9.2f}",
            flush=True,
        )
    curve(rows, options.out)
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
