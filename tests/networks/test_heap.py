"""Memory of one layer serves the next: no page is paid for twice."""

import gc
import subprocess
import sys
from pathlib import Path

import pytest

from farmcd_qgis.networks import heap

ROOT = Path(__file__).resolve().parents[2]
CHURN = """
import resource, sys
import numpy as np
from farmcd_qgis.networks import heap

if sys.argv[1] == "kept":
    heap.keep_freed()
def churn():
    for _ in range(20):
        np.ones(40 * 2**20, np.uint8)
churn()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
churn()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
if sys.argv[1] == "kept":
    held = int(open("/proc/self/statm").read().split()[1])
    heap.give_back()
    print(held - int(open("/proc/self/statm").read().split()[1]))
"""


def figures(way: str) -> list[int]:
    command = [sys.executable, "-c", CHURN, way]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [int(word) for word in told.stdout.split()]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a setting of glibc")
def test_freed_blocks_are_used_again_and_given_back_at_the_end():
    (faults,) = figures("as it is")
    kept, returned = figures("kept")
    assert kept < faults / 20
    assert returned > 5000  # pages of 4 KiB: 40 MB less a little


def test_garbage_is_looked_for_again_after_an_import_that_failed() -> None:
    inside = []

    def fail() -> None:
        with heap.uncollected():
            inside.append(gc.isenabled())
            raise ImportError

    assert gc.isenabled()
    with pytest.raises(ImportError):
        fail()
    assert inside == [False]
    assert gc.isenabled()
