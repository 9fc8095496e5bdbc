"""What a user sees when something is wrong: one line on standard error and an exit code, never a traceback."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

BAD_INPUT = 2
INTERRUPTED = 130

# Usage errors of the parser. Typer wraps click or carries its own copy of it, so the class is reached through Typer.
_ParserError: Any = typer.BadParameter.__mro__[2]


class InputError(ValueError):
    """Something that the user gave cannot be used; the message is one line: value, limit, remedy."""


class OneLineGroup(TyperGroup):
    """The root command: turns every error that the user can mend into one line."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            # Caught here because versions of the parser differ in what they make of it.
            raise _Interrupted from None

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        try:
            code = super().main(*args, **{**extra, "standalone_mode": False})
        except (_Interrupted, KeyboardInterrupt, typer.Abort):
            _say("interrupted")
            sys.exit(INTERRUPTED)
        except Exception as error:
            line = _explained(error)
            if line is None:
                raise
            _say(f"error: {line}")
            sys.exit(BAD_INPUT)
        sys.exit(code if isinstance(code, int) else 0)


class SecondsCommand(TyperCommand):
    """A command whose `--seconds` takes all the numbers that follow it: `--seconds 4 3`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, repeated("--seconds", args))


def repeated(option: str, args: list[str]) -> list[str]:
    """`option` written out before every one of the numbers that follow it, up to the first other argument."""
    result: list[str] = []
    rest = list(args)
    while rest:
        arg = rest.pop(0)
        result.append(arg)
        if arg == "--":
            return result + rest
        if arg == option and rest:
            # Its own value, number or not: what is wrong with it is said when it is read.
            result.append(rest.pop(0))
        elif not arg.startswith(f"{option}="):
            continue
        while rest and _is_number(rest[0]):
            result += [option, rest.pop(0)]
    return result


def writable_folder(folder: Path, option: str) -> Path:
    """`folder`, of which it is known that files can be made in it; nothing is created.

    Raises:
        InputError: it is a file, lies under one, or may not be written to.
    """
    existing = folder.absolute()
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir():
        raise InputError(f"{existing}: is a file, not a folder; name another {option}")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise InputError(f"{existing}: may not be written to; name another {option}")
    return folder


def in_range(name: str, value: float, low: float, high: float) -> None:
    """Raises: InputError: `value` is not a number from `low` to `high`."""
    if not low <= value <= high:
        raise InputError(f"{name} is {value:g}; give {low:g} to {high:g}")


class _Interrupted(Exception):
    pass


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _explained(error: Exception) -> str | None:
    """The line for an error that the user can mend; None for a fault of the program."""
    if isinstance(error, _ParserError):
        return str(error.format_message())  # type: ignore[attr-defined]
    if isinstance(error, OSError):
        # A disk that fills up while something is written names no file.
        reason = error.strerror or str(error) or type(error).__name__
        return reason if error.filename is None else f"{error.filename}: {reason}"
    if isinstance(error, MemoryError):
        return "there is not enough memory for this; ask for less at a time"
    # Looked up rather than imported: a mistyped option should not wait for torch.
    motion = sys.modules.get("motiongen.motion")
    if isinstance(error, InputError) or (motion is not None and isinstance(error, motion.MotionError)):
        return str(error)
    return None


def _say(line: str) -> None:
    print(" ".join(line.split()), file=sys.stderr)
