"""Styled layers of a run: layer tree, metadata, temporal ranges."""

from .run_group import add_run
from .runs import RUN_DIR_PROPERTY
from .sample_layer import add_sample

__all__ = ["RUN_DIR_PROPERTY", "add_run", "add_sample"]
