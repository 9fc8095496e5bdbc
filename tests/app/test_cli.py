"""The command line as a whole: start-up, help, version, and the list of numbers after `--seconds`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from motiongen import __version__
from motiongen_app.errors import repeated


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("a --seconds 4 3", "a --seconds 4 --seconds 3"),
        ("--seconds 4 3 a", "--seconds 4 --seconds 3 a"),
        ("a --seconds 4 3 --seed 7", "a --seconds 4 --seconds 3 --seed 7"),
        ("a --seconds=4 3 b", "a --seconds=4 --seconds 3 b"),
        ("--seconds 4 --seconds 3", "--seconds 4 --seconds 3"),
        ("--seconds x 3", "--seconds x --seconds 3"),
        ("--seconds", "--seconds"),
        ("--seed 7 8", "--seed 7 8"),
        ("-- --seconds 4 3", "-- --seconds 4 3"),
    ],
)
def test_numbers_after_an_option_are_all_its_own(given: str, read: str) -> None:
    assert repeated("--seconds", given.split()) == read.split()


def test_help_and_version_do_not_wait_for_torch(start: Callable[..., subprocess.Popen[str]]) -> None:
    process = start("--help")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    for name in ("generate", "render", "convert", "prepare", "train", "doctor"):
        assert name in out

    # The same module in a process that reports what it imported.
    code = "import sys, motiongen_app.cli; print(sorted({'torch', 'numpy', 'diffusers'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_version_and_bare_call(run: Callable[..., Any]) -> None:
    assert run("--version").out == f"motiongen {__version__}\n"
    bare = run()
    assert bare.code == 0
    assert "generate" in bare.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("genrate", "walk"), "No such command 'genrate'"),
        (("--verbose",), "No such option"),
        (("generate",), "Missing argument"),
        (("generate", "walk", "--steps", "many"), "'--steps'"),
        (("prepare", "cmu"), "Missing argument"),
    ],
)
def test_a_wrong_call_is_one_line(arguments: tuple[str, ...], said: str, run: Callable[..., Any]) -> None:
    result = run(*arguments)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert result.err.startswith("error: ")
    assert said in result.err
