"""Compiled kernels on several threads."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import torch


@lru_cache(maxsize=1)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "farmcd-kernel")


def share(job: Callable[..., None], parts: Sequence[tuple[Any, ...]]) -> None:
    """Call a job that frees the interpreter's lock with the arguments of every part, on torch's number of threads."""
    threads = torch.get_num_threads()
    if threads == 1 or len(parts) == 1:
        for part in parts:
            job(*part)
    else:
        list(_pool(threads).map(lambda part: job(*part), parts))
