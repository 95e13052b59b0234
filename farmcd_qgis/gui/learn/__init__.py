"""The panel that trains on with verdicts."""
