"""Tiles in, blended rows out."""
