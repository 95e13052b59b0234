"""Styled layers of a run: layer tree, metadata, temporal ranges."""

from .run_group import RUN_DIR_PROPERTY, add_run

__all__ = ["RUN_DIR_PROPERTY", "add_run"]
