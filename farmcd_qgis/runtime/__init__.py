"""Finding the worker's Python, probing it, and talking to the worker process."""
