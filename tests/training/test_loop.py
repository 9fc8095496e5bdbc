"""The training loop under a clock of the test's own, and what it resumes from."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from motiongen.motion import MotionError
from motiongen.training import loop
from motiongen.training.data import Share
from motiongen.training.loop import LoopConfig, Trainer

STEP, VALIDATION = 2.0, 11.0
CONFIG = LoopConfig(steps=10_000, warmup=1, log_every=10, validate_every=100, save_steps=1000, precision="no")


class Clock:
    """Stands still but for what steps and validations take."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def loss(self, model: nn.Module, generator: torch.Generator, share: Share) -> tuple[Tensor, dict[str, float]]:
        self.now += STEP
        return model(torch.randn(4, 2, generator=generator)).square().mean(), {"two": 2.0}

    def validate(self, model: nn.Module) -> dict[str, float]:
        self.now += VALIDATION
        return {"three": 3.0}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


def trainer(out: Path, config: LoopConfig = CONFIG, **run: Any) -> Trainer:
    torch.manual_seed(0)
    return Trainer(nn.Linear(2, 1), config, out, {"kind": "test", **run})


def state(out: Path) -> dict[str, Any]:
    content = json.loads((out / "checkpoint" / "state.json").read_text())
    assert isinstance(content, dict)
    return content


def steps(out: Path) -> list[int]:
    return [json.loads(row)["step"] for row in (out / "curves.jsonl").read_text().splitlines()]


def test_a_schedule_is_fitted_to_the_speed_of_the_first_steps(clock: Clock, tmp_path: Path) -> None:
    trained = trainer(tmp_path)
    trained.fit(clock.loss, minutes=10)
    assert (trained.step, trained.total, trained.seconds, clock.now) == (300, 300, 600.0, 600.0)


def test_validations_count_against_the_budget(clock: Clock, tmp_path: Path) -> None:
    trained = trainer(tmp_path)
    trained.fit(clock.loss, clock.validate, minutes=10)
    # After 101 steps and a validation 213 s are gone; the rest holds int(387 * 101 / 213) = 183 more at that speed.
    assert (trained.step, trained.total) == (284, 284)
    assert trained.seconds == clock.now == 284 * STEP + 2 * VALIDATION <= 600


def test_the_way_to_the_first_step_counts_but_is_no_step(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = trainer(tmp_path)
    init_trackers = trained.accelerator.init_trackers

    def slow(name: str) -> None:
        clock.now += 60.0
        init_trackers(name)

    monkeypatch.setattr(trained.accelerator, "init_trackers", slow)
    trained.fit(clock.loss, minutes=10)
    assert (trained.step, trained.total, trained.seconds) == (270, 270, 600.0)


def test_a_budget_that_is_spent_at_once_makes_one_step(clock: Clock, tmp_path: Path) -> None:
    trained = trainer(tmp_path)
    trained.fit(clock.loss, minutes=STEP / 60 / 2)
    assert trained.step == 1


@pytest.mark.parametrize(("again", "total"), [(10, 300), (None, 300), (20, 600)])
def test_a_resumed_run_keeps_its_end_unless_the_budget_is_another(
    clock: Clock, tmp_path: Path, again: float | None, total: int
) -> None:
    trainer(tmp_path).fit(clock.loss, minutes=10)
    clock.now += 1e6  # the time between the two is nobody's
    resumed = trainer(tmp_path)
    resumed.fit(clock.loss, minutes=again, resume=True)
    assert (resumed.step, resumed.total, resumed.seconds) == (total, total, total * STEP)
    assert state(tmp_path)["minutes"] == (again or 10)


def test_rows_torn_by_a_kill_are_dropped_on_resumption(clock: Clock, tmp_path: Path) -> None:
    config = LoopConfig(steps=40, warmup=1, log_every=10, precision="no")
    trainer(tmp_path, config).fit(clock.loss)
    with open(tmp_path / "curves.jsonl", "a", encoding="utf-8") as file:
        file.write('{"step": 50, "los')
    trainer(tmp_path, config).fit(clock.loss, resume=True)
    assert steps(tmp_path) == [10, 20, 30, 40]


def test_a_run_on_other_data_is_not_resumed(clock: Clock, tmp_path: Path) -> None:
    config = LoopConfig(steps=2, warmup=1, precision="no")
    trainer(tmp_path, config, data="a").fit(clock.loss)
    with pytest.raises(MotionError, match=r"other settings \(data\)"):
        trainer(tmp_path, config, data="b").fit(clock.loss, resume=True)


def test_a_loss_that_is_no_number_ends_the_run_with_weights_untouched(clock: Clock, tmp_path: Path) -> None:
    trained = trainer(tmp_path)
    before = [p.detach().clone() for p in trained.model.parameters()]

    def loss(model: nn.Module, generator: torch.Generator, share: Share) -> tuple[Tensor, dict[str, float]]:
        return clock.loss(model, generator, share)[0] * float("nan"), {}

    with pytest.raises(MotionError, match=re.escape("the loss is nan at step 0; begin again in another --out")):
        trained.fit(loss)
    assert all(torch.equal(a, b) for a, b in zip(before, trained.model.parameters()))


def test_processes_that_would_each_run_alone_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer(tmp_path / "before")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(MotionError, match=r"2 processes were started but each runs alone; .*torchrun"):
        trainer(tmp_path / "alone")
    assert not (tmp_path / "alone").exists()
