"""What a training process makes of the end of another: one line that says so, and what to do."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from torch.distributed import DistError

from motiongen.motion import MotionError

# How the libraries that carry gradients begin what they say of a connection that is gone.
_CARRIERS = ("gloo", "nccl", "connection", "socket")


class _Ended(Exception):
    """The launcher asks this process to end, as it does with all others when one of them has."""


@contextmanager
def one_of(count: int, step: Callable[[], int]) -> Iterator[None]:
    """Train inside as one of `count` processes; `step` tells how far it is.

    Raises:
        MotionError: another process ended, or the launcher asked this one to.
    """
    if count == 1:
        yield
        return
    catches = threading.current_thread() is threading.main_thread()
    before: Any = signal.signal(signal.SIGTERM, _end) if catches else None
    try:
        yield
    except (RuntimeError, _Ended) as error:
        if not isinstance(error, _Ended) and not _is_of_a_connection(error):
            raise
        if catches:
            # The launcher's own signal may still come: it would take the place of what is said here.
            before = signal.SIG_IGN
            signal.signal(signal.SIGTERM, before)
        raise MotionError(
            f"another of the {count} training processes was killed or stopped, so this one stops at step {step()}; "
            "start them again with --resume to go on from the last checkpoint"
        ) from None
    finally:
        if catches:
            signal.signal(signal.SIGTERM, before)


def _end(number: int, frame: FrameType | None) -> None:
    raise _Ended


def _is_of_a_connection(error: RuntimeError) -> bool:
    return isinstance(error, DistError) or any(word in str(error).lower() for word in _CARRIERS)
