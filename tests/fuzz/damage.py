"""Valid files made invalid: by bytes, by words, by the values of a JSON document, and by arrays."""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from jaxtyping import TypeCheckError

from motiongen.motion import MotionError

# So many of each and always the same; FUZZ_EXAMPLES=1000 tries that many, and others every time.
EXAMPLES = os.environ.get("FUZZ_EXAMPLES")
# The deadline tells a hang from a busy machine; what is told apart here takes milliseconds or for ever.
FUZZ = settings(
    max_examples=int(EXAMPLES or 40), deadline=timedelta(seconds=60), derandomize=EXAMPLES is None, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip

WORDS = [
    "nan", "inf", "-inf", "1e999", "1e308", "-1", "0", "3", "999999999999", "9" * 5000, "-9" * 3, "x", "\u00b2", "{",
    "}", "\0", "\ud7ff", "#", ":", "JOINT", "End", "MOTION", "begin", "end", "root", "4_2", "0x10", "1e-320",
]  # fmt: skip
VALUES: list[Any] = [
    None, True, False, -1, 0, 1, 3, 0.5, 1e308, -1e308, 10**9, 10**15, 10**400, float("nan"), float("inf"), "", "x",
    "\ud800", [], {}, [[]], [None], {"x": 1}, [10**9] * 3, [float("nan")] * 3, [0.0] * 3, "9" * 400,
]  # fmt: skip


def read_or_refused(read: Callable[..., Any], *arguments: Any) -> Any:
    """What is read, or the error if that is one for users: one line, and no library's warning beside it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return read(*arguments)
        except MotionError as error:
            said = str(error)
            assert said and len(said.splitlines()) == 1 and len(said) < 6000, said
            return error
        except TypeCheckError as error:
            # Under pytest alone shapes are checked already before `Motion` itself refuses them.
            assert "motiongen.motion.Motion.__init__" in str(error), error
            return MotionError("joints of another shape")


def damaged_bytes(data: bytes) -> st.SearchStrategy[bytes]:
    """One to three places of a file overwritten, cut out, doubled or filled, or its end cut off."""
    place = st.integers(0, len(data) - 1)
    change = st.tuples(
        st.sampled_from(["put", "insert", "cut", "double", "end"]), place, st.binary(min_size=1, max_size=9)
    )

    def apply(changes: list[tuple[str, int, bytes]]) -> bytes:
        result = data
        for kind, at, put in changes:
            head, tail = result[:at], result[at:]
            size = 37 * len(put)
            result = {
                "put": head + put + tail[len(put) :],
                "insert": head + put + tail,
                "cut": head + tail[size:],
                "double": head + tail[:size] + tail,
                "end": head,
            }[kind]
        return result

    return st.lists(change, min_size=1, max_size=3).map(apply)


def damaged_words(text: str) -> st.SearchStrategy[str]:
    """A text file with a few words replaced, left out or doubled; its white space stays."""
    parts = []
    word = ""
    for character in text:
        if character.isspace() != word[-1:].isspace():
            parts.append(word)
            word = ""
        word += character
    parts.append(word)
    words = [i for i, part in enumerate(parts) if part.strip()]
    change = st.tuples(st.sampled_from(words), st.sampled_from([*WORDS, "", "{same} {same}"]))

    def apply(changes: list[tuple[int, str]]) -> str:
        result = list(parts)
        for at, put in changes:
            result[at] = put.replace("{same}", parts[at])
        return "".join(result)

    return st.lists(change, min_size=1, max_size=3).map(apply)


def damaged_json(document: Any) -> st.SearchStrategy[Any]:
    """A document with one or two of its values, however deep, replaced or left out."""
    change = st.tuples(st.sampled_from(_places(document)), st.sampled_from([*VALUES, ...]))

    def apply(changes: list[tuple[tuple[Any, ...], Any]]) -> Any:
        result = copy.deepcopy(document)
        for (*path, last), value in changes:
            above = result
            try:
                for key in path:
                    above = above[key]
                if value is ...:
                    del above[last]
                else:
                    above[last] = copy.deepcopy(value)
            except (LookupError, TypeError):  # the first change took away what the second is about
                continue
        return result

    return st.lists(change, min_size=1, max_size=2).map(apply)


def _places(document: Any) -> list[tuple[Any, ...]]:
    items = document.items() if isinstance(document, dict) else enumerate(document)
    found: list[tuple[Any, ...]] = []
    for key, value in items:
        found.append((key,))
        if isinstance(value, (dict, list)) and value:
            found += [(key, *deeper) for deeper in _places(value)]
    return found


def damaged_arrays(arrays: dict[str, np.ndarray]) -> st.SearchStrategy[dict[str, np.ndarray]]:
    """Arrays of a npz with one or two of them left out, of another kind or another shape, or with other values."""
    change = st.tuples(st.sampled_from(sorted(arrays)), st.sampled_from(sorted(_CHANGES)))

    def apply(changes: list[tuple[str, str]]) -> dict[str, np.ndarray]:
        result = dict(arrays)
        for key, what in changes:
            if key in result and what == "absent":
                del result[key]
            elif key in result:
                result[key] = _CHANGES[what](result[key])
        return result

    return st.lists(change, min_size=1, max_size=2).map(apply)


def _filled(value: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda array: np.full(array.shape, value)


_CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "absent": np.asarray,
    "nan": _filled(np.nan),
    "infinite": _filled(np.inf),
    "huge": _filled(1e300),
    "large": _filled(1e30),
    "zero": _filled(0.0),
    "big whole numbers": lambda array: np.full(array.shape, 2**63 - 1, np.int64),
    "other order of bytes": lambda array: array.astype(array.dtype.newbyteorder(">")),
    "wide": lambda array: np.ones(array.shape, np.longdouble),
    "complex": lambda array: np.ones(array.shape, np.complex128),
    "text": lambda array: np.full(array.shape, "nan"),
    "half a character": lambda array: np.full(array.shape, "\ud800"),
    "bytes": lambda array: np.full(array.shape, b"1"),
    "objects": lambda array: np.full(array.shape, None, dtype=object),
    "records": lambda array: np.zeros(array.shape, [("a", "f4"), ("b", "f8")]),
    "times": lambda array: np.zeros(array.shape, "datetime64[s]"),
    "one number": lambda array: np.float64(3.0),
    "empty": lambda array: np.zeros((0, *array.shape[1:])),
    "an axis more": lambda array: array[None],
    "an axis less": lambda array: array.reshape(-1),
    "shorter": lambda array: array[:-1] if array.ndim else array,
    "many axes": lambda array: array.reshape((1,) * 20 + array.shape),
}
