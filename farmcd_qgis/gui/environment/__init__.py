"""The page of the networks' environment: what there is, installing it with the person's consent, and repairing it.

`open_environment(parent)` is what other panels call.
"""

from .dialog import EnvironmentDialog, open_environment

__all__ = ["EnvironmentDialog", "open_environment"]
