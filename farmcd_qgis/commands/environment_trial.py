"""What the environment manager runs in a new environment: `python -m farmcd_qgis.commands.environment_trial`.

It computes a tile whose result is known, then lets each bundled network predict on the device that runs will use, which
compiles their kernels while somebody waits for an installation anyway, and prints what it found as one line of JSON.
Ends with status 1 and a reason on the last line of stderr where that fails.
"""

import json
import sys

from ..core.paths import bundled_checkpoints
from ..networks.prepare import prepare

TILE = 64
CLOSE = 1e-3


def main() -> int:
    """Try the environment; raises, and so ends with status 1, where it does not compute what it should."""
    prepare()
    import numpy as np
    import torch

    from ..core.feedback import SILENT
    from ..networks.here import Here

    generator = np.random.default_rng(0)
    image, kernel = generator.normal(size=(5, 16, 16)), generator.normal(size=(3, 5, 3, 3))
    windows = [image[:, y : y + 14, x : x + 14] for y in range(3) for x in range(3)]
    golden = np.einsum("wcyx,kcw->kyx", np.stack(windows), kernel.reshape(3, 5, 9))
    computed = torch.nn.functional.conv2d(torch.tensor(image)[None].float(), torch.tensor(kernel).float())[0].numpy()
    if np.abs(computed - golden).max() > CLOSE:
        raise ArithmeticError("torch computes a convolution otherwise than numpy")
    tiles = generator.integers(0, 256, (2, 1, 3, TILE, TILE), np.uint8)
    for checkpoint in bundled_checkpoints():
        predictor = Here().predictor(SILENT, str(checkpoint), tile=TILE)
        classes = predictor.predict(*tiles)[0]
        # Less than 1 is of a pixel that counts less beside other tiles (engine.seam).
        sums = classes.sum(axis=1)
        if not (classes >= 0).all() or not 0 < sums.min() <= sums.max() <= 1 + CLOSE or sums.max() < 1 - CLOSE:
            raise ArithmeticError(f"the probabilities of a tile's classes add up to {sums.min()} to {sums.max()}")
    told = {"device": predictor.device, "torch": torch.__version__, "numpy": np.__version__}
    sys.stdout.write(json.dumps(told) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
