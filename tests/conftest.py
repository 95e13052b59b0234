"""What all tests share."""

import contextlib
import gc
import inspect
from collections.abc import Iterator
from types import FrameType

import pytest
from hypothesis import HealthCheck, settings
from pytestqt.qtbot import QtBot
from qgis.core import QgsApplication, QgsProject, QgsSettings
from qgis.PyQt.QtCore import QCoreApplication, QEvent

from farmcd_qgis.engine.prepare import prepare as prepare_engine
from farmcd_qgis.networks.prepare import prepare as prepare_networks

prepare_networks()
prepare_engine()

# A busy machine must not fail a test: no limit on the time of an example, nor on making one up, and long waits.
for waiting in (QtBot.waitUntil, QtBot.waitSignal):
    waiting.__kwdefaults__["timeout"] = 60_000
settings.register_profile("farmcd", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("farmcd")


@pytest.fixture(scope="module", autouse=True)
def nothing_from_the_file_before(no_layer_outlives_qgis: None) -> Iterator[None]:
    """Begin with our settings unset, leave an empty project: which files share a process differs from run to run."""
    if QgsApplication.instance() is not None:
        QgsSettings().remove("plugins/farmcd")
        QgsSettings().remove("shortcuts")
    yield
    project = QgsProject.instance()
    if project is not None:
        project.clear()


@pytest.fixture(scope="session", autouse=True)
def no_layer_outlives_qgis(request: pytest.FixtureRequest) -> Iterator[None]:
    """Free what left tests still hold, while QGIS is there.

    QGIS never gives back the traceback of an exception that a Python algorithm raised, and its frames keep the layers
    of the tests that expected it. Freed after QGIS has closed its providers, such a layer ends the process by a
    segmentation fault.
    """
    if request.config.pluginmanager.hasplugin("pytest_qgis"):
        request.getfixturevalue("qgis_app")
    yield
    # pytest-qgis leaves out the widgets of the last test.
    if request.config.pluginmanager.hasplugin("pytest_qgis"):
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    for kept in gc.get_objects():
        # Clearing a generator would end it, and fixtures that are still to be torn down are generators.
        if type(kept) is FrameType and not kept.f_code.co_flags & inspect.CO_GENERATOR:
            with contextlib.suppress(RuntimeError):  # it still runs
                kept.clear()
    gc.collect()
