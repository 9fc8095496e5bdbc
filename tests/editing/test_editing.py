"""Editing, continuing, looping and streaming with the released pipeline: what a user sees of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from motiongen.editing.bones import own_lengths, with_bones
from motiongen.editing.loop import in_place_of
from motiongen.motion import Motion, MotionError
from motiongen.pipeline import TextToMotionPipeline
from motiongen.skeleton import JOINT_INDEX, bone_lengths

STEPS = 6


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def pipeline() -> TextToMotionPipeline:
    return TextToMotionPipeline.from_pretrained("base")


@pytest.fixture(scope="module")
def walk(pipeline: TextToMotionPipeline) -> Motion:
    return pipeline("a person walks forward", 6.0, STEPS, generator=seeded(1)).motions[0]


def acceleration(joints: torch.Tensor) -> torch.Tensor:
    """Largest over the joints, metres a frame squared."""
    return joints.diff(n=2, dim=0).norm(dim=-1).amax(-1)


@pytest.mark.parametrize(("start", "stop"), [(40, 80), (37, 62), (0, 30), (83, 120), (98, 118)])
def test_only_the_span_is_generated_anew(pipeline: TextToMotionPipeline, walk: Motion, start: int, stop: int) -> None:
    edited = pipeline.edit(walk, "a person waves with the right hand", start, stop, STEPS, generator=seeded(2))
    outside = torch.ones(len(walk), dtype=torch.bool)
    outside[start:stop] = False
    assert len(edited) == len(walk) and torch.equal(edited.joints[outside], walk.joints[outside])
    assert (edited.joints[start:stop] - walk.joints[start:stop]).norm(dim=-1).amax() > 0.1
    texts = [s.text for s in edited.text if s.start == start and s.stop == stop]
    assert texts == ["a person waves with the right hand"]
    assert [s.start for s in edited.text][1:] == [s.stop for s in edited.text][:-1]


@pytest.mark.parametrize(
    ("start", "stop"), [(1, 40), (3, 60), (4, 44), (60, 119), (98, 118), (83, 117), (20, 114), (0, 119), (1, 120)]
)
def test_spans_near_the_ends_leave_and_arrive(
    pipeline: TextToMotionPipeline, walk: Motion, start: int, stop: int
) -> None:
    edited = pipeline.edit(walk, "a person walks forward", start, stop, STEPS, generator=seeded(2))
    steps = edited.joints.diff(dim=0).norm(dim=-1).amax(-1)
    own = walk.joints.diff(dim=0).norm(dim=-1).amax(-1).max()
    assert start == 0 or steps[start - 1] < 3 * own
    assert stop == len(walk) or steps[stop - 1] < 3 * own


def test_the_whole_of_a_clip_can_be_made_anew(pipeline: TextToMotionPipeline, walk: Motion) -> None:
    short = walk.crop(0, 41)
    for stop in (41, 40, 39):
        edited = pipeline.edit(short, "a person bows", 0, stop, STEPS, generator=seeded(2))
        assert len(edited) == 41 and torch.equal(edited.joints[stop:], short.joints[stop:])


def test_seams_do_not_jump(pipeline: TextToMotionPipeline, walk: Motion) -> None:
    edited = pipeline.edit(walk, "a person walks forward proudly", 40, 80, STEPS, generator=seeded(2))
    seams = torch.cat([acceleration(edited.joints)[36:42], acceleration(edited.joints)[76:82]])
    assert seams.max() < 1.5 * acceleration(walk.joints).max()


def test_an_edit_depends_on_its_seed_alone(pipeline: TextToMotionPipeline, walk: Motion) -> None:
    first, again, other = (
        pipeline.edit(walk, "a person bows", 40, 80, STEPS, generator=seeded(s)).joints for s in (2, 2, 3)
    )
    assert torch.equal(first, again) and not torch.allclose(first, other)


@pytest.mark.parametrize(
    ("start", "stop", "text", "problem"),
    [
        (100, 130, "a", "not inside a clip of 120"),
        (50, 50, "a", "not inside"),
        (50, 55, "a", "at least 0.5"),
        (50, 80, "  ", "is empty"),
    ],
)
def test_spans_that_cannot_be(
    pipeline: TextToMotionPipeline, walk: Motion, start: int, stop: int, text: str, problem: str
) -> None:
    with pytest.raises(MotionError, match=problem):
        pipeline.edit(walk, text, start, stop, STEPS)


def test_other_frame_rates_are_refused(pipeline: TextToMotionPipeline, walk: Motion) -> None:
    with pytest.raises(MotionError, match="30 frames a second"):
        pipeline.extend(walk.resampled(30.0), "a person bows", 2.0, STEPS)


def test_a_continued_clip_begins_with_the_old_one(pipeline: TextToMotionPipeline, walk: Motion) -> None:
    longer = pipeline.extend(walk, ["a person turns left", "a person bows"], [2.0, 1.5], STEPS, generator=seeded(3))
    assert len(longer) == 120 + 40 + 30 and torch.equal(longer.joints[:120], walk.joints)
    assert [(s.text, s.start, s.stop) for s in longer.text[1:]] == [
        ("a person turns left", 120, 160), ("a person bows", 160, 190),
    ]  # fmt: skip
    assert acceleration(longer.joints)[114:126].max() < 1.5 * acceleration(walk.joints).max()


def test_a_short_clip_can_be_continued_and_a_single_frame_cannot(pipeline: TextToMotionPipeline, walk: Motion) -> None:
    assert len(pipeline.extend(walk.crop(0, 9), "a person bows", 1.0, STEPS, generator=seeded(3))) == 29
    with pytest.raises(MotionError, match="at least 5"):
        pipeline.extend(walk.crop(0, 4), "a person bows", 1.0, STEPS)


@pytest.mark.parametrize("text", ["a person waves with the left hand", "a person walks forward"])
def test_a_loop_flows_into_itself(pipeline: TextToMotionPipeline, text: str) -> None:
    made = pipeline(text, 3.9, STEPS, generator=seeded(4), loop=True).motions[0]
    assert len(made) == 80 and made.text[-1].stop == 80
    twice = torch.cat([made.joints, made.joints])
    steps = twice.diff(dim=0).norm(dim=-1).amax(-1)
    assert steps[79] < 1.2 * steps[:79].max()
    assert acceleration(twice)[76:82].max() < 1.5 * acceleration(made.joints).max()
    facing = twice[:, JOINT_INDEX["left_hip"]] - twice[:, JOINT_INDEX["right_hip"]]
    heading = torch.atan2(facing[:, 2], facing[:, 0])
    turn = torch.remainder(heading.diff() + torch.pi, 2 * torch.pi) - torch.pi
    assert turn[79].abs() < 1.5 * turn[:79].abs().max() + 0.02


def test_a_travelling_loop_stays_in_place_and_still_walks(pipeline: TextToMotionPipeline) -> None:
    made = pipeline("a person walks forward", 4.0, STEPS, generator=seeded(4), loop=True).motions[0]
    ground = made.joints[:, 0, [0, 2]]
    assert (ground - ground[0]).norm(dim=-1).max() < 0.3
    feet = made.joints[:, JOINT_INDEX["left_foot"]] - made.joints[:, JOINT_INDEX["right_foot"]]
    assert feet[:, 2].max() > 0.2 and feet[:, 2].min() < -0.2


def test_in_place_keeps_the_poses_and_takes_the_way(pipeline: TextToMotionPipeline, walk: Motion) -> None:
    still = pipeline("a person walks forward", 6.0, STEPS, generator=seeded(1), in_place=True).motions[0]
    assert (still.joints[-1, 0] - still.joints[0, 0])[[0, 2]].norm() < 0.25
    own = in_place_of(walk.joints)
    assert torch.allclose(own - own[:, :1], walk.joints - walk.joints[:, :1], atol=1e-5)
    assert torch.equal(own[..., 1], walk.joints[..., 1])


def test_new_motion_has_the_bones_of_the_clip(pipeline: TextToMotionPipeline, walk: Motion) -> None:
    """A tall person with short arms, high above the floor of the model."""
    lengths = 1.2 * own_lengths(walk.joints)
    lengths[[JOINT_INDEX[f"{s}_{n}"] for s in ("left", "right") for n in ("elbow", "wrist")]] *= 0.7
    tall = Motion(with_bones(1.2 * walk.joints, lengths) + torch.tensor([0.0, 2.0, 0.0]), text=walk.text)
    edited = pipeline.edit(tall, "a person walks forward", 40, 80, STEPS, generator=seeded(2))
    longer = pipeline.extend(tall, "a person walks forward", 2.0, STEPS, generator=seeded(3))
    for made in (edited, longer):
        assert torch.allclose(bone_lengths(made.joints), lengths.expand(len(made), -1), atol=1e-4)
        feet = made.joints[:, [7, 8, 10, 11], 1].amin(1)
        assert (feet - feet[0]).abs().max() < 0.12, "on the floor of the clip"
    assert acceleration(edited.joints)[36:84].max() < 1.5 * acceleration(tall.joints).max()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_generators_of_cuda_edit_and_stream(pipeline: TextToMotionPipeline, walk: Motion) -> None:
    def cuda() -> torch.Generator:
        return torch.Generator("cuda").manual_seed(1)

    assert len(pipeline.edit(walk, "a person bows", 40, 80, 1, generator=cuda())) == len(walk)
    assert len(next(pipeline.stream("a person bows", 1, generator=cuda()))) == 8


@pytest.fixture
def stream(pipeline: TextToMotionPipeline) -> Iterator[Motion]:
    return pipeline.stream("a person walks forward", 4, generator=seeded(5))


def test_a_stream_is_one_clip_in_pieces(stream: Iterator[Motion]) -> None:
    pieces = [next(stream) for _ in range(15)]
    assert {len(p) for p in pieces} == {8}
    joints = torch.cat([p.joints for p in pieces])
    change = acceleration(joints)
    at_seams = torch.stack([change[8 * i - 2 : 8 * i + 1].max() for i in range(1, 15)])
    assert at_seams.median() < 1.5 * change.median() + 0.01 and change.max() < 0.3
    assert joints[-1, 0, 2] > 2.0


def test_a_stream_turns_to_a_new_sentence_in_the_next_piece(pipeline: TextToMotionPipeline) -> None:
    told, left_alone = (pipeline.stream("a person walks forward", 4, generator=seeded(5)) for _ in range(2))
    for _ in range(5):
        assert torch.equal(next(told).joints, next(left_alone).joints)
    told.say("a person waves with the right hand")
    changed, same = next(told), next(left_alone)
    assert changed.text[0].text == "a person waves with the right hand"
    assert not torch.equal(changed.joints, same.joints)


def test_a_stream_holds_no_more_the_longer_it_runs(pipeline: TextToMotionPipeline) -> None:
    endless = pipeline.stream("a person walks forward", 1, generator=seeded(5))

    def held() -> int:
        tensors = [v for v in vars(endless).values() if isinstance(v, torch.Tensor)]
        return sum(t.untyped_storage().nbytes() for t in tensors) + len(endless._told)

    for _ in range(12):
        next(endless)
    before = held()
    for _ in range(12):
        next(endless)
    assert held() == before


def test_a_bad_sentence_leaves_the_stream_going(pipeline: TextToMotionPipeline) -> None:
    endless = pipeline.stream("a person walks forward", 1, generator=seeded(5))
    with pytest.raises(MotionError, match="empty"):
        endless.say("  ")
    with pytest.raises(MotionError, match="limit 48"):
        endless.say("walks and " * 60)
    assert next(endless).text[0].text == "a person walks forward"
