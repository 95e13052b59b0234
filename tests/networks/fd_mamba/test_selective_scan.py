"""Every backend of the selective scan against the plain recurrence, values and gradients."""

import logging
from pathlib import Path

import numpy as np
import pytest
import torch

from farmcd_qgis.networks.fd_mamba import scan as package
from farmcd_qgis.networks.fd_mamba.scan import backend_for, recurrence, selective_scan, use_backend
from tests.helpers.scan_arguments import SHAPES, arguments

GOLDEN = np.load(Path(__file__).resolve().parents[2] / "golden" / "fd_mamba" / "unit.npz")
BACKENDS = ["recurrence", "chunked", "numba_cpu"]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("gated", [True, False])
def test_golden_of_the_authors(backend: str, gated: bool) -> None:
    names = {"u": "u", "delta": "delta", "a": "A", "b": "B", "c": "C", "d": "D", "delta_bias": "delta_bias"}
    given = {ours: torch.tensor(GOLDEN[f"scan_{theirs}"]) for ours, theirs in names.items()}
    if gated:
        given["z"] = torch.tensor(GOLDEN["scan_z"])
    with use_backend(backend):
        y = selective_scan(**given)
    wanted = GOLDEN["scan_out" if gated else "scan_out_noz"]
    assert np.abs(y.numpy() - wanted).max() <= 1e-5


@pytest.mark.parametrize("backend", ["chunked", "numba_cpu"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_values_and_gradients_equal_the_recurrence(backend: str, reverse: bool, shape: tuple[int, int, int]) -> None:
    given = {name: value.requires_grad_() for name, value in arguments(shape).items()}
    kind, tolerance = (torch.float32, 2e-4) if backend == "numba_cpu" else (torch.float64, 1e-10)
    with use_backend("recurrence"):
        wanted = selective_scan(**given, reverse=reverse)
    push = torch.randn(wanted.shape, dtype=torch.float64)
    wanted_gradients = torch.autograd.grad(wanted, list(given.values()), push)
    tested = {name: value.detach().to(kind).requires_grad_() for name, value in given.items()}
    with use_backend(backend):
        y = selective_scan(**tested, reverse=reverse)
    scale = 1 + wanted.abs().max()
    assert (y - wanted).abs().max() <= tolerance * scale / 20
    gradients = torch.autograd.grad(y, list(tested.values()), push.to(kind))
    for name, ours, theirs in zip(given, gradients, wanted_gradients, strict=True):
        assert (ours - theirs).abs().max() <= tolerance * (1 + theirs.abs().max()), name


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_one_pass_of_inference_equals_the_recurrence(reverse: bool, shape: tuple[int, int, int]) -> None:
    given = arguments(shape)
    with use_backend("recurrence"):
        wanted = selective_scan(**given, reverse=reverse)
    halves = torch.cat([given["u"], given["z"]], dim=1).float().chunk(2, dim=1)
    tested = {name: value.float() for name, value in given.items()} | {"u": halves[0], "z": halves[1]}
    with use_backend("numba_cpu"), torch.inference_mode():
        y = selective_scan(**tested, reverse=reverse)
    assert (y - wanted).abs().max() <= 1e-5 * (1 + wanted.abs().max())


def test_reverse_is_flipping_in_and_out() -> None:
    given = arguments((2, 3, 50))
    flipped = {n: v.flip(-1) if v.dim() == 3 else v for n, v in given.items()}
    with use_backend("recurrence"):
        error = selective_scan(**given, reverse=True) - selective_scan(**flipped).flip(-1)
    assert error.abs().max() <= 1e-10


def test_compiled_scan_gives_the_same_bytes_with_any_number_of_threads() -> None:
    given = {name: value.float().requires_grad_() for name, value in arguments((2, 9, 300)).items()}
    threads = torch.get_num_threads()
    seen = []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            with use_backend("numba_cpu"):
                y = selective_scan(**given)
            seen.append([y, *torch.autograd.grad(y.sum(), list(given.values()))])
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(one, two) for one, two in zip(*seen, strict=True))


def test_half_types_come_back_as_they_were() -> None:
    given = {name: value.float() for name, value in arguments((1, 4, 40)).items()}
    given |= {name: given[name].bfloat16() for name in ("u", "delta", "b", "c", "z")}
    y = selective_scan(**given)
    assert y.dtype == torch.bfloat16
    wanted = selective_scan(**{name: value.float() for name, value in given.items()})
    assert (y.float() - wanted).abs().max() <= 0.01 * (1 + wanted.abs().max())


def test_choice_of_backend() -> None:
    u, a = torch.zeros(1, 2, 8), torch.zeros(2, 16)
    assert backend_for(u, a) == "numba_cpu"
    assert backend_for(u.double(), a.double()) == "chunked"
    assert backend_for(u, torch.zeros(2, 8)) == "chunked"
    assert recurrence.scan(u, u, a, torch.zeros(1, 16, 8), torch.zeros(1, 16, 8), False).shape == u.shape
    with pytest.raises(ValueError, match="no backend"), use_backend("cuda"):
        pass


def test_without_numba_the_scan_runs_in_chunks_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing(name: str) -> None:
        raise ImportError(f"No module named {name}")

    monkeypatch.setattr(package, "_module", missing)
    package._available.cache_clear()
    try:
        with caplog.at_level(logging.WARNING, logger="farmcd_qgis"):
            found = {backend_for(torch.zeros(1, 2, 8), torch.zeros(2, 16)) for _ in range(3)}
    finally:
        package._available.cache_clear()
    assert found == {"chunked"}
    assert caplog.text.count("needs numba") == 1
