"""A pipeline on disk: `model_index.json`, and one folder a component with `config.json` and `model.safetensors`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from motiongen import __version__
from motiongen.motion import MotionError, atomic_path

Module = TypeVar("Module", bound=nn.Module)

INDEX = "model_index.json"
WEIGHTS = "model.safetensors"
CONFIG = "config.json"


def save_module(module: nn.Module, folder: Path, dtype: torch.dtype | None = None) -> None:
    """Write a module that keeps its `__init__` arguments in `config`; floating weights as `dtype` if one is given."""
    tensors = {
        name: (t.to(dtype) if dtype is not None and t.is_floating_point() else t).detach().cpu().contiguous()
        for name, t in module.state_dict().items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / WEIGHTS) as beside:
        save_file(tensors, beside)
    write_json(folder / CONFIG, {"_class_name": type(module).__name__, **module.config})  # type: ignore[dict-item]


def load_module(build: Callable[..., Module], folder: Path) -> Module:
    """Call `build` with `config.json` and fill it in float32, in evaluation mode.

    Raises:
        MotionError: a file is missing or damaged, or the weights do not fit the configuration.
    """
    config = {k: v for k, v in read_json(folder / CONFIG).items() if not k.startswith("_")}
    try:
        module = build(**config)
        weights = load_file(folder / WEIGHTS)
        module.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in weights.items()})
    except FileNotFoundError:
        raise MotionError(f"{folder / WEIGHTS}: no such file") from None
    except (SafetensorError, OSError) as error:
        raise MotionError(f"{folder / WEIGHTS}: damaged ({str(error).splitlines()[0]})") from None
    except (TypeError, ValueError, RuntimeError) as error:
        raise MotionError(f"{folder}: weights and configuration do not fit ({str(error).splitlines()[0]})") from None
    return module.eval()


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write readable JSON, whole or not at all."""
    with atomic_path(path) as beside:
        beside.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; a `MotionError` names the file when it is missing or is something else."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MotionError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise MotionError(f"{path}: not readable as JSON ({str(error).splitlines()[0]})") from None
    if not isinstance(content, dict):
        raise MotionError(f"{path}: holds no JSON object")
    return content


def pipeline_hash(folder: Path) -> str:
    """First 12 hexadecimal digits of the SHA-256 over all that makes up a pipeline.

    `run.json`, which tells how it was trained, does not.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in {".json", ".safetensors"} and path.name != "run.json":
            digest.update(path.relative_to(folder).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def index_of(components: dict[str, str]) -> dict[str, Any]:
    """Content of `model_index.json`: the class of every component."""
    return {"_class_name": "TextToMotionPipeline", "_motiongen_version": __version__, **components}
