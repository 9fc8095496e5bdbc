"""`motiongen doctor`: what is installed, what it can use, and whether it works."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from rich.console import Console
from rich.markup import escape
from rich.table import Table

import motiongen_assets
from motiongen import __version__
from motiongen.export import EXPORTERS
from motiongen.motion import Motion
from motiongen.pipeline import TextToMotionPipeline
from motiongen.render import BACKENDS, Look, still
from motiongen.skeleton import PARENTS, uniform_offsets
from motiongen_ops import available_backends

OK = "ok"
# What videos are drawn with unless another backend is asked for; the others are extras.
RENDERER = Look().backend
Result = TypeVar("Result")


def run(as_json: bool) -> bool:
    """Examine the installation and print the findings; True if it is healthy."""
    findings = examine()
    if as_json:
        print(json.dumps(findings, indent=2, ensure_ascii=False))
    else:
        _print(findings)
    return not findings["problems"]


def examine() -> dict[str, Any]:
    """All findings as plain values; `problems` names each thing that keeps motiongen from working."""
    problems: list[str] = []
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    pipelines, loaded = _pipelines(problems)
    test: dict[str, Any] = {"status": "not run", "seconds": 0.0}
    exporters: dict[str, str] = {}
    if loaded is not None:
        test, clip = _self_test(loaded.to(device), problems)
        exporters = {} if clip is None else _exporters(clip, problems)
    return {
        "healthy": not problems,
        "problems": problems,
        "version": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "device": {"name": str(device), "model": _device_model(device), "threads": torch.get_num_threads()},
        "scan": {"backends": available_backends(), "in_use": _scan_in_use(device)},
        "renderer": {"backends": _renderers(problems), "in_use": RENDERER},
        "pipelines": pipelines,
        "exporters": exporters,
        "extras": _extras(),
        "self_test": test,
    }


def _pipelines(problems: list[str]) -> tuple[list[dict[str, Any]], TextToMotionPipeline | None]:
    """Every released pipeline, and the one that the self-test is to use: `base`, or the first."""
    released = motiongen_assets.pipelines()
    if not released:
        problems.append("no pipeline is released with this installation; give --pipeline a folder that you trained")
    found: list[dict[str, Any]] = []
    chosen: TextToMotionPipeline | None = None
    for name in sorted(released, key=lambda name: name != "base"):
        pipeline, status = _attempt(partial(TextToMotionPipeline.from_pretrained, name))
        entry: dict[str, Any] = {"name": name, "folder": str(released[name]), "status": status}
        if pipeline is None:
            problems.append(f"pipeline {name}: {status}")
        else:
            entry |= {"hash": pipeline.digest, "parameters": pipeline.parameters}
            chosen = chosen or pipeline
        found.append(entry)
    return found, chosen


def _self_test(pipeline: TextToMotionPipeline, problems: list[str]) -> tuple[dict[str, Any], Motion | None]:
    """Generate one second in two steps. A motion checks by itself that it is finite."""
    began = time.perf_counter()
    generator = torch.Generator().manual_seed(0)
    call = partial(pipeline, "a person walks forward", 1.0, num_inference_steps=2, generator=generator)
    output, status = _attempt(call)
    if output is None:
        problems.append(f"self-test: {status}")
    result = {"status": status, "seconds": round(time.perf_counter() - began, 2)}
    return result, None if output is None else output.motions[0]


def _exporters(clip: Motion, problems: list[str]) -> dict[str, str]:
    """Write two frames in every format; the video's goes through the renderer."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, export in EXPORTERS.items():
            path = Path(folder) / f"clip.{name}"
            _, found[name] = _attempt(partial(export, clip.crop(0, 2), path))
            if found[name] != OK:
                problems.append(f"format {name}: {found[name]}")
    return found


def _renderers(problems: list[str]) -> dict[str, str]:
    """Draw one small picture of someone who stands, with every backend; only the default one has to work."""
    rest = uniform_offsets()
    for joint, parent in enumerate(PARENTS[1:], start=1):
        rest[joint] += rest[parent]
    rest[:, 1] -= rest[:, 1].min()
    found = {}
    for name in BACKENDS:
        picture = partial(still, Motion(rest[None]), 0, 64, Look(skeleton=True, backend=name))
        _, found[name] = _attempt(picture)
    if found[RENDERER] != OK:
        problems.append(f"renderer {RENDERER}: {found[RENDERER]}")
    return found


def _extras() -> dict[str, dict[str, Any]]:
    """Optional parts as this installation declares them, which of their packages are missing, and the remedy."""
    try:
        lines = importlib.metadata.requires("motiongen") or []
    except importlib.metadata.PackageNotFoundError:
        return {}
    found: dict[str, dict[str, Any]] = {}
    for line in lines:
        extra = re.search(r"extra\s*==\s*['\"]([\w-]+)['\"]", line)
        package = re.match(r"[\w.-]+", line)
        if extra is None or package is None or package[0] == "motiongen":
            continue
        entry = found.setdefault(extra[1], {"missing": [], "install": f'pip install "motiongen[{extra[1]}]"'})
        if not _is_installed(package[0]):
            entry["missing"].append(package[0])
    if "clip" in found and not _is_installed("clip-anytorch"):
        # No extra can list it: its own requirements would break torch, see pyproject.toml.
        found["clip"]["missing"].append("clip-anytorch")
        found["clip"]["install"] += " && pip install --no-deps clip-anytorch"
    return found


def _is_installed(package: str) -> bool:
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _scan_in_use(device: torch.device) -> str:
    """The backend that "auto" takes: the first that runs here; the one in C is for the CPU alone."""
    ready = [name for name, status in available_backends().items() if status == OK]
    return next(name for name in ready if device.type == "cpu" or name != "c")


def _device_model(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()}, {os.cpu_count()} processors"


def _attempt(action: Callable[[], Result]) -> tuple[Result | None, str]:
    """What `action` returns and "ok", or None and in one line what went wrong; the other findings are still wanted."""
    try:
        return action(), OK
    except Exception as error:
        return None, " ".join(f"{type(error).__name__}: {error}".split())


def _print(findings: dict[str, Any]) -> None:
    console = Console(highlight=False)
    # What is found is escaped: to rich, "motiongen[train]" has a style in it.
    table = Table(show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name in ("version", "python", "torch"):
        table.add_row("motiongen" if name == "version" else name, findings[name])
    device = findings["device"]
    table.add_row("device", f"{device['name']} ({device['model']}), {device['threads']} threads")
    for part in ("scan", "renderer"):
        backends = ", ".join(f"{name}: {status}" for name, status in findings[part]["backends"].items())
        table.add_row(part, escape(f"{findings[part]['in_use']} in use ({backends})"))
    for pipeline in findings["pipelines"]:
        table.add_row(f"pipeline {pipeline['name']}", escape(_pipeline_line(pipeline)))
    if findings["exporters"]:
        formats = ", ".join(f"{name}: {status}" for name, status in findings["exporters"].items())
        table.add_row("formats", escape(formats))
    for name, extra in findings["extras"].items():
        missing = ", ".join(extra["missing"])
        table.add_row(f"extra {name}", escape(f"missing {missing}; {extra['install']}") if missing else "present")
    test = findings["self_test"]
    table.add_row("self-test", escape(f"{test['status']} ({test['seconds']:.1f} s)"))
    console.print(table)
    for problem in findings["problems"]:
        console.print(f"problem: {problem}", markup=False, soft_wrap=True)
    console.print("healthy" if findings["healthy"] else "not healthy")


def _pipeline_line(pipeline: dict[str, Any]) -> str:
    if "hash" not in pipeline:
        return str(pipeline["status"])
    counts = pipeline["parameters"]
    parts = ", ".join(f"{name} {count / 1e6:.2f} M" for name, count in counts.items())
    return f"{pipeline['hash']}, {sum(counts.values()) / 1e6:.2f} M parameters ({parts})"
