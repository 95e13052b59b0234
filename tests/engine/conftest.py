"""Fixtures of this room."""

from tests.helpers.colour_predictor import make_request
