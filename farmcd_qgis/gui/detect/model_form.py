"""The part of the page that asks for the checkpoint, the device and the output folder."""

import re
from datetime import datetime
from pathlib import Path
from typing import Any

from qgis.core import QgsProject
from qgis.gui import QgsCheckableComboBox, QgsFileWidget
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QComboBox, QFileDialog, QFormLayout, QLabel, QWidget

from ... import tasks
from ...core.context import NUISANCES, SCENES, context_prompt
from ...core.errors import FarmCDError
from ...core.paths import bundled_checkpoints
from ...settings import runs_home, settings
from ...translation import said
from ..widgets.card import card_words, checkpoint_name, show_details, with_link
from ..widgets.engine_notice import ENGINE_FAULTS
from ..widgets.layer_combo import ElidedCombo
from ..widgets.words import label, nuisance_words, scene_words, tr

OTHER_FILE = "other"


class ModelForm(QWidget):
    """Checkpoint with its card, device as really found, output folder; `values()` are fields of a RunRequest.

    Scene and nuisances are asked for only where the checkpoint was trained with them.
    """

    changed = pyqtSignal()
    card_shown = pyqtSignal(dict)
    # Whether there is an engine: why there is none, or None.
    engine_looked_for = pyqtSignal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.checkpoint = ElidedCombo("checkpointCombo")
        self.card = QLabel()
        self.card.setObjectName("cardLabel")
        self.card.setWordWrap(True)
        self.card.linkActivated.connect(lambda _: show_details(self._card, self))
        self._card: dict[str, Any] = {}
        small = self.card.font()
        small.setPointSizeF(0.9 * small.pointSizeF())
        self.card.setFont(small)
        self.device = QComboBox()
        self.device.setObjectName("deviceCombo")
        self.device.addItem(tr("automatic"), "auto")
        self.output = QgsFileWidget()
        self.output.setObjectName("outputWidget")
        self._proposed = ""
        self._asking: tasks.WorkerTask | None = None
        self._looking: tasks.WorkerTask | None = None
        self.output.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(label(tr("Checkpoint")), self.checkpoint)
        form.addRow(self.card)
        self._add_context(form)
        form.addRow(label(tr("Device")), self.device)
        form.addRow(label(tr("Output folder")), self.output)
        self._fill_checkpoints()
        self.checkpoint.activated.connect(self._choose)
        self.checkpoint.currentIndexChanged.connect(lambda _: self._show_card())
        self.device.currentIndexChanged.connect(lambda _: self.changed.emit())
        self.output.fileChanged.connect(lambda _: self.changed.emit())

    def begin(self) -> None:
        """Ask a worker for the devices and the card; the first look at the page calls this."""
        if self._looking is not None:
            self._looking.stop()
        devices = self._looking = tasks.start(
            tasks.WorkerTask("devices", {}, tr("FarmCD: look for devices"), hidden=True)
        )
        devices.succeeded.connect(self._fill_devices)
        devices.failed.connect(self._on_no_devices)
        self._show_card()

    def values(self) -> dict[str, Any]:
        """Return the fields of a RunRequest that are set here."""
        return {
            "checkpoint": self.checkpoint.currentData() or "",
            "device": self.device.currentData(),
            "out_dir": self.output.filePath().strip(),
            "context": self._context(),
        }

    def propose_output(self, name: str) -> None:
        """Name a folder that is not there yet, after the image and the time; one of the person's own stays."""
        if self.output.filePath() not in ("", self._proposed):
            return
        home = QgsProject.instance().homePath() or settings().folder.value() or runs_home()
        stem = re.sub(r"[^\w.-]+", "_", name)[:40] or "run"
        moment = datetime.now().strftime("%Y%m%d-%H%M%S")
        self._proposed = str(Path(home) / f"farmcd_{stem}_{moment}")
        self.output.setFilePath(self._proposed)

    def keep_output(self) -> None:
        """Leave the folder that is named now, as if the person had named it."""
        self._proposed = ""

    def keep(self) -> None:
        """Remember the checkpoint and the device."""
        settings().checkpoint.setValue(self.checkpoint.currentData())
        settings().device.setValue(self.device.currentData())

    def _add_context(self, form: QFormLayout) -> None:
        self.scene = QComboBox()
        self.scene.setObjectName("sceneCombo")
        self.scene.addItem(tr("not given"), "")
        for scene in SCENES:
            self.scene.addItem(scene_words(scene), scene)
        self.nuisances = QgsCheckableComboBox()
        self.nuisances.setObjectName("nuisancesCombo")
        self.nuisances.setDefaultText(tr("nothing"))
        for nuisance in NUISANCES:
            self.nuisances.addItemWithCheckState(nuisance_words(nuisance), Qt.CheckState.Unchecked, nuisance)
        self._context_rows = [(label(tr("Scene")), self.scene), (label(tr("To be ignored")), self.nuisances)]
        for row in self._context_rows:
            form.addRow(*row)
        self._show_context(False)
        self.scene.currentIndexChanged.connect(lambda _: self.changed.emit())
        self.nuisances.checkedItemsChanged.connect(lambda _: self.changed.emit())

    def _show_context(self, known: bool) -> None:
        for row in self._context_rows:
            for widget in row:
                widget.setVisible(known)
        self._knows_contexts = known

    def _context(self) -> tuple[str, ...]:
        scene = self.scene.currentData()
        asked = scene and self._knows_contexts
        return (context_prompt(scene, self.nuisances.checkedItemsData()),) if asked else ()

    def _fill_checkpoints(self) -> None:
        for path in bundled_checkpoints():
            self.checkpoint.addItem(checkpoint_name(path), str(path))
            self.checkpoint.setItemData(self.checkpoint.count() - 1, str(path), Qt.ItemDataRole.ToolTipRole)
        self.checkpoint.addItem(tr("Other file…"), OTHER_FILE)
        kept = settings().checkpoint.value()
        if kept and Path(kept).is_file():
            self.select(kept)

    def _choose(self, place: int) -> None:
        if self.checkpoint.itemData(place) != OTHER_FILE:
            return
        kinds = tr("Checkpoints") + " (*.safetensors *.pth *.pt)"
        path, _ = QFileDialog.getOpenFileName(self, tr("Choose a checkpoint"), "", kinds)
        if path:
            self.select(path)
        else:
            self.checkpoint.setCurrentIndex(0)

    def select(self, path: str) -> None:
        """Choose a checkpoint, which is added to the list if it is not there."""
        place = self.checkpoint.findData(path)
        if place < 0:
            place = self.checkpoint.count() - 1
            self.checkpoint.insertItem(place, Path(path).name, path)
        self.checkpoint.setCurrentIndex(place)

    def _show_card(self) -> None:
        path = self.checkpoint.currentData()
        self.card.setText("")
        self.card.setToolTip(path or "")
        self._show_context(False)
        self.changed.emit()
        if not path or path == OTHER_FILE or not self.isVisible():
            return
        if not path.endswith(".safetensors"):
            self.card.setText(tr("A file of the authors' code: it has no card."))
            return
        if self._asking is not None:
            self._asking.stop()
        words = tr("FarmCD: read the model card")
        task = tasks.start(tasks.WorkerTask("info", {"checkpoint": path}, words, hidden=True))
        # Methods of the form, since these end with it: an answer may come after the dock has gone.
        task.succeeded.connect(self._fill_card)
        task.failed.connect(self._say_why)
        self._asking = task

    def _fill_card(self, card: dict[str, Any]) -> None:
        self._asking = None
        self._show_context(bool(card.pop("contexts", [])))
        self._card = card
        self.card.setText(with_link(card_words(card)))
        self.card.setToolTip("")
        self.card_shown.emit(card)

    def _say_why(self, error: FarmCDError) -> None:
        self._asking = None
        # That there is no engine is said once, and elsewhere.
        self.card.setText("" if error.code in ENGINE_FAULTS else said(error))

    def _fill_devices(self, found: dict[str, Any]) -> None:
        kept = settings().device.value()
        while self.device.count() > 1:
            self.device.removeItem(1)
        for row in found["devices"]:
            if row["usable"]:
                self.device.addItem(f"{row['id']}: {said(row['name'])}", row["id"])
        self.device.setCurrentIndex(max(0, self.device.findData(kept)))
        self.engine_looked_for.emit(None)

    def _on_no_devices(self, error: FarmCDError) -> None:
        if error.code in ENGINE_FAULTS:
            self.engine_looked_for.emit(error)
