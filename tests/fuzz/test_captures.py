"""Whatever is in a file of motion capture, it is read or refused in one line, at once and in little memory."""

from __future__ import annotations

import json
import struct
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from motiongen.motion import MotionError
from motiongen_data_prep import amc, bvh, glb
from motiongen_data_prep.animation import Animation
from tests.data_prep.test_amc import AMC, ASF
from tests.data_prep.test_bvh import SIMPLE
from tests.data_prep.test_glb import Scene, turning
from tests.fuzz.damage import FUZZ, damaged_bytes, damaged_json, damaged_words, read_or_refused

CLIP, SKELETON = Path("clip"), Path("skeleton.asf")
SMALL = 64 << 20


def whole(result: Any) -> None:
    """What is read has finite numbers, from which joints can be placed."""
    for animation in result.values() if isinstance(result, dict) else [result]:
        if isinstance(animation, Animation):
            assert len(animation.names) == len(set(animation.names)) == len(animation.parents)
            assert all(np.isfinite(a).all() for a in (animation.offsets, *animation.global_transforms()))


def amc_of(motion: bytes, skeleton: bytes) -> Animation:
    return amc.parse(motion, skeleton, CLIP, SKELETON)


@FUZZ
@given(damaged_words(SIMPLE))
def test_other_words_in_a_bvh(text: str) -> None:
    whole(read_or_refused(bvh.parse, text.encode("utf-8", "replace"), CLIP))


@FUZZ
@given(damaged_bytes(SIMPLE.encode()))
def test_damaged_bytes_of_a_bvh(data: bytes) -> None:
    whole(read_or_refused(bvh.parse, data, CLIP))


@FUZZ
@given(damaged_words(AMC))
def test_other_words_in_an_amc(text: str) -> None:
    whole(read_or_refused(amc_of, text.encode("ascii", "replace"), ASF.encode()))


@FUZZ
@given(damaged_words(ASF))
def test_other_words_in_an_asf(text: str) -> None:
    whole(read_or_refused(amc_of, AMC.encode(), text.encode("ascii", "replace")))


@FUZZ
@given(damaged_bytes(ASF.encode()))
def test_damaged_bytes_of_an_asf(data: bytes) -> None:
    whole(read_or_refused(amc_of, AMC.encode(), data))


def scene() -> Scene:
    return turning().curve(2, "scale", [0.0, 0.5], [[1, 1, 1], [2, 2, 2]])


@FUZZ
@given(damaged_bytes(scene().bytes()))
def test_damaged_bytes_of_a_glb(data: bytes) -> None:
    whole(read_or_refused(glb.parse, data, CLIP))


@FUZZ
@given(damaged_json(scene().document))
def test_other_values_in_a_glb(document: Any) -> None:
    whole(read_or_refused(glb.parse, with_document(document, scene().data), CLIP))


def with_document(document: Any, buffer: bytes) -> bytes:
    text = json.dumps(document).encode()
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(buffer), 0x004E4942) + buffer
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def many_still_joints() -> bytes:
    """A thousand joints of which one has a channel: two bytes a frame ask for a thousand matrices."""
    still = "".join(f"JOINT j{i}\n{{\nOFFSET 0 1 0\n}}\n" for i in range(990))
    frames = 200_000
    head = f"HIERARCHY\nROOT r\n{{\nOFFSET 0 0 0\nCHANNELS 1 Xposition\n{still}}}\nMOTION\nFrames: {frames}\n"
    return (head + "Frame Time: 0.05\n" + "0\n" * frames).encode()


def many_still_bones() -> tuple[bytes, bytes]:
    bones = "".join(f"begin\nname b{i}\ndirection 0 1 0\nlength 1\naxis 0 0 0 XYZ\nend\n" for i in range(900))
    order = "root " + " ".join(f"b{i}" for i in range(900))
    skeleton = f":root\norder TX TY TZ RX RY RZ\n:bonedata\n{bones}:hierarchy\nbegin\n{order}\nend\n"
    return "".join(f"{i}\nroot 0 0 0 0 0 0\n" for i in range(2000)).encode(), skeleton.encode()


def many_curves() -> bytes:
    """One long accessor that ten thousand curves name."""
    made = Scene().curve(1, "translation", list(range(40_000)), [[0.0, 0.0, 0.0]] * 40_000)
    (channel,) = made.document["animations"][0]["channels"]
    made.document["animations"][0]["channels"] = [channel] * 10_000
    return with_document(made.document, made.data)


BOMBS = {
    "many joints that stand still": lambda: bvh.parse(many_still_joints(), CLIP),
    "many bones that stand still": lambda: amc_of(*many_still_bones()),
    "many curves of one accessor": lambda: glb.parse(many_curves(), CLIP),
    "lines without end": lambda: bvh.parse(b"HIERARCHY" + b"\n" * 400_000, CLIP),
    "joints within joints": lambda: bvh.parse(b"HIERARCHY ROOT a { " + b"JOINT b { OFFSET 0 0 0 " * 50_000, CLIP),
}


@pytest.mark.parametrize("what", BOMBS)
def test_small_files_that_ask_for_much(what: str) -> None:
    began = time.process_time()
    tracemalloc.start()
    try:
        result = read_or_refused(BOMBS[what])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(result, MotionError)
    assert peak < SMALL and time.process_time() - began < 20
