"""Parquet shards, read back with pyarrow."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motiongen.batch.jobs import Job, Options
from motiongen.batch.run import Plan, run_batch
from motiongen.batch.worker import Worker
from motiongen.pipeline import TextToMotionPipeline

parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow absent; it comes with the extra batch")


def test_what_goes_in_comes_out(tiny: TextToMotionPipeline, here: Callable[..., Any], tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.jsonl"
    lines: list[dict[str, Any]] = [{"text": f"step {i}", "frames": 12 + i % 2, "seed": i} for i in range(4)]
    lines.insert(2, {"text": ["walk", "bow"], "frames": [12, 13]})
    prompts.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    worker = Worker(tiny, ("npz", "bvh"))
    plan = Plan(prompts, tmp_path / "out", options=Options(steps=1), layout="parquet", shard_size=3)
    tally = run_batch(plan, here(worker))
    assert tally.done == 5
    shards = sorted(plan.out.glob("*.parquet"))
    assert [path.name for path in shards] == ["shard-000000.parquet", "shard-000001.parquet"]
    tables = [parquet.read_table(path) for path in shards]
    assert [len(table) for table in tables] == [3, 2] and tables[0].schema == tables[1].schema
    rows = {row["line"]: row for table in tables for row in table.to_pylist()}
    made = worker(Job(3, ("walk", "bow"), (12, 13), rows[3]["seed"], rows[3]["name"], Options(steps=1)))
    with np.load(io.BytesIO(made.files["npz"])) as file:
        for name in ("joints", "features", "poses", "trans", "betas"):
            np.testing.assert_array_equal(np.array(rows[3][name], dtype=np.float32), file[name])
    assert rows[3]["bvh"] == made.files["bvh"]
    assert rows[3]["jitter"] == made.record["metrics"]["jitter"]
    assert json.loads(rows[3]["segments"])[1] == {"text": "bow", "start": 12, "stop": 25}
    assert run_batch(replace(plan, resume=True), here(worker)).skipped == 5
