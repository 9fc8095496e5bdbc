"""Runs: killed at any moment they go on with nothing lost and nothing twice; shards, layouts, refusals, a full disk."""

from __future__ import annotations

import errno
import io
import json
import multiprocessing
import os
import random
import signal
import sys
import tarfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from motiongen.batch.filters import conditions
from motiongen.batch.jobs import Options
from motiongen.batch.manifest import BatchError, Manifest
from motiongen.batch.run import Plan, Tally, run_batch

Engine = Callable[..., Any]
KILLS = 12
# A little more than a run takes: lines of code of the files below.
STEPS = 7000
TOUCHED = ("manifest.py", "layouts.py", "shards.py", "run.py", "chunks.py", "jobs.py")


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    prompts = tmp_path / "prompts.txt"
    lines = [f"clip {i}#{1 + i % 3}" for i in range(60)]
    lines[7], lines[20], lines[33] = "odd#x", "a bad one#2", "a poor one#1"
    prompts.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Plan(prompts, tmp_path / "out", shard_size=7)


def records(plan: Plan) -> list[dict[str, Any]]:
    return [json.loads(line) for line in plan.manifest.read_text(encoding="utf-8").splitlines()]


def contents(out: Path) -> dict[str, bytes]:
    """Files by name, with the records of a manifest in order of their lines."""
    found = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    return {name: b"\n".join(sorted(data.splitlines())) if "manifest" in name else data for name, data in found.items()}


def samples(out: Path) -> Counter[str]:
    """Members of all shards."""
    found: Counter[str] = Counter()
    for path in out.glob("*.tar"):
        with tarfile.open(path) as tar:
            found.update(f"{m.name} {hash((tar.extractfile(m) or io.BytesIO()).read())}" for m in tar.getmembers()
                         if not m.name.endswith(".json"))  # fmt: skip
    return found


def test_what_a_run_leaves(plan: Plan, here: Engine) -> None:
    told: list[int] = []
    tally = run_batch(plan, here(), lambda tally: told.append(tally.finished))
    assert tally == Tally(60, 0, 57, 1, 2, tally.seconds)
    assert (told[0], told[-1]) == (0, 60) and told == sorted(told)
    by_line = {record["line"]: record for record in records(plan)}
    assert sorted(by_line) == list(range(1, 61))
    assert by_line[8] == {"line": 8, "status": "refused", "reason": by_line[8]["reason"]}
    assert (by_line[21]["status"], by_line[34]["status"]) == ("refused", "filtered")
    assert by_line[34]["metrics"] == {"jitter": 0.5} and "files" not in by_line[34]
    assert by_line[60]["files"] == ["00000/000060-clip-59.bvh", "00000/000060-clip-59.glb"]
    files = [file for record in by_line.values() for file in record.get("files", [])]
    assert sorted(contents(plan.out)) == sorted([*files, "batch.json", "manifest.jsonl"])


def killed_after(steps: int, plan: Plan, here: Engine) -> None:
    """Run the plan and die, without a chance to tidy up, after so many lines of code that touch the disk."""
    left = steps

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal left
        if not frame.f_code.co_filename.endswith(TOUCHED):
            return None
        if event == "line":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    run_batch(plan, here())
    sys.settrace(None)
    os._exit(0)


def killed(plan: Plan, here: Engine, steps: int) -> bool:
    process = multiprocessing.get_context("fork").Process(target=killed_after, args=(steps, plan, here))
    process.start()
    process.join()
    return process.exitcode == -signal.SIGKILL


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that are copies of this one")
@pytest.mark.parametrize("layout", ["files", "webdataset"])
def test_killed_at_any_moment_nothing_is_lost_or_twice_or_half_written(
    plan: Plan, here: Engine, layout: str, tmp_path: Path
) -> None:
    plan = replace(plan, layout=layout, resume=True)
    whole = replace(plan, out=tmp_path / "whole")
    run_batch(whole, here())
    chance = random.Random(layout)
    deaths, kept, torn = 0, set(), 0
    while deaths < KILLS:
        deaths += killed(plan, here, chance.randrange(1, STEPS))
        if plan.manifest.exists():
            for record in records_before_the_torn_line(plan):
                assert all((plan.out / file).stat().st_size for file in record.get("files", [record.get("shard", "")]))
            kept.add(len(records_before_the_torn_line(plan)))
            if chance.random() < 0.8:
                torn += tear(plan.manifest, chance)
        if plan.manifest.exists() and len(records_before_the_torn_line(plan)) == 60:
            # Done: begin again, so that all the deaths are in the midst of something.
            check_whole(plan, whole, layout, here)
            for path in plan.out.rglob("*"):
                path.unlink() if path.is_file() else None
    # That deaths were in the midst of it, and that shards were left with a part of their records.
    assert kept - {0, 60} and (torn or layout == "files"), (kept, torn)
    check_whole(plan, whole, layout, here)


def records_before_the_torn_line(plan: Plan) -> list[dict[str, Any]]:
    *lines, _ = plan.manifest.read_bytes().split(b"\n")
    return [json.loads(line) for line in lines]


def tear(path: Path, chance: random.Random) -> bool:
    """Leave what a machine that loses power may leave of records that were being appended; whether of a shard's."""
    if chance.random() < 0.25:
        whole = json.dumps({"line": 999, "status": "done", "name": "torn"}).encode()
        with open(path, "ab") as file:
            file.write(whole[: chance.randrange(1, len(whole) + 1)])
        return False
    lines = path.read_bytes().splitlines(keepends=True)
    shards = [json.loads(line).get("shard") if line.endswith(b"\n") else None for line in lines]
    if not shards or not shards[-1]:
        return False
    group = lines[shards.index(shards[-1]) :]
    os.truncate(path, path.stat().st_size - chance.randrange(1, sum(map(len, group))))
    return True


def check_whole(plan: Plan, whole: Plan, layout: str, here: Engine) -> None:
    run_batch(plan, here())
    if layout == "files":
        assert contents(plan.out) == contents(whole.out)
        return
    assert Counter(record["line"] for record in records(plan)) == Counter(range(1, 61))
    assert samples(plan.out) == samples(whole.out)
    assert {r["shard"] for r in records(plan) if "shard" in r} == {path.name for path in plan.out.glob("*.tar")}
    assert not list(plan.out.glob(".unfinished*"))


def test_shards_of_the_work_make_what_the_whole_makes(plan: Plan, here: Engine, tmp_path: Path) -> None:
    run_batch(plan, here())
    parts = [replace(plan, out=tmp_path / "parts", shard=(index, 3)) for index in range(3)]
    assert [run_batch(part, here()).total for part in parts] == [20, 20, 20]
    assert sorted(r["line"] for part in parts for r in records(part)) == list(range(1, 61))
    clips = {name: data for name, data in contents(plan.out).items() if "/" in name}
    assert {name: data for name, data in contents(parts[0].out).items() if "/" in name} == clips
    with pytest.raises(BatchError, match="shards was 3, now 1"):
        run_batch(replace(plan, out=tmp_path / "parts"), here())


def test_a_run_is_not_taken_for_another(plan: Plan, here: Engine) -> None:
    run_batch(plan, here())
    before = contents(plan.out)
    with pytest.raises(BatchError, match=r"manifest\.jsonl: is there already; give --resume"):
        run_batch(plan, here())
    again = replace(plan, resume=True)
    assert run_batch(again, here()) == Tally(60, 60)
    changes: dict[str, dict[str, Any]] = {
        "seed was 7, now 8": {"seed": 8},
        "steps was 20, now 9": {"options": Options(steps=9)},
        "filter was , now jitter<1": {"filters": conditions("jitter<1")},
        "layout was files, now webdataset": {"layout": "webdataset"},
        "unit was seconds, now frames": {"unit": "frames"},
    }
    for said, change in changes.items():
        with pytest.raises(BatchError, match=said):
            run_batch(replace(again, **change), here())
    path = plan.out / "batch.json"
    whole = path.read_text(encoding="utf-8")
    settings = json.loads(whole)
    assert settings["input_format"] == "txt"
    for name, said in {
        "torch": "torch was 1, now 2", "version": "version was 1, now", "input_format": "input_format was 1, now txt",
        "rows": r"this machine multiplies in another way \(1 clips a pass before, now 4\); go on on one like the first",
    }.items():  # fmt: skip
        path.write_text(json.dumps({**settings, name: 1}), encoding="utf-8")
        with pytest.raises(BatchError, match=said):
            run_batch(again, here())
    path.unlink()
    with pytest.raises(BatchError, match=r"manifest\.jsonl: of its run, batch\.json is missing"):
        run_batch(again, here())
    assert not path.exists()
    path.write_text(whole, encoding="utf-8")
    with open(plan.prompts, "a", encoding="utf-8") as file:
        file.write("one more\n")
    with pytest.raises(BatchError, match="the prompts are others"):
        run_batch(again, here())
    assert contents(plan.out) == before


def test_two_runs_do_not_write_one_manifest(plan: Plan, here: Engine) -> None:
    run_batch(plan, here())
    held = Manifest(plan.manifest)
    try:
        with pytest.raises(BatchError, match="another run is writing it"):
            run_batch(replace(plan, resume=True), here())
    finally:
        held.close()
    plan.manifest.write_text('{"line": 1, "status": "done"}\n{"li\n{"line": 2, "status": "done"}\n', encoding="utf-8")
    with pytest.raises(BatchError, match="line 2 is damaged"):
        run_batch(replace(plan, resume=True), here())


@pytest.mark.parametrize("layout", ["files", "webdataset"])
def test_a_full_disk_is_one_line_and_the_run_goes_on_later(
    plan: Plan, here: Engine, layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = replace(plan, layout=layout)
    real, calls = os.fsync, 0

    def full(handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls > 12:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(BatchError, match="No space left on device; mend that and go on with --resume") as caught:
            run_batch(plan, here())
    assert "\n" not in str(caught.value)
    whole = replace(plan, out=tmp_path / "whole")
    run_batch(whole, here())
    check_whole(replace(plan, resume=True), whole, layout, here)


def test_settings_are_on_the_disk_before_they_have_their_name(
    plan: Plan, here: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    real_sync, real_replace = os.fsync, os.replace

    def sync(handle: int) -> None:
        synced.append(os.fstat(handle).st_ino)
        real_sync(handle)

    def replaced(source: Path, to: Path) -> None:
        assert Path(source).stat().st_ino in synced, to
        real_replace(source, to)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", replaced)
    run_batch(plan, here())
    assert (plan.out / "batch.json").stat().st_ino in synced


def test_lost_lines_are_in_no_manifest_and_made_by_the_next_run(plan: Plan, here: Engine) -> None:
    class Loses(here):  # type: ignore[misc, valid-type]
        def results(self, chunks: Any) -> Any:
            for results in super().results(chunks):
                yield [replace(r, status="lost", record={}, files={}) if r.line in (3, 4) else r for r in results]

    tally = run_batch(plan, Loses())
    assert (tally.lost, tally.finished) == (2, 58)
    assert {record["line"] for record in records(plan)} == {*range(1, 61)} - {3, 4}
    again = run_batch(replace(plan, resume=True), here())
    assert (again.skipped, again.done, again.lost) == (58, 2, 0)


def test_a_missing_package_is_told_before_anything_is_loaded(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "motiongen.batch.parquet", raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(BatchError, match="the layout parquet needs pyarrow; run: pip install"):
        replace(plan, layout="parquet").check()


@pytest.mark.parametrize("resume", [False, True])
def test_a_run_that_begins_replaces_no_shards_of_others(plan: Plan, here: Engine, resume: bool) -> None:
    plan = replace(plan, layout="webdataset", resume=resume)
    plan.out.mkdir()
    for name in ("shard-000004.tar", "shard-9.tar", "shard-000-of-002-000000.tar"):
        (plan.out / name).write_bytes(b"of another")
    with pytest.raises(BatchError, match=r"shard-000004\.tar: is there already and of no run here; give another --out"):
        run_batch(plan, here())
    assert len(list(plan.out.iterdir())) == 3
    (plan.out / "shard-000004.tar").unlink()
    run_batch(plan, here())
    assert (plan.out / "shard-9.tar").read_bytes() == b"of another"


def test_an_interruption_while_refused_lines_are_written_writes_them_once(
    plan: Plan, here: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = Manifest.append, 0

    def interrupted(manifest: Manifest, records: list[dict[str, Any]]) -> None:
        nonlocal calls
        calls += 1
        real(manifest, records)
        if calls == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Manifest, "append", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run_batch(plan, here())
    assert run_batch(replace(plan, resume=True), here()).finished == 60
    assert sorted(record["line"] for record in records(plan)) == list(range(1, 61))


def test_webdataset_reads_the_shards(plan: Plan, here: Engine) -> None:
    webdataset = pytest.importorskip("webdataset", reason="reads the shards back; not needed to write them")
    run_batch(replace(plan, layout="webdataset"), here())
    urls = [str(path) for path in sorted(plan.out.glob("*.tar"))]
    found = list(webdataset.WebDataset(urls, shardshuffle=False))
    assert len(found) == 57
    for sample in found:
        record = json.loads(sample["json"])
        assert sample["txt"].decode() == record["text"] and sample["__key__"] == record["name"]
        assert sample["glb"] == sample["bvh"][::-1]
    assert [sum(1 for s in found if s["__url__"] == url) for url in urls] == [7] * 8 + [1]


def test_an_interrupted_run_keeps_what_it_has(plan: Plan, here: Engine) -> None:
    plan = replace(plan, layout="webdataset", shard_size=100)

    def interrupt(tally: Tally) -> None:
        if tally.done > 15:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_batch(plan, here(), interrupt)
    kept = len(records(plan))
    assert kept > 15
    tally = run_batch(replace(plan, resume=True), here())
    assert (tally.skipped, tally.finished) == (kept, 60)


def test_a_file_without_prompts_is_refused(plan: Plan, here: Engine) -> None:
    plan.prompts.write_text("\n \n", encoding="utf-8")
    with pytest.raises(BatchError, match="holds no prompt"):
        run_batch(plan, here())
    assert not plan.out.exists()
    with pytest.raises(BatchError, match="shard 3/3 is none"):
        run_batch(replace(plan, shard=(3, 3)), here())
