"""Review of candidates: verdict store, queue, reviewer. Nothing here imports torch, the engine or the gui."""
