"""Styled layers of a run: layer tree, metadata, temporal ranges."""
