"""Waiting for what Qt does later."""

import time

from qgis.PyQt.QtCore import QCoreApplication


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        QCoreApplication.processEvents()
        time.sleep(0.01)
    assert condition()
