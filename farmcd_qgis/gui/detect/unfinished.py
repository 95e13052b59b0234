"""The run that QGIS was left in the midst of, offered again."""

import json
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QWidget

from ...core.protocol import RunRequest, request_from_dict
from ...core.run_files import is_resumable
from ...settings import settings
from ..widgets.notice import Notice
from ..widgets.words import tr


class UnfinishedRun(Notice):
    """Remembers the run that is under way, also when QGIS ends; `wanted` carries its request when it shall go on."""

    wanted = pyqtSignal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("unfinishedNotice", {"goOn": tr("Go on"), "forget": tr("Forget it")}, parent)
        self.pressed.connect(self._on_pressed)

    def keep(self, request: RunRequest) -> None:
        """Remember a run that begins."""
        settings().unfinished_run.setValue(json.dumps(asdict(request)))
        self.hide()

    def forget(self) -> None:
        """The run has ended, or nobody wants it any more; what is in its folder stays there."""
        settings().unfinished_run.setValue("")
        self.hide()

    def look(self) -> None:
        """Offer a run of an earlier session if its folder still holds what it has done."""
        request = self._request()
        if request is not None and is_resumable(request.out_dir):
            self.say(tr("The run {0} was not finished.").format(Path(request.out_dir).name))
            self.setToolTip(request.out_dir)

    def _request(self) -> RunRequest | None:
        # What an older or newer version kept is passed over.
        with suppress(ValueError, TypeError, KeyError):
            return request_from_dict(json.loads(settings().unfinished_run.value()))
        return None

    def _on_pressed(self, name: str) -> None:
        request = self._request()
        if name == "goOn" and request is not None:
            self.wanted.emit(request)
        else:
            self.forget()
