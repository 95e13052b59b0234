"""The authors' numbers for FD-Mamba."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "fd_mamba"
IO = np.load(GOLDEN / "tiny_io.npz")
TEXT = np.load(GOLDEN / "text_features.npz")
PROMPTS = [str(prompt) for prompt in TEXT["prompts"]]


def assert_close(
    ours: Tensor, golden: npt.NDArray[Any], median: float = 1e-5, most: float = 5e-4, all_: float = 3e-3
) -> None:
    """The acceptance of the golden numbers: median, 99.9th percentile and maximum of the error."""
    error = np.abs(ours.detach().double().numpy() - golden)
    assert ours.shape == golden.shape
    assert np.median(error) <= median
    assert np.quantile(error, 0.999) <= most
    assert error.max() <= all_
