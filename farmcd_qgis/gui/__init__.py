"""Docks, widgets and map tools. Nothing here imports torch or the engine."""
