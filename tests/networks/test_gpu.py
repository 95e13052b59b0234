"""The golden numbers on a GPU, with every backend that is there; skipped where there is none (scripts/check_gpu)."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from farmcd_qgis.core.paths import bundled_checkpoints
from farmcd_qgis.networks.checkpoint import load_checkpoint
from farmcd_qgis.networks.fd_mamba.scan import available_on, selective_scan, use_backend
from farmcd_qgis.networks.predictor import HALF_TOLERANCE, Predictor
from tests.helpers.fd_mamba_golden import GOLDEN, IO, PROMPTS, TEXT, assert_close
from tests.helpers.scan_arguments import SHAPES, arguments
from tests.helpers.tiny_network import TinyNet

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that PyTorch can use")
BACKENDS = ("mamba_ssm", "chunked", "recurrence")
TILE = 256


@pytest.fixture(autouse=True)
def _exact() -> Iterator[None]:
    """Keep float32 products float32: by default a GPU rounds those of convolutions to ten bits."""
    kept = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = kept


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every backend in turn."""
    if torch.cuda.is_available() and request.param not in available_on(torch.device("cuda")):
        pytest.skip(f"{request.param} is not installed")
    with use_backend(request.param):
        yield request.param


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_scan_equals_the_recurrence_in_float64(backend: str, reverse: bool, shape: tuple[int, int, int]) -> None:
    given = arguments(shape)
    with use_backend("recurrence"):
        wanted = selective_scan(**given, reverse=reverse)
    y = selective_scan(**{name: value.float().cuda() for name, value in given.items()}, reverse=reverse)
    assert (y.cpu() - wanted).abs().max() <= 1e-5 * (1 + wanted.abs().max())


@torch.no_grad()
def test_goldens_of_the_network(backend: str) -> None:
    net = load_checkpoint(GOLDEN / "tiny.pt", dict(zip(PROMPTS, TEXT["unit"], strict=True)), "cuda")
    logits, score_map = net(torch.tensor(IO["x1"]).cuda(), torch.tensor(IO["x2"]).cuda())
    assert_close(logits.cpu(), IO["logits_noctx"])
    assert_close(score_map.cpu(), IO["score_map_noctx"])
    logits, _ = net(torch.tensor(IO["x1"]).cuda(), torch.tensor(IO["x2"]).cuda(), [PROMPTS[6]])
    assert_close(logits[..., ::2, ::2].cpu(), IO["logits_ctx1_s2"])


def test_predictor_gives_what_the_cpu_gives() -> None:
    make = np.random.default_rng(3)
    before, after = (make.integers(0, 256, (5, 3, TILE, TILE)).astype(np.uint8) for _ in range(2))
    checkpoint = str(bundled_checkpoints()[0])
    wanted = Predictor.load(checkpoint, "cpu").predict(before, after)
    predictor = Predictor.load(checkpoint, "cuda")
    assert predictor.batch >= 1
    predictor.batch = 2
    found = predictor.predict(before, after)
    for ours, theirs in zip(found, wanted, strict=True):
        assert np.quantile(np.abs(ours - theirs), 0.999) <= (2 * HALF_TOLERANCE if predictor.half else 1e-3)


def test_memory_that_really_runs_out_halves_the_batch() -> None:
    class Greedy(TinyNet):
        def forward(self, before: torch.Tensor, *given: object):
            room = torch.empty(len(before), torch.cuda.get_device_properties(0).total_memory // 3, device=before.device)
            del room
            return super().forward(before, *given)

    make = np.random.default_rng(4)
    before, after = (make.integers(0, 256, (4, 3, 16, 16)).astype(np.uint8) for _ in range(2))
    predictor = Predictor(TinyNet().cuda(), "cuda", tile=16)
    predictor._net, predictor.batch = Greedy().cuda(), 4
    with pytest.raises(Exception, match="too small for one tile"):
        predictor.predict(before, after)
    assert predictor.batch == 1
    predictor._net = TinyNet().cuda()
    assert predictor.predict(before, after)[0].shape == (4, 6, 16, 16)
