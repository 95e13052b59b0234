"""An authors' checkpoint, read safely."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor


CLIP_PREFIX = "score_head.clip_model."
WRAPPERS = ("model", "state_dict", "net", "cd_model")
MOST_WRAPPERS = 8


def read_authors_state(path: Path) -> dict[str, "Tensor"]:
    """Read an authors' checkpoint safely as a flat state dict without wrappers and prefixes.

    Raises InputError for a file that is no PyTorch checkpoint, is damaged, or holds more than tensors.
    """
    import torch

    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)  # nosec B614 weights_only
    except Exception as error:  # a foreign file makes torch raise anything; what it advises is not for the person
        if "Unsupported global" in str(error) or "GLOBAL" in str(error):
            raise InputError("checkpoint_unsafe", path=path) from error
        raise InputError("checkpoint_not_state", path=path, size=path.stat().st_size) from error
    for _ in range(MOST_WRAPPERS):
        if not isinstance(loaded, Mapping):
            break
        inner = next((name for name in WRAPPERS if isinstance(loaded.get(name), Mapping)), None)
        if inner is None:
            break
        loaded = loaded[inner]
    else:  # a file can hold itself
        raise InputError("checkpoint_no_state", path=path, kind="dict")
    if not isinstance(loaded, Mapping):
        raise InputError("checkpoint_no_state", path=path, kind=type(loaded).__name__)
    return {
        re.sub(r"^(module\.|_orig_mod\.)+", "", str(key)): value
        for key, value in loaded.items()
        if isinstance(value, torch.Tensor)
    }
