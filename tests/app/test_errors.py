"""Errors that the user can mend are one line; others keep their traceback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from motiongen_app import doctor


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(28, "No space left on device"), "error: No space left on device\n"),
        (OSError(13, "Permission denied", "clips/a.npz"), "error: clips/a.npz: Permission denied\n"),
        (OSError("cannot identify\nimage"), "error: cannot identify image\n"),
        (OSError(), "error: OSError\n"),
        (MemoryError(), "error: there is not enough memory for this; ask for less at a time\n"),
    ],
)
def test_what_the_machine_refuses_is_one_line(
    error: Exception, says: str, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(as_json: bool) -> bool:
        raise error

    monkeypatch.setattr(doctor, "run", refuse)
    result = run("doctor")
    assert (result.code, result.err) == (2, says)


def test_a_fault_of_the_program_keeps_its_traceback(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(as_json: bool) -> bool:
        raise KeyError("nowhere")

    monkeypatch.setattr(doctor, "run", fail)
    with pytest.raises(KeyError):
        run("doctor")
