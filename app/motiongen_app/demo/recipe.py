"""How a clip of the demo was made, as settings, as a command line and as Python that make it again."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from motiongen.batch.jobs import slug


@dataclass(frozen=True)
class Change:
    """A part of a clip that was generated anew: frames `[start, stop)`."""

    start: int
    stop: int
    text: str
    seed: int


@dataclass(frozen=True)
class Recipe:
    """All that a clip depends on. The clip is number `number` of `samples`; its own seed is `seed + number`.

    `released`: whether `pipeline` is the name of a released one; where another lies is not told.
    """

    texts: tuple[str, ...]
    seconds: tuple[float, ...]
    seed: int = 7
    samples: int = 1
    steps: int = 20
    guidance: float = 2.5
    scheduler: str = "ddim"
    clean_feet: bool = True
    best_of: int = 1
    loop: bool = False
    in_place: bool = False
    shape: str = "neutral"
    pipeline: str = "base"
    digest: str = ""
    released: bool = True
    number: int = 0
    changes: tuple[Change, ...] = ()

    @property
    def own_seed(self) -> int:
        return self.seed + self.number

    @property
    def out(self) -> str:
        """The folder of the command's files: a clip's own, since `generate` adds to what a folder has."""
        return f"clip-{sha256(repr(self).encode()).hexdigest()[:8]}"

    def changed(self, change: Change) -> Recipe:
        return replace(self, changes=(*self.changes, change))

    def settings(self) -> dict[str, Any]:
        """What a manifest says of it."""
        return {
            "pipeline": {"name": self.pipeline, "hash": self.digest},
            "steps": self.steps,
            "guidance": self.guidance,
            "scheduler": self.scheduler,
            "clean_feet": self.clean_feet,
            "best_of": self.best_of,
            "loop": self.loop,
            "in_place": self.in_place,
            "shape": self.shape,
            "changes": [vars(change) for change in self.changes],
        }

    def command(self) -> str:
        """The command lines that write this clip's npz; the last one's is the clip."""
        words = ["motiongen", "generate", "--seconds", *(f"{s:g}" for s in self.seconds)]
        words += ["--seed", str(self.seed), "--samples", str(self.samples)]
        if self.best_of > 1:
            words += ["--best-of", str(self.best_of)]
        words += ["--loop"] * self.loop + ["--in-place"] * self.in_place
        lines = [_line([*words, *self._sampling(), "--out", self.out, "--", *self.texts])]
        clip = f"{self.out}/{self.number:03d}-{slug(self.texts)}.npz"
        told = list(self.texts)
        for count, change in enumerate(self.changes, start=1):
            span = f"{change.start / 20:g}:{change.stop / 20:g}"
            words = ["motiongen", "edit", "--regenerate", span, "--text", change.text, "--seed", str(change.seed)]
            lines.append(_line([*words, *self._sampling(), "--out", f"{self.out}/edit-{count}", "--", clip]))
            told[self._block(change)] = change.text
            clip = f"{self.out}/edit-{count}/000-{slug(told)}.npz"
        if self.shape != "neutral":
            lines.append(_line(["motiongen", "fit", clip, f"{self.out}/clip.npz", "--betas", self.shape]))
        return self._remark("--pipeline") + " && \\\n".join(lines)

    def python(self) -> str:
        """Python whose `motion` is this clip."""
        seeds = f"range({self.seed}, {self.seed + self.samples})"
        further = {
            "num_inference_steps": self.steps,
            "guidance_scale": self.guidance,
            "num_motions_per_prompt": self.samples,
            "scheduler": self.scheduler,
            "clean_feet": self.clean_feet,
            "best_of": self.best_of,
            "loop": self.loop,
            "in_place": self.in_place,
        }
        lines = ["import torch", "from motiongen import TextToMotionPipeline", ""]
        lines += [f"pipeline = TextToMotionPipeline.from_pretrained({self.pipeline!r})", "output = pipeline("]
        lines += [f"    [{list(self.texts)!r}],", f"    duration=[{list(self.seconds)!r}],"]
        lines += [f"    {name}={value!r}," for name, value in further.items()]
        lines += [f"    generator=[torch.Generator().manual_seed(seed) for seed in {seeds}],", ")"]
        lines += [f"motion = output.motions[{self.number}]"]
        for change in self.changes:
            lines += [
                f"motion = pipeline.edit(motion, {change.text!r}, {change.start}, {change.stop}, {self.steps}, "
                f"{self.guidance}, torch.Generator().manual_seed({change.seed}), {self.scheduler!r}, {self.clean_feet})"
            ]
        if self.shape != "neutral":
            lines += ["from motiongen.body import shapes", "from motiongen.export.posed import with_pose"]
            lines += [f"motion = with_pose(motion, betas=shapes.betas({self.shape!r}))"]
        return self._remark("from_pretrained") + "\n".join(lines)

    def _remark(self, place: str) -> str:
        """What to put in by hand: no released pipeline is found by this one's name."""
        name = " ".join(self.pipeline.split())
        return "" if self.released else f"# '{name}' is not a released pipeline: give its folder to {place}.\n"

    def _sampling(self) -> list[str]:
        words = ["--steps", str(self.steps), "--guidance", f"{self.guidance:g}"]
        words += [] if self.scheduler == "ddim" else ["--scheduler", self.scheduler]
        words += [] if self.clean_feet else ["--raw-feet"]
        words += [] if self.pipeline == "base" and self.released else ["--pipeline", self.pipeline]
        return [*words, "--formats", "npz"]

    def _block(self, change: Change) -> int:
        """Which sentence a change replaces."""
        stops = [round(sum(self.seconds[: i + 1]) * 20) for i in range(len(self.seconds))]
        return next((i for i, stop in enumerate(stops) if change.start < stop), len(stops) - 1)


def _line(words: list[str]) -> str:
    return " ".join(shlex.quote(word) for word in words)
