"""The shape of the project: packages, directions of import, sizes, and what the source may not say."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    tomllib = None  # type: ignore[assignment]

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {
    "motiongen": ROOT / "motiongen",
    "motiongen_ops": ROOT / "ops/motiongen_ops",
    "motiongen_app": ROOT / "app/motiongen_app",
    "motiongen_data_prep": ROOT / "data_prep/motiongen_data_prep",
    "motiongen_assets": ROOT / "assets/motiongen_assets",
}
FOUNDATION = {"arrays", "pickles", "skeleton", "geometry", "motion"}
# Each part of the project and the parts that it may import.
ALLOWED: dict[str, set[str]] = {
    "ops": set(),
    "assets": set(),
    "arrays": set(),
    "pickles": set(),
    "skeleton": set(),
    "geometry": {"skeleton"},
    "motion": {"arrays", "skeleton", "geometry"},
    "features": FOUNDATION,
    "models": FOUNDATION | {"ops", "features"},
    "diffusion": FOUNDATION | {"ops", "features", "models"},
    "checkpoint": FOUNDATION | {"motiongen"},
    "prompts": FOUNDATION,
    "editing": FOUNDATION | {"features", "models", "diffusion", "prompts"},
    "pipeline": FOUNDATION | {"ops", "assets", "features", "models", "diffusion", "checkpoint", "prompts", "editing"},
    "training": FOUNDATION | {"features", "models", "diffusion", "checkpoint", "pipeline", "evaluation"},
    "evaluation": FOUNDATION | {"assets", "features", "models", "diffusion", "checkpoint", "pipeline", "training"},
    "body": FOUNDATION | {"assets"},
    "render": FOUNDATION | {"features", "body"},
    "export": FOUNDATION | {"features", "body", "render"},
    "batch": FOUNDATION | {"features", "models", "diffusion", "prompts", "pipeline", "export", "evaluation"},
    "data_prep": FOUNDATION | {"features", "body"},
    "motiongen": {"motion", "pipeline"},
}


def modules() -> dict[str, Path]:
    found = {}
    for package, folder in FOLDERS.items():
        for path in sorted(folder.rglob("*.py")):
            parts = [package, *path.relative_to(folder).with_suffix("").parts]
            found[".".join(p for p in parts if p != "__init__")] = path
    return found


def part(module: str) -> str:
    package, *rest = module.split(".")
    if package != "motiongen":
        return package.removeprefix("motiongen_")
    return rest[0] if rest else "motiongen"


def imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.split(".")[0] in FOLDERS}


@pytest.mark.parametrize("module", modules())
def test_imports_point_one_way(module: str) -> None:
    own = part(module)
    if own == "app":
        return
    known = modules()
    # A name that is no module of ours is something inside one, which its own entry covers.
    used = {part(name) for name in imports(modules()[module]) if name in known and name != "motiongen"} - {own}
    assert used <= ALLOWED[own], f"{module} imports {sorted(used - ALLOWED[own])}"


def test_modules_do_not_import_each_other_in_circles() -> None:
    known = modules()
    graph = {m: {n for n in imports(p) if n in known and n != m and n != "motiongen"} for m, p in known.items()}
    done: set[str] = set()

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, " -> ".join([*above, module])
        if module not in done:
            for following in sorted(graph[module]):
                visit(following, (*above, module))
            done.add(module)

    for module in graph:
        # A package's __init__ that re-exports its own modules is not a circle.
        graph[module] -= {module.rsplit(".", 1)[0]}
    for module in graph:
        visit(module, ())


@pytest.mark.skipif(tomllib is None, reason="reading pyproject.toml needs Python 3.11")
def test_packages_listed_are_those_on_disk() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    on_disk = {m for m, path in modules().items() if path.name == "__init__.py"}
    assert set(listed["packages"]) == on_disk
    assert {ROOT / folder for folder in listed["package-dir"].values()} == set(FOLDERS.values())


@pytest.mark.parametrize("path", modules().values(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_files_stay_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_no_pickle_is_read_without_weights_only() -> None:
    for module, path in modules().items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                safe = [k for k in node.keywords if k.arg == "weights_only" and ast.unparse(k.value) == "True"]
                assert safe, f"{module}:{node.lineno}"


def test_tests_mirror_the_source() -> None:
    """Every folder of the source has its folder of tests."""
    folders = {part(m) for m, path in modules().items() if path.name == "__init__.py"} - {"motiongen", "assets"}
    missing = [f for f in sorted(folders) if not list((ROOT / "tests" / f).glob("test_*.py"))]
    assert missing == []


def test_sources_name_no_path_of_one_machine() -> None:
    suffixes = {".py", ".c", ".md", ".toml", ".json"}
    for path in sorted(ROOT.rglob("*")):
        hidden = any(part.startswith(".") or part in ("build", "dist") for part in path.relative_to(ROOT).parts)
        if path.suffix in suffixes and not hidden and path != Path(__file__).resolve():
            assert not re.search(r"/(work|root|home|farm)/", path.read_text(encoding="utf-8")), path
