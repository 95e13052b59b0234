"""The managed environment of the networks: how it is chosen, fetched, built, checked, switched to, repaired, removed.

Nothing here knows Qt; `gui.environment` and `commands.environment_cli` drive it.
"""
