"""The benchmark: every target of speed and flatness, as a ratio within one run; `scripts/benchmark` starts it."""
