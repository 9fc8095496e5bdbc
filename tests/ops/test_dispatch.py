"""Which backend a scan goes to, and what is said when it cannot go there."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from motiongen_ops import available_backends, c_scan, dispatch, selective_scan, triton_scan


def inputs(dtype: torch.dtype = torch.float32, states: int = 2) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = {"u": (1, 4, 3), "delta": (1, 4, 3), "A": (3, states), "B": (1, 4, states), "C": (1, 4, states)}
    return {name: torch.rand(shape, generator=generator).to(dtype) for name, shape in shapes.items()}


def test_every_backend_is_reported() -> None:
    assert set(available_backends()) == set(dispatch.BACKENDS) - {"auto"}
    assert available_backends()["torch"] == available_backends()["reference"] == "ok"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_triton_needs_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    assert "CUDA" in available_backends()["triton"]
    with pytest.raises(RuntimeError, match=r"backend 'triton': u is on cpu.*run on CUDA") as caught:
        selective_scan(**inputs(), backend="triton")
    assert "\n" not in str(caught.value)


def test_triton_says_that_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    monkeypatch.setattr(triton_scan, "INSTALLED", False)
    assert "not installed" in available_backends()["triton"]
    with pytest.raises(RuntimeError, match="not installed"):
        selective_scan(**inputs(), backend="triton")


def test_triton_refuses_what_it_cannot_compute() -> None:
    with pytest.raises(RuntimeError, match="float64"):
        selective_scan(**inputs(torch.float64), backend="triton")
    with pytest.raises(RuntimeError, match="at most 64"):
        selective_scan(**inputs(states=65), backend="triton")


def test_old_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triton_scan, "INSTALLED", True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (7, 5))
    assert "sm_75" in available_backends()["triton"]


def test_auto_goes_by_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    class OnGPU(Tensor):
        device = torch.device("cuda")

    u = torch.zeros(1).as_subclass(OnGPU)
    monkeypatch.setattr(triton_scan, "refusal", lambda u, n: "")
    assert dispatch._choose("auto", u, 16) == "triton"
    monkeypatch.setattr(triton_scan, "refusal", lambda u, n: "it is too old")
    assert dispatch._choose("auto", u, 16) == "torch"
    assert dispatch._choose("auto", torch.zeros(1), 16) == ("torch" if c_scan.unavailable() else "c")


def test_auto_ignores_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    assert dispatch._choose("auto", torch.zeros(1), 16) != "triton"
