"""What the pages in `docs/` tell people to type is known to the command."""

from __future__ import annotations

import re
from pathlib import Path

import typer
from typer.main import get_command

from motiongen_app.cli import app

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "batch.md").read_text(encoding="utf-8")


def test_options_on_the_page_of_batch_exist() -> None:
    context = typer.Context(get_command(app))
    command = get_command(app).get_command(context, "batch")  # type: ignore[attr-defined]
    known = {name for parameter in command.params for name in parameter.opts}
    joined = PAGE.replace("\\\n", " ")
    commands = [line.strip() for line in joined.splitlines() if line.startswith("    motiongen batch ")]
    assert len(commands) >= 4
    used = {option for line in commands for option in re.findall(r"--[a-z-]+", line.split("#")[0])}
    assert used >= {"--out", "--resume", "--shard", "--engine"} and used <= known
