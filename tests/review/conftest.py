"""Fixtures of this room."""

from tests.helpers.red_run import unreviewed
