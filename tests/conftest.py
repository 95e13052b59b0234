"""What all tests share."""

import os
import sys

import pytest
from hypothesis import HealthCheck, settings

# A busy machine must not fail a test: no limit on the time of an example, nor on making one up.
settings.register_profile("farmcd", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("farmcd")

_status: list[int] = []


def pytest_sessionfinish(exitstatus: int) -> None:
    """Keep how the tests ended for the very last moment."""
    _status.append(int(exitstatus))


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Leave at once when all is told.

    Qt objects of hundreds of tests are else destroyed after Python and QGIS are gone, in no order, and the process
    ends by a segmentation fault although every test passed. QGIS itself never ends like this: it unloads the plugin.
    """
    if _status:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_status[0])
