"""The demo without a browser: what it takes and what it makes."""

from __future__ import annotations

import base64
import json
import re
import shlex
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("gradio", reason="the demo needs Gradio; install motiongen[demo]")

from motiongen.export import EXPORTERS
from motiongen.motion import Motion, MotionError
from motiongen_app.demo import server as server_module
from motiongen_app.demo.batch import MAX_LINES, read_batch
from motiongen_app.demo.cards import cards, notice
from motiongen_app.demo.jobs import Cancelled, Queue, Stops, Studio
from motiongen_app.demo.results import KEPT, KEPT_OF_ONE, Result, ResultStore
from motiongen_app.demo.server import Server
from motiongen_app.demo.viewer import joints_view, skin_view
from motiongen_app.demo.wish import MAX_BLOCKS, MAX_CHARACTERS, Wish, read_blocks
from motiongen_app.errors import InputError
from motiongen_app.settings import MAX_SEED

# Gradio's queue uses options of pandas that are going away.
pytestmark = pytest.mark.filterwarnings("ignore:.*no_silent_downcasting", "ignore:The copy keyword")

README = Path(__file__).resolve().parents[2] / "README.md"
WISH = Wish(("a person walks", "he waves"), (1.0, 0.8), steps=2)


def nothing(share: float, text: str) -> None:
    pass


@pytest.fixture(scope="module")
def studio(tiny_pipeline: Path) -> Iterator[Studio]:
    made = Studio(tiny_pipeline)
    yield made
    made.results.close()


@pytest.fixture(scope="module")
def result(studio: Studio) -> Result:
    return studio.generate(replace(WISH, pipeline=studio.default, samples=2), "page", nothing)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"texts": (), "seconds": ()}, "no sentence"),
        ({"texts": ("a", " ")}, "empty"),
        ({"texts": ("a", "b" * (MAX_CHARACTERS + 1))}, str(MAX_CHARACTERS)),
        ({"texts": ("a",) * (MAX_BLOCKS + 1), "seconds": (1.0,) * (MAX_BLOCKS + 1)}, str(MAX_BLOCKS)),
        ({"seconds": (1.0,)}, "one each"),
        ({"seconds": (1.0, 0.1)}, "0.5"),
        ({"seconds": (40.0, 40.0)}, "whole clip"),
        ({"seconds": (1.0, float("nan"))}, "nan"),
        ({"samples": 5}, "samples is 5"),
        ({"samples": 4, "best_of": 8, "seconds": (30.0, 10.0)}, "480"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": MAX_SEED, "samples": 2}, str(MAX_SEED - 1)),
        ({"scheduler": "../x"}, "there are ddim"),
        ({"shape": "cube"}, "there are neutral"),
    ],
)
def test_limits_are_told(change: dict[str, Any], word: str) -> None:
    with pytest.raises(InputError, match=word):
        replace(WISH, **change).check()


@pytest.mark.parametrize("given", ["", "{", "{}", "[1]", '[{"text": "a"}]', '[{"text": "a", "seconds": "x"}]', None, 7])
def test_a_damaged_timeline_is_refused(given: object) -> None:
    with pytest.raises(InputError, match="timeline"):
        read_blocks(given)


def test_a_timeline_is_read() -> None:
    assert read_blocks('[{"text": " a \\n b", "seconds": 2}]') == (("a b",), (2.0,))


def test_samples_have_their_own_seeds_and_come_back_alike(studio: Studio, result: Result) -> None:
    assert [clip.recipe.own_seed for clip in result.clips] == [7, 8]
    again = studio.generate(replace(WISH, pipeline=studio.default, samples=2), "page", nothing)
    for one, other in zip(result.clips, again.clips):
        assert (one.motion.joints == other.motion.joints).all()
    assert (result.clips[0].motion.joints != result.clips[1].motion.joints).any()


def test_regenerating_leaves_the_other_frames(studio: Studio, result: Result) -> None:
    made = studio.regenerate(result, 1, 1, 99, "page", "he kicks")
    before, after = result.clips[1].motion, made.clips[1].motion
    assert [s.text for s in after.text] == ["a person walks", "he kicks"]
    start = before.text[1].start
    assert (before.joints[:start] == after.joints[:start]).all()
    assert (before.joints[start:] != after.joints[start:]).any()
    assert made.clips[0] is result.clips[0]
    with pytest.raises(InputError, match="no such sentence"):
        studio.regenerate(result, 0, 7, 1, "page")


@pytest.mark.parametrize("closed", ["loop", "in_place"])
def test_the_ends_of_a_closed_clip_are_not_made_anew(studio: Studio, closed: str) -> None:
    way: dict[str, Any] = {closed: True}
    wish = replace(WISH, pipeline=studio.default, texts=("a", "b", "c"), seconds=(1.0,) * 3, **way)
    made = studio.generate(wish, "page", nothing)
    for block in (0, 2):
        with pytest.raises(InputError, match="generate it again"):
            studio.regenerate(made, 0, block, 1, "page")
    assert re.findall(r'data-act="redo" data-clip="0" data-block="(\d)"', cards(made, "")) == ["1"]


def test_more_like_this_uses_new_seeds(studio: Studio, result: Result) -> None:
    made = studio.more(result, 1, "page", nothing)
    assert {clip.recipe.own_seed for clip in made.clips}.isdisjoint({7, 8})
    assert len(made.clips) == 4


def test_cancel_stops_between_steps_and_frees_the_page(studio: Studio) -> None:
    seen: list[str] = []

    def stop(share: float, text: str) -> None:
        seen.append(text)
        studio.stops.stop("mine")

    with pytest.raises(Cancelled):
        studio.generate(replace(WISH, pipeline=studio.default, steps=50), "mine", stop)
    assert len(seen) == 1
    assert not studio.stops.stop("mine")


def test_cancel_stops_regenerating_too(studio: Studio, result: Result) -> None:
    def stop(share: float, text: str) -> None:
        studio.stops.stop("mine")

    with pytest.raises(Cancelled):
        studio.regenerate(result, 0, 0, 1, "mine", progress=stop)


def test_who_waits_is_told_the_place_and_may_leave(studio: Studio) -> None:
    queue, never, left = Queue(), threading.Event(), threading.Event()
    told: list[str] = []

    def leave(share: float, text: str) -> None:
        told.append(text)
        left.set()

    with queue.turn(never, nothing):
        with pytest.raises(Cancelled), queue.turn(left, leave):
            pass
        assert told == ["number 1 in the queue"]
        served = threading.Thread(target=lambda: queue.turn(never, nothing).__enter__())
        served.start()
    served.join(timeout=30)
    assert not served.is_alive()


def test_cancelling_one_page_leaves_another(studio: Studio) -> None:
    with studio.stops.watching("a") as a, studio.stops.watching("b") as b:
        studio.stops.stop("a")
        assert a.is_set() and not b.is_set()


def test_cancelling_stops_all_of_a_tab_and_leaving_all_of_a_page() -> None:
    stops = Stops()
    with (
        stops.watching("p/create") as one, stops.watching("p/create") as two, stops.watching("p/batch") as batch,
        stops.watching("pp/create") as foreign,
    ):  # fmt: skip
        assert stops.stop("p/create")
        assert one.is_set() and two.is_set() and not batch.is_set()
        assert stops.stop("p")
        assert batch.is_set() and not foreign.is_set()
        stops.stop_all()
        assert foreign.is_set()
    assert not stops.stop("p")


def test_closing_stops_what_is_being_made(studio: Studio) -> None:
    class Blocks:
        def close(self, verbose: bool) -> None:
            assert event.is_set()

    class Kept:
        def close(self) -> None:
            pass

    with studio.stops.watching("a") as event:
        held = SimpleNamespace(stops=studio.stops, results=Kept())
        Server(Blocks(), held, "", None).close()


def test_the_command_gives_the_clip_again(
    studio: Studio, result: Result, run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edited = studio.regenerate(result, 1, 1, 99, "page").clips[1]
    plain = studio.generate(
        replace(WISH, pipeline=studio.default, seed=70, texts=("-walks", "he waves")), "page", nothing
    )
    monkeypatch.chdir(tmp_path)
    # One after the other in one folder, as they are pasted.
    for clip, edits in ((plain.clips[0], ""), (edited, "/edit-1")):
        recipe = replace(clip.recipe, pipeline=studio.default, released=True)
        for line in recipe.command().split(" && \\\n"):
            told = run(*shlex.split(line)[1:])
            assert told.code == 0, told.err
        number = 0 if edits else recipe.number
        made = Motion.load(next((tmp_path / f"{recipe.out}{edits}").glob(f"{number:03d}-*.npz")))
        assert (made.joints == clip.motion.joints).all()
        assert [s.text for s in made.text] == [s.text for s in clip.motion.text]


def test_commands_do_not_take_each_other_s_clips(
    studio: Studio, run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for seed in (1, 2):
        wish = replace(WISH, pipeline=studio.default, texts=("walks",), seconds=(0.5,), seed=seed, shape="tall")
        clip = studio.generate(wish, "page", nothing).clips[0]
        recipe = replace(clip.recipe, pipeline=studio.default, released=True)
        for line in recipe.command().split(" && \\\n"):
            assert run(*shlex.split(line)[1:]).code == 0
        assert (Motion.load(tmp_path / recipe.out / "clip.npz").joints == clip.motion.joints).all()


def test_where_a_pipeline_lies_is_not_told(studio: Studio, result: Result) -> None:
    recipe = result.clips[0].recipe
    for told in (recipe.command(), recipe.python()):
        first, _, rest = told.partition("\n")
        assert first.startswith("# 'tiny' is not a released pipeline") and rest
        assert str(Path(studio.default).parent) not in told


def test_the_python_gives_the_clip_again(studio: Studio, result: Result) -> None:
    edited = studio.regenerate(result, 0, 0, 5, "page").clips[0]
    there: dict[str, Any] = {}
    exec(replace(edited.recipe, pipeline=studio.default).python(), there)
    assert (there["motion"].joints == edited.motion.joints).all()


def test_the_view_is_told_joints_and_skin(result: Result) -> None:
    motions = [clip.motion for clip in result.clips]
    told = joints_view(motions, ["a", "b"])
    frames = len(motions[0])
    joints = np.frombuffer(base64.b64decode(told["clips"][1]["joints"]), np.float32).reshape(frames, 22, 3)
    assert np.allclose(joints, motions[1].joints.numpy())
    skin = skin_view([result.posed(n) for n in range(2)])
    vertices = np.frombuffer(base64.b64decode(skin["vertices"]), np.float32).reshape(-1, 3)
    faces = np.frombuffer(base64.b64decode(skin["faces"]), np.uint16).reshape(-1, 3)
    weights = np.frombuffer(base64.b64decode(skin["weights"]), np.uint8).reshape(-1, 4)
    turns = np.frombuffer(base64.b64decode(skin["moves"][0]["turns"]), np.float32).reshape(frames, 24, 4)
    assert faces.max() < len(vertices) == len(weights)
    assert (weights.astype(int).sum(1) == 255).all()
    assert np.allclose(np.linalg.norm(turns, axis=-1), 1, atol=1e-4)
    json.dumps([told, skin])


def test_cards_escape_what_people_wrote(studio: Studio) -> None:
    evil = "<img src=x onerror=alert(1)> walks"
    wish = replace(WISH, texts=(evil,), seconds=(0.5,), pipeline=studio.default)
    page = cards(studio.generate(wish, "page", nothing), "")
    assert "<img" not in page and "&lt;img" in page
    assert "<script" not in notice("<script>")


def test_who_makes_many_does_not_put_out_others(studio: Studio, result: Result) -> None:
    store = ResultStore()
    mine = store.add(Result(result.clips, 0.0), owner="me")
    others = [store.add(Result(result.clips, 0.0), owner="another") for _ in range(KEPT + 1)]
    assert store.get(mine.token) is mine
    assert [store.get(o.token) is None for o in others[-KEPT_OF_ONE - 1 :]] == [True] + [False] * KEPT_OF_ONE
    store.close()


def test_a_file_that_cannot_be_written_says_no_path(
    studio: Studio, result: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(motion: Motion, path: Path) -> None:
        raise MotionError(f"{path}: no space")

    monkeypatch.setitem(EXPORTERS, "bvh", full)
    with pytest.raises(InputError, match="cannot be written") as error:
        studio.batch([replace(WISH, pipeline=studio.default)], ("bvh",), "page", nothing)
    assert "/" not in str(error.value)


def test_a_batch_s_videos_can_be_stopped(studio: Studio) -> None:
    wish = replace(WISH, pipeline=studio.default, texts=("walks",), seconds=(0.5,))
    made = studio.batch([wish], ("mp4",), "page", nothing)
    with zipfile.ZipFile(made.zip()) as file:
        assert [len(entry["files"]) for entry in json.loads(file.read("manifest.json"))] == [1]
    looked = threading.Event()

    def drawing(motion: Motion, path: Path, progress: Callable[[int, int], None]) -> None:
        studio.stops.stop("mine")
        looked.set()
        progress(1, 10)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("motiongen.render.video.render_video", drawing)
        with pytest.raises(Cancelled):
            studio.batch([wish], ("mp4",), "mine", nothing)
    assert looked.is_set()


def test_the_doctor_waits_its_turn(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("motiongen_app.doctor.examine", lambda: {"version": "1"})

    def leave(share: float, text: str) -> None:
        assert text == "number 1 in the queue"
        studio.stops.stop("mine")

    with studio._turn("another", nothing), pytest.raises(Cancelled):
        studio.examine("mine/doctor", leave)
    assert studio.examine("mine/doctor", nothing) == {"version": "1"}


def test_old_results_go_with_their_files(tiny_pipeline: Path) -> None:
    studio = Studio(tiny_pipeline)
    first = studio.generate(replace(WISH, pipeline=studio.default), "page", nothing)
    file = first.file(0, "npz")
    for number in range(KEPT):
        studio.results.add(Result(first.clips, 0.0), owner=str(number))
    assert studio.results.get(first.token) is None and not file.exists()
    assert studio.results.get(["x"]) is None
    root = first.folder.parent
    studio.results.close()
    assert not root.exists()


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("a.txt", "walks#50\n" * 25, "1250 seconds"),
        ("a.csv", "text,clean_feet\nwalks,FALSE\n", "true or false"),
        ("a.jsonl", '{"text": "walks", "loop": "no"}', "true or false"),
        ("a.jsonl", '{"text": "walks", "steps": 7.9}', "steps is '7.9'; give a whole number"),
        ("a.jsonl", '{"text": "walks", "guidance": true}', "give a number"),
        ("a.jsonl", '{"text": "walks", "best_of": true}', "give a whole number"),
        ("a.exe", "x", "not txt"),
        ("a.txt", "\n\n", "no sentence"),
        ("a.txt", "walks\n" * (MAX_LINES + 1), str(MAX_LINES)),
        ("a.csv", "words\nwalks\n", "column 'text'"),
        ("a.csv", "text,seconds\nwalks,long\n", "line 2"),
        ("a.jsonl", '{"text": "walks"}\n[]\n', "line 2"),
        ("a.jsonl", '{"text": 3}\n', "line 1"),
        ("a.jsonl", '{"text": "walks", "seconds": 1e6}\n', "60"),
        ("a.jsonl", '{"text": "walks", "speed": 2}\n', "line 1: 'speed' is unknown"),
        ("a.csv", "text,steps\nwalks,many\n", "line 2: steps"),
    ],
)
def test_batch_files_that_cannot_be_used_say_where(tmp_path: Path, name: str, content: str, word: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises((InputError, MotionError), match=word) as error:
        read_batch(path, WISH)
    assert str(tmp_path) not in str(error.value)


def test_batch_files_are_read(tmp_path: Path) -> None:
    one = replace(WISH, texts=("x",), seconds=(4.0,))
    (tmp_path / "a.txt").write_text("\ufeffa person walks\n\nhe bows\n", encoding="utf-8")
    assert [(w.texts, w.seconds, w.seed) for w in read_batch(tmp_path / "a.txt", one)] == [
        (("a person walks",), (4.0,), 7),
        (("he bows",), (4.0,), 8),
    ]
    (tmp_path / "a.csv").write_text('text,seconds,seed\n"walks, slowly",2.5,\nbows,,3\n', encoding="utf-8")
    assert [(w.texts[0], w.seconds, w.seed) for w in read_batch(tmp_path / "a.csv", one)] == [
        ("walks, slowly", (2.5,), 7),
        ("bows", (4.0,), 3),
    ]
    (tmp_path / "a.jsonl").write_text('{"text": ["walks", "bows"], "frames": [20, 40], "steps": 9}\n', encoding="utf-8")
    made = read_batch(tmp_path / "a.jsonl", one)[0]
    assert (made.seconds, made.steps) == ((1.0, 2.0), 9)


def test_a_batch_becomes_a_zip(studio: Studio) -> None:
    wishes = [replace(WISH, seed=i, pipeline=studio.default) for i in range(2)]
    made = studio.batch(wishes, ("npz", "bvh"), "page", nothing)
    with zipfile.ZipFile(made.zip()) as file:
        names = file.namelist()
        entries = json.loads(file.read("manifest.json"))
    assert len(names) == 5 and len({n.split("-")[0] for n in names if n[0].isdigit()}) == 2
    assert [entry["seed"] for entry in entries] == [0, 1]
    assert sorted(f for entry in entries for f in entry["files"]) == sorted(n for n in names if n != "manifest.json")


def test_options_that_cannot_be_used(run: Callable[..., Any]) -> None:
    assert "NAME:PASSWORD" in run("demo", "--auth", "ann").err
    assert "--port is 70000" in run("demo", "--port", "70000").err


def test_a_missing_part_is_named_with_its_remedy(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "_has", lambda module: False)
    assert 'pip install "motiongen[mcp]"' in run("demo", "--mcp").err
