"""One training loop on accelerate: EMA, clipping, a cosine schedule, curves, a time budget and exact resumption."""

from __future__ import annotations

import json
import math
import os
import pickle
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from diffusers.training_utils import EMAModel
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from motiongen.motion import MotionError, atomic_path
from motiongen.training.data import Share, step_generator
from motiongen.training.processes import one_of

# (model, randomness of the step, this process's share of the batch) -> (loss, further numbers for the curves).
# The model is to be called, not reached into: with several processes it is wrapped.
StepLoss = Callable[[nn.Module, torch.Generator, Share], tuple[Tensor, dict[str, float]]]
Validate = Callable[[nn.Module], dict[str, float]]


@dataclass(frozen=True)
class LoopConfig:
    """How long and how fast to train.

    Attributes:
        steps: length of the schedule. With a budget in minutes it is set anew from the speed of the first steps, and
            once more when the first validation has shown what that takes.
        average: largest decay of the exponential moving average of the weights.
        precision: of matrix products; "auto" is bf16 where the hardware has units for it.
        save_minutes: time between checkpoints; `save_steps` counts steps instead, for runs that must be reproducible.
    """

    steps: int = 10_000
    learning_rate: float = 2e-4
    warmup: int = 100
    final_rate: float = 0.02
    weight_decay: float = 0.01
    clip: float = 1.0
    average: float = 0.999
    seed: int = 0
    log_every: int = 20
    validate_every: int = 500
    save_minutes: float = 2.0
    save_steps: int | None = None
    precision: Literal["auto", "no", "bf16"] = "auto"


CALIBRATION_STEPS = 30
# What reading a checkpoint can bring about that is not whole.
_DAMAGED = (OSError, LookupError, TypeError, ValueError, RuntimeError, SafetensorError, pickle.UnpicklingError)


class Trainer:
    """Trains a module to a folder.

    `OUT/checkpoint/` holds all that `resume` needs; `OUT/curves.jsonl` and `OUT/tensorboard/` hold the curves.
    """

    def __init__(self, model: nn.Module, config: LoopConfig, out: Path, run: dict[str, Any]) -> None:
        precision = _fastest_precision() if config.precision == "auto" else config.precision
        started = int(os.environ.get("WORLD_SIZE", "1"))
        # Without a GPU, accelerate joins processes only where it is told to compute on the CPU.
        on_cpu = started > 1 and not torch.cuda.is_available()
        self.accelerator = Accelerator(
            cpu=on_cpu, mixed_precision=precision, log_with="tensorboard", project_dir=str(out)
        )
        if started != self.accelerator.num_processes:
            # They would all train the same weights into one folder.
            remedy = "start them with 'torchrun --nproc_per_node N $(which motiongen) train ...'"
            raise MotionError(f"{started} processes were started but each runs alone; {remedy}")
        self.config, self.out, self.run = config, out, run
        self.share = Share(self.accelerator.process_index, self.accelerator.num_processes)
        decayed = [p for p in model.parameters() if p.requires_grad and p.ndim >= 2]
        plain = [p for p in model.parameters() if p.requires_grad and p.ndim < 2]
        optimizer = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0.0}],
            lr=config.learning_rate,
            betas=(0.9, 0.99),
        )
        self.model, self.optimizer = self.accelerator.prepare(model, optimizer)
        self.average = EMAModel(self._trained(), decay=config.average, use_ema_warmup=True, inv_gamma=1.0, power=0.75)
        self.step, self.total = 0, config.steps
        self.minutes: float | None = None
        # Wall time of the whole run, and of it that from the first step on; the rest is the way there.
        self.seconds, self.stepping = 0.0, 0.0
        self.last_look = 0.0

    def fit(
        self,
        loss: StepLoss,
        validate: Validate | None = None,
        minutes: float | None = None,
        resume: bool = False,
    ) -> nn.Module:
        """Train, then return the module with its averaged weights.

        `minutes` bounds the wall time of the run from here on, validation and checkpoints included; at least one step
        is made. A resumed run has that of its earlier parts behind it. With the same budget, or none given, it goes on
        to the end that was planned; a different one plans the end, and with it the learning rate, anew.

        Raises:
            MotionError: `OUT` holds another run, one to resume is missing, damaged or was configured differently, the
                loss is no longer a number, or another of several processes ended.
        """
        self.last_look = time.monotonic()
        self._open(resume)
        self.accelerator.init_trackers("tensorboard")
        budget = None if minutes is None else minutes * 60
        self._look_at_clock(budget is not None)
        if minutes is not None and minutes != self.minutes:
            self.minutes = minutes
            if self.step >= CALIBRATION_STEPS:
                self._fit_schedule(minutes * 60)
        with one_of(self.share.count, lambda: self.step), _progress(self.accelerator.is_main_process) as bar:
            task = bar.add_task("training", total=self.total, completed=self.step, note="")
            self._steps(loss, validate, budget, bar, task)
        self._look_at_clock(budget is not None)
        self._save()
        self.accelerator.end_training()
        model = self.accelerator.unwrap_model(self.model)
        self.average.copy_to(self._trained())
        return model.eval()

    def _steps(
        self, loss: StepLoss, validate: Validate | None, budget: float | None, bar: Progress, task: TaskID
    ) -> None:
        last_save = time.monotonic()
        while self.step < self.total and (budget is None or self.seconds < budget or self.step == 0):
            numbers = self._one(loss)
            self.step += 1
            self.stepping += self._look_at_clock(budget is not None)
            # One step after a validation, the time since the first step holds it too.
            if budget is not None and self.step in (CALIBRATION_STEPS, self.config.validate_every + 1):
                self._fit_schedule(budget)
                bar.update(task, total=self.total)
            if self.step % self.config.log_every == 0:
                self._log(numbers)
                bar.update(task, note=f"loss {numbers['loss']:.4f}")
            if validate is not None and self.step % self.config.validate_every == 0 and self.share.index == 0:
                self._log(self._validated(validate))
            if self._save_is_due(last_save):
                self._save()
                last_save = time.monotonic()
            bar.update(task, completed=self.step)

    def _one(self, loss: StepLoss) -> dict[str, float]:
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * self._rate()
        # Dropout draws from the global generator: seeded by step, it too does not care for interruptions.
        torch.manual_seed((self.config.seed * 1_000_003 + self.step) * self.share.count + self.share.index)
        self.model.train()
        with self.accelerator.autocast():
            value, numbers = loss(self.model, step_generator(self.config.seed, self.step), self.share)
        # Of all processes before it is tested, so that they give up together.
        row = torch.tensor([value.item(), *numbers.values()], device=value.device)
        whole, *means = self.accelerator.reduce(row, "mean").tolist()
        if not math.isfinite(whole):
            remedy = "begin again in another --out with a lower learning rate"
            raise MotionError(f"the loss is {whole} at step {self.step}; {remedy}")
        self.optimizer.zero_grad()
        self.accelerator.backward(value)
        norm = self.accelerator.clip_grad_norm_(self.model.parameters(), self.config.clip)
        self.optimizer.step()
        self.average.step(self._trained())
        return {"loss": whole, "gradient_norm": float(norm or 0.0), **dict(zip(numbers, means))}

    def _rate(self) -> float:
        """Linear warm-up, then half a cosine down to `final_rate`."""
        if self.step < self.config.warmup:
            return (self.step + 1) / self.config.warmup
        done = (self.step - self.config.warmup) / max(1, self.total - self.config.warmup)
        cosine = 0.5 * (1 + torch.cos(torch.tensor(done * torch.pi)).item())
        return self.config.final_rate + (1 - self.config.final_rate) * cosine

    def _look_at_clock(self, budgeted: bool) -> float:
        """Count the seconds since the last look. Under a budget all processes follow the clock of the first."""
        now = time.monotonic()
        passed, self.last_look = now - self.last_look, now
        if budgeted and self.share.count > 1:
            passed = broadcast(torch.tensor(passed, dtype=torch.float64, device=self.accelerator.device)).item()
        self.seconds += passed
        return passed

    def _fit_schedule(self, budget: float) -> None:
        """As many further steps as the rest of the budget (seconds) holds at the mean speed so far."""
        left = budget - self.seconds
        self.total = self.step + max(1, int(left / self.stepping * self.step))

    def _validated(self, validate: Validate) -> dict[str, float]:
        self.average.store(self._trained())
        self.average.copy_to(self._trained())
        self.model.eval()
        with torch.no_grad():
            numbers = validate(self.accelerator.unwrap_model(self.model))
        self.average.restore(self._trained())
        return {f"held_out/{k}": v for k, v in numbers.items()}

    def _trained(self) -> list[nn.Parameter]:
        return [p for p in self.model.parameters() if p.requires_grad]

    def _log(self, numbers: dict[str, float]) -> None:
        self.accelerator.log(numbers, step=self.step)
        if self.accelerator.is_main_process:
            row = {"step": self.step, "seconds": round(self.seconds, 1), **{k: round(v, 6) for k, v in numbers.items()}}
            with open(self.out / "curves.jsonl", "a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")

    def _save_is_due(self, last_save: float) -> bool:
        if self.config.save_steps is not None:
            return self.step % self.config.save_steps == 0
        return time.monotonic() - last_save > 60 * self.config.save_minutes

    def _save(self) -> None:
        if not self.accelerator.is_main_process:
            return
        folder, beside = self.out / "checkpoint", self.out / "checkpoint.part"
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        model = self.accelerator.unwrap_model(self.model)
        save_file({k: v.contiguous() for k, v in model.state_dict().items()}, beside / "model.safetensors")
        shadow = {f"{i:05d}": p.contiguous() for i, p in enumerate(self.average.shadow_params)}
        save_file(shadow, beside / "average.safetensors")
        torch.save(self.optimizer.state_dict(), beside / "optimizer.pt")
        state = {
            "step": self.step, "total": self.total, "minutes": self.minutes,
            "seconds": self.seconds, "stepping": self.stepping, "average_step": self.average.optimization_step,
            "run": self.run, "loop": asdict(self.config),
        }  # fmt: skip
        (beside / "state.json").write_text(json.dumps(state, indent=2))
        # The old checkpoint stands until the new one is whole; `_open` looks at both names.
        old = self.out / "checkpoint.old"
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        beside.rename(folder)
        shutil.rmtree(old, ignore_errors=True)

    def _open(self, resume: bool) -> None:
        folder, old = self.out / "checkpoint", self.out / "checkpoint.old"
        if self.share.index == 0 and not folder.exists() and old.exists():
            old.rename(folder)
        self.accelerator.wait_for_everyone()
        if resume and not folder.exists():
            raise MotionError(f"{self.out}: no checkpoint to resume; leave out --resume to begin")
        if not resume and folder.exists():
            raise MotionError(f"{self.out}: holds a run already; add --resume to go on with it or name another --out")
        self.out.mkdir(parents=True, exist_ok=True)
        if resume:
            self._load(folder)
        self.accelerator.wait_for_everyone()
        if self.share.index != 0:
            return
        with atomic_path(self.out / "run.json") as beside:
            beside.write_text(json.dumps({"run": self.run, "loop": asdict(self.config)}, indent=2))

    def _load(self, folder: Path) -> None:
        try:
            self._load_whole(folder)
        except MotionError:
            raise
        except _DAMAGED as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
            raise MotionError(f"{folder}: damaged ({reason}); begin again in another --out") from None

    def _load_whole(self, folder: Path) -> None:
        state = json.loads((folder / "state.json").read_text())
        if state["run"] != self.run or state["loop"] != asdict(self.config):
            changed = sorted(k for k in self.run.keys() | state["run"].keys() if self.run.get(k) != state["run"].get(k))
            what = ", ".join(changed) or "the loop's settings"
            raise MotionError(f"{self.out}: was begun with other settings ({what}); resume with the same ones")
        self.step, self.total, self.minutes = state["step"], state["total"], state["minutes"]
        self.seconds, self.stepping = state["seconds"], state["stepping"]
        self.accelerator.unwrap_model(self.model).load_state_dict(load_file(folder / "model.safetensors"))
        self.optimizer.load_state_dict(torch.load(folder / "optimizer.pt", weights_only=True))
        shadow = load_file(folder / "average.safetensors")
        self.average.shadow_params = [shadow[k].to(self.accelerator.device) for k in sorted(shadow)]
        self.average.optimization_step = state["average_step"]
        curves = self.out / "curves.jsonl"
        if curves.exists() and self.share.index == 0:
            # What was logged after the checkpoint will be logged again.
            rows = [row for row in curves.read_text().splitlines() if _step_of(row) <= self.step]
            with atomic_path(curves) as beside:
                beside.write_text("".join(row + "\n" for row in rows))


def _step_of(row: str) -> float:
    """The step of a row of `curves.jsonl`; beyond all of them where the run was killed while it wrote the row."""
    try:
        return float(json.loads(row)["step"])
    except ValueError:
        return math.inf


def _fastest_precision() -> str:
    """bf16 where matrix units for it exist: on GPUs, and on CPUs with AMX, where products are six times faster."""
    return "bf16" if torch.cuda.is_available() or torch.cpu._is_amx_tile_supported() else "no"


def _progress(shown: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.fields[note]}"),
        disable=not shown, refresh_per_second=1,
    )  # fmt: skip
