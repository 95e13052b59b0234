"""The settings that most people leave alone."""

from typing import Any

from qgis.gui import QgsCollapsibleGroupBox, QgsDoubleSpinBox, QgsFileWidget, QgsSpinBox
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QCheckBox, QComboBox, QFormLayout, QLineEdit, QWidget

from ...core.bands import usual_places
from ...core.polygons import TAU_RANGE, PolygonSettings
from ...core.protocol import RunRequest
from ...settings import settings
from ..widgets.words import label as label_of
from ..widgets.words import tr
from .workers import most_workers

AS_BEFORE = "before"


class AdvancedBox(QgsCollapsibleGroupBox):
    """Tile, overlap, batch, tau, minimum mapping unit, grid, bands and dates; `values()` are fields of a RunRequest."""

    changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Advanced"), parent)
        self.setObjectName("advancedBox")
        self.setCollapsed(True)
        form = QFormLayout(self)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.tau = self._add_real(form, "tau", tr("Hard below confidence"), PolygonSettings.tau, *TAU_RANGE, 2)
        unit = PolygonSettings.minimum_mapping_unit_m2
        self.unit = self._add_real(form, "mmu", tr("Minimum mapping unit"), unit, 0.0, 1e7, 0)
        self.unit.setSuffix(" m²")
        self.tile = self._add_whole(form, "tile", tr("Tile"), RunRequest.tile, 16, 2048, 8)
        self.tile.setSuffix(" px")
        self.overlap = self._add_whole(form, "overlap", tr("Overlap of tiles"), RunRequest.overlap, 0, 1024, 8)
        self.overlap.setSuffix(" px")
        self.batch = self._add_whole(form, "batch", tr("Tiles in a batch"), RunRequest.batch, 0, 256, 1)
        self.batch.setSpecialValueText(tr("automatic"))
        self.resolution = self._add_real(form, "resolution", tr("Network looks at"), 0.0, 0.0, 1000.0, 2)
        self.resolution.setSuffix(tr(" m per pixel"))
        self.resolution.setSpecialValueText(tr("automatic"))
        self.resolution.setToolTip(tr("Finer images are looked at at the checkpoint's resolution, in less time"))
        most, why = most_workers()
        self.workers = self._add_whole(form, "workers", tr("Workers"), RunRequest.workers, 1, most, 1)
        self.workers.setSuffix(tr(" of at most {0}").format(most))
        self.workers.setEnabled(most > 1)
        self.workers.setToolTip(
            tr(
                "Processes that compute blocks of a large pair side by side, each with a network of its own "
                "(about 1 GB). One already uses all cores for the network."
            )
            + " "
            + why
        )
        self.reference = QComboBox()
        self.reference.setObjectName("referenceCombo")
        self.reference.addItem(tr("the after image"), "after")
        self.reference.addItem(tr("the before image"), "before")
        self.reference.currentIndexChanged.connect(self.changed)
        form.addRow(label_of(tr("Grid of")), self.reference)
        self._fitted: tuple[int, ...] | None = None
        # Whether the chosen checkpoint learned from both orders of the dates.
        self._order_free = False
        # Whether it can show where its network looks, and whether it has a screen that can be relied on.
        self._attends = self._screens = False
        self.bands = QComboBox()
        self.bands.setObjectName("bandsCombo")
        for bands, words in _band_orders():
            self.bands.addItem(words, bands)
        # Else its longest words would widen the dock.
        self.bands.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.bands.setToolTip(tr("Water is black in near infrared."))
        self.bands.currentIndexChanged.connect(self.changed)
        form.addRow(label_of(tr("Red, green, blue")), self.bands)
        self.after_bands = QComboBox()
        self.after_bands.setObjectName("afterBandsCombo")
        self.after_bands.addItem(tr("as of before"), AS_BEFORE)
        for bands, words in _band_orders():
            self.after_bands.addItem(words, bands)
        self.after_bands.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.after_bands.currentIndexChanged.connect(self.changed)
        form.addRow(label_of(tr("Those of after")), self.after_bands)
        self.before_parts = self._add_files(form, "beforePartsWidget", tr("More files of before"))
        self.after_parts = self._add_files(form, "afterPartsWidget", tr("More files of after"))
        self.before_date = self._add_date(form, "beforeDateEdit", tr("Date of before"))
        self.after_date = self._add_date(form, "afterDateEdit", tr("Date of after"))
        self.before_range = self._add_text(form, "beforeRangeEdit", tr("Values of before"), tr("2:98%, or 0:3000"))
        self.after_range = self._add_text(form, "afterRangeEdit", tr("Values of after"), tr("2:98%, or 0:3000"))
        for edit in (self.before_range, self.after_range):
            edit.setToolTip(tr("Which values become black and white; empty: 8-bit images as they are"))
        self.symmetric = self._add_check(form, "symmetricCheck", tr("Average over both orders of the dates"))
        self.symmetric.setToolTip(tr("Takes twice as long"))
        self._fit_orders(False)
        self.attention = self._add_check(form, "attentionCheck", tr("Map where the network looked"))
        self.attention.setToolTip(tr("A raster of its own, for a network that can show it"))
        self.attention.setVisible(False)
        self.screen = self._add_check(form, "screenCheck", tr("Look only where the screen expects change"))
        self.screen.setVisible(False)
        self.matching = self._add_check(form, "matchingCheck", tr("Match the colours of before to after"))
        self.fill = self._add_check(form, "fillCheck", tr("Treat a constant fill as nodata"))
        self.fill.setToolTip(tr("Black frames and the like that the file does not declare"))
        self.shift = self._add_check(form, "shiftCheck", tr("Correct a shift between the dates"))
        self.shift.setToolTip(tr("It is measured on several places, and told in the record"))
        self.force = self._add_check(form, "forceCheck", tr("Compute a finished run anew"))
        self.force.setToolTip(tr("Replaces the run that the output folder holds"))
        # QGIS shows all that a box holds when it is unfolded.
        self.collapsedStateChanged.connect(self._show_offered)
        self._usual = self.values()
        self._restore()
        self.changed.connect(self._save)
        self.changed.connect(self._count)
        self._count()

    def values(self) -> dict[str, Any]:
        """Return the fields of a RunRequest that are set here."""
        after_bands = self.after_bands.currentData()
        return {
            "tau": round(self.tau.value(), 4),
            "minimum_mapping_unit_m2": self.unit.value(),
            "tile": self.tile.value(),
            "overlap": self.overlap.value(),
            "batch": self.batch.value(),
            "resolution_m": self.resolution.value() or None,
            "workers": self.workers.value(),
            "reference": self.reference.currentData(),
            "before_bands": self.bands.currentData(),
            "after_bands": self.bands.currentData() if after_bands == AS_BEFORE else after_bands,
            "before_parts": _files(self.before_parts),
            "after_parts": _files(self.after_parts),
            "before_date": self.before_date.text().strip() or None,
            "after_date": self.after_date.text().strip() or None,
            "before_range": self.before_range.text().strip() or None,
            "after_range": self.after_range.text().strip() or None,
            # Where it is not offered, it is the checkpoint's to say.
            "symmetric": self.symmetric.isChecked() if self._order_free else None,
            "attention": self.attention.isChecked() and self._attends,
            "screen": self.screen.isChecked() and self._screens,
            "match_histograms": self.matching.isChecked(),
            "treat_fill_as_nodata": self.fill.isChecked(),
            "correct_shift": self.shift.isChecked(),
            "force": self.force.isChecked(),
        }

    def remedy(self, code: str) -> None:
        """Set what mends what a finding tells of."""
        {"undeclared_fill": self.fill, "shifted": self.shift, "matching_proposed": self.matching}[code].setChecked(True)

    def fit(self, card: dict[str, Any]) -> None:
        """Offer what a checkpoint can do: its bands, both orders of the dates where it learned from both, attention."""
        self._fit_bands(card)
        self._fit_orders(bool(card.get("order_free")))
        self._attends = bool(card.get("attends"))
        self._screens = bool(card.get("screens"))
        self._show_offered()
        if self._screens:
            said = card["screening"]
            words = tr("A small network leaves out {0:.0f} % of the tiles; {1:.1f} % of the changed area is kept")
            self.screen.setToolTip(words.format(100 * said["skipped"], 100 * said["kept"]))
        self._count()

    def _show_offered(self) -> None:
        """Show of the boxes that depend on the checkpoint those that it offers."""
        self.symmetric.setVisible(self._order_free)
        self.attention.setVisible(self._attends)
        self.screen.setVisible(self._screens)

    def _count(self) -> None:
        """Say on the box, which is mostly folded, how many settings a person has changed."""
        usual = self._usual | {"before_bands": self._fitted, "after_bands": self._fitted}
        usual["symmetric"] = True if self._order_free else None
        count = sum(value != usual[name] for name, value in self.values().items())
        self.setTitle(tr("Advanced ({0} changed)").format(count) if count else tr("Advanced"))

    def _fit_orders(self, offered: bool) -> None:
        """Average over both orders where a checkpoint learned from both, until a person chooses."""
        self.symmetric.setVisible(offered)
        if not offered or self.symmetric.isChecked() == self._order_free:
            self.symmetric.setChecked(offered)
        self._order_free = offered

    def _fit_bands(self, card: dict[str, Any]) -> None:
        """Read what a checkpoint was trained to read, as images of the usual order hold it, until a person chooses.

        Bands that such an image does not have are left to the person: the preflight tells of them.
        """
        places = usual_places(card.get("bands") or ())
        wanted = None if places is None or places == (1, 2, 3) else places
        if self.bands.currentData() not in (None, self._fitted):
            return
        orders = [self.bands.itemData(place) for place in range(self.bands.count())]
        if wanted not in orders:
            self.bands.addItem(", ".join(map(str, wanted or ())), wanted)
            orders.append(wanted)
        self._fitted = wanted
        # QComboBox.findData finds no tuples.
        self.bands.setCurrentIndex(orders.index(wanted))

    def _add_real(
        self, form: QFormLayout, name: str, label: str, value: float, low: float, high: float, decimals: int
    ) -> QgsDoubleSpinBox:
        box = QgsDoubleSpinBox()
        box.setDecimals(decimals)
        box.setRange(low, high)
        box.setSingleStep(0.05 if decimals else 100)
        box.setClearValue(value)
        box.setValue(value)
        return self._added(form, name, label, box)

    def _add_whole(
        self, form: QFormLayout, name: str, label: str, value: int, low: int, high: int, step: int
    ) -> QgsSpinBox:
        box = QgsSpinBox()
        box.setRange(low, high)
        box.setSingleStep(step)
        box.setClearValue(value)
        box.setValue(value)
        return self._added(form, name, label, box)

    def _added(self, form: QFormLayout, name: str, label: str, box: Any) -> Any:
        box.setObjectName(f"{name}Spin")
        box.valueChanged.connect(lambda _: self.changed.emit())
        form.addRow(label_of(label), box)
        return box

    def _add_date(self, form: QFormLayout, name: str, label: str) -> QLineEdit:
        return self._add_text(form, name, label, tr("from the file, or 2020-08-31"))

    def _add_text(self, form: QFormLayout, name: str, label: str, example: str) -> QLineEdit:
        edit = QLineEdit()
        edit.setObjectName(name)
        edit.setPlaceholderText(example)
        edit.editingFinished.connect(self.changed)
        form.addRow(label_of(label), edit)
        return edit

    def _add_files(self, form: QFormLayout, name: str, label: str) -> QgsFileWidget:
        files = QgsFileWidget()
        files.setObjectName(name)
        files.setStorageMode(QgsFileWidget.StorageMode.GetMultipleFiles)
        files.lineEdit().setPlaceholderText(tr("none"))
        files.setToolTip(tr("Other bands or tiles of the same date, which FarmCD joins with the chosen raster"))
        files.fileChanged.connect(lambda _: self.changed.emit())
        form.addRow(label_of(label), files)
        return files

    def _add_check(self, form: QFormLayout, name: str, label: str) -> QCheckBox:
        check = QCheckBox(label)
        check.setObjectName(name)
        check.toggled.connect(lambda _: self.changed.emit())
        form.addRow(check)
        return check

    def _kept(self) -> list[tuple[Any, Any]]:
        """Pair entries with their boxes; not the order of dates, which empties the next run of who forgot it."""
        kept = settings()
        boxes = (self.tau, self.unit, self.tile, self.overlap, self.batch)
        return list(zip((kept.tau, kept.mmu, kept.tile, kept.overlap, kept.batch), boxes, strict=True))

    def _save(self) -> None:
        for entry, box in self._kept():
            entry.setValue(box.value())
        settings().match_histograms.setValue(self.matching.isChecked())

    def _restore(self) -> None:
        for entry, box in self._kept():
            box.setValue(entry.value())
        self.matching.setChecked(settings().match_histograms.value())


def _band_orders() -> list[tuple[tuple[int, int, int] | None, str]]:
    """Return the orders of bands that images come in, with words; None is what each image says of itself."""
    return [
        (None, tr("as each image says")),
        ((1, 2, 3), tr("bands 1, 2, 3")),
        ((3, 2, 1), tr("3, 2, 1: blue comes first")),
        ((1, 4, 3), tr("1, 4, 3: near infrared as green")),
        ((3, 4, 1), tr("3, 4, 1: blue first, infrared as green")),
    ]


def _files(widget: QgsFileWidget) -> tuple[str, ...]:
    return tuple(QgsFileWidget.splitFilePaths(widget.filePath()))
