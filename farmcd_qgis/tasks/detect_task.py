"""The tasks for a RunRequest: detection, and the preflight before it."""

from ..core.protocol import RunRequest
from ..runtime.pool import detect_arguments
from .worker_task import WorkerTask


class DetectTask(WorkerTask):
    """Detects the changes of `request`; succeeds with a RunResult."""

    def __init__(self, request: RunRequest, description: str = "FarmCD: detect changes") -> None:
        super().__init__("detect", detect_arguments(request), description, asks=True)
        self.request = request


class PreflightTask(WorkerTask):
    """Checks the inputs of `request` without loading a model; succeeds with a list of Finding."""

    def __init__(self, request: RunRequest, description: str = "FarmCD: check the inputs") -> None:
        super().__init__("preflight", detect_arguments(request), description, hidden=True)
