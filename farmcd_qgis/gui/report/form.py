"""What a report is asked for: run, candidates, units, names, language, outputs and folder, as settings of a report."""

from contextlib import suppress
from dataclasses import fields
from pathlib import Path

from qgis.core import (
    Qgis,
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsFieldProxyModel,
    QgsVectorLayer,
)
from qgis.gui import (
    QgsCheckableComboBox,
    QgsCollapsibleGroupBox,
    QgsDoubleSpinBox,
    QgsFieldComboBox,
    QgsFileWidget,
    QgsMapLayerComboBox,
    QgsProjectionSelectionWidget,
    QgsSpinBox,
)
from qgis.PyQt.QtCore import QSignalBlocker, Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QFormLayout,
    QLineEdit,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from ...core.classes import FIVE, ClassTable, table_of
from ...core.errors import InputError
from ...layers.run_group import read_record
from ...layers.sources import polygon_source
from ...report.settings import CONFIRMED_ONES, NOT_REJECTED, OUTPUTS, ReportSettings
from ...review.reviewer import reviewer_name
from ...settings import settings
from ..widgets.words import label, language, tr

DEFAULTS = {field.name: field.default for field in fields(ReportSettings)}
# Names of formats, the same in every language.
FORMATS = {"geojson": "GeoJSON", "gpkg": "GeoPackage", "shp": "Shapefile", "shapefile": "Shapefile"}
SUBFOLDER = "report"


class ReportForm(QWidget):
    """The choices of a report; `settings()` makes them one object. What an office always wants the same is kept."""

    changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.run_dir: Path | None = None
        self._proposed = ""
        self._make_choices()
        self._make_names()
        self._make_more()
        self._lay_out()
        self._restore()
        self._connect()

    def settings(self) -> ReportSettings:
        """Build the settings from what is chosen; raises InputError with a sentence if something is missing."""
        if self.run_dir is None:
            raise InputError("no_run_chosen")
        if not self.folder.filePath().strip():
            raise InputError("no_out_dir")
        outputs = tuple(self.outputs.checkedItemsData())
        if not outputs:
            raise InputError("no_outputs")
        units = self.units.currentLayer()
        if units is not None and not self.unit_field.currentField():
            raise InputError("no_unit_field")
        farmland = self.farmland.currentLayer()
        return ReportSettings(
            run_dir=str(self.run_dir),
            out_dir=self.folder.filePath().strip(),
            language=self.language.currentData(),
            statuses=CONFIRMED_ONES if self.filter.currentData() == "confirmed" else NOT_REJECTED,
            classes=self._chosen_classes(),
            minimum_m2=self.smallest.value(),
            candidate_pages=self.pages.value(),
            units=polygon_source(units) if units is not None else None,
            unit_field=self.unit_field.currentField() if units is not None else None,
            farmland=polygon_source(farmland) if farmland is not None else None,
            office=self.office.text().strip(),
            author=self.author.text().strip(),
            administrative_unit=self.administrative_unit.text().strip(),
            number=self.number.text().strip(),
            crs=(self.crs.crs().authid() or self.crs.crs().toWkt()) if self.crs.crs().isValid() else None,
            templates=self.templates.filePath().strip() or None,
            outputs=tuple(name for name in OUTPUTS if name in outputs),
        )

    def set_run(self, run_dir: Path | None) -> None:
        """Choose the run to be reported."""
        if run_dir == self.run_dir:
            return
        self.run_dir = run_dir
        if self.folder.filePath() in ("", self._proposed):
            self._proposed = str(run_dir / SUBFOLDER) if run_dir else ""
            self.folder.setFilePath(self._proposed)
        # What is wrong with a run is said when it is reported.
        with suppress(InputError):
            self._show_classes(table_of(read_record(run_dir), str(run_dir)) if run_dir else FIVE)
        self.changed.emit()

    def keep(self) -> None:
        """Remember names, language, choice of candidates and outputs for the next report."""
        kept = settings()
        kept.office.setValue(self.office.text().strip())
        kept.author.setValue(self.author.text().strip())
        kept.administrative_unit.setValue(self.administrative_unit.text().strip())
        kept.report_language.setValue(self.language.currentData())
        kept.report_filter.setValue(self.filter.currentData())
        kept.report_outputs.setValue(list(self.outputs.checkedItemsData()))
        kept.report_pages.setValue(self.pages.value())
        kept.report_templates.setValue(self.templates.filePath().strip())

    def _make_choices(self) -> None:
        self.filter = _combo("filterCombo")
        self.filter.addItem(tr("Confirmed candidates"), "confirmed")
        self.filter.addItem(tr("All but pseudo-changes"), "not_rejected")
        self.units = _layers("unitsCombo", tr("none"))
        self.units.setToolTip(tr("Polygons of administrative units or parcels, for a table of their own"))
        self.unit_field = QgsFieldComboBox()
        self.unit_field.setObjectName("unitFieldCombo")
        self.unit_field.setFilters(QgsFieldProxyModel.Filter.String | QgsFieldProxyModel.Filter.Int)
        self.unit_field.setEnabled(False)

    def _make_names(self) -> None:
        self.office, self.author = QLineEdit(), QLineEdit()
        self.administrative_unit, self.number = QLineEdit(), QLineEdit()
        self.administrative_unit.setObjectName("administrativeUnitEdit")
        self.administrative_unit.setPlaceholderText(tr("County or town that the report is about"))
        self.number.setObjectName("numberEdit")
        self.number.setPlaceholderText(tr("of the day and the run"))
        self.office.setObjectName("officeEdit")
        self.author.setObjectName("authorEdit")
        self.language = _combo("languageCombo")
        self.language.addItem("English", "en")
        self.language.addItem("中文", "zh")
        self.outputs = QgsCheckableComboBox()
        self.outputs.setObjectName("outputsCombo")
        self.outputs.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        for name in reversed(OUTPUTS):
            words = FORMATS.get(name, name.upper())
            self.outputs.addItemWithCheckState(words, Qt.CheckState.Checked, name)
        self.folder = QgsFileWidget()
        self.folder.setObjectName("folderWidget")
        self.folder.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)

    def _make_more(self) -> None:
        self.more = QgsCollapsibleGroupBox(tr("More choices"))
        self.more.setObjectName("moreBox")
        self.more.setCollapsed(True)
        self.classes = QgsCheckableComboBox()
        self.classes.setObjectName("classesCombo")
        self._show_classes(FIVE)
        self.smallest = QgsDoubleSpinBox()
        self.smallest.setObjectName("smallestSpin")
        self.smallest.setDecimals(0)
        self.smallest.setRange(0, 1e9)
        self.smallest.setSingleStep(100)
        self.smallest.setSuffix(" m²")
        self.pages = QgsSpinBox()
        self.pages.setObjectName("pagesSpin")
        self.pages.setRange(0, 100000)
        self.pages.setClearValue(DEFAULTS["candidate_pages"])
        self.pages.setValue(DEFAULTS["candidate_pages"])
        self.pages.setToolTip(tr("So many of the largest candidates get a page each"))
        self.farmland = _layers("reportFarmlandCombo", tr("as in the run"))
        self.crs = QgsProjectionSelectionWidget()
        self.crs.setObjectName("crsWidget")
        self.crs.setNotSetText(tr("as in the run"))
        self.crs.setOptionVisible(QgsProjectionSelectionWidget.CrsOption.CrsNotSet, True)
        self.crs.setCrs(QgsCoordinateReferenceSystem())
        self.crs.setToolTip(tr("Of the GeoPackage and the Shapefile"))
        self.templates = QgsFileWidget()
        self.templates.setObjectName("templatesWidget")
        self.templates.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        self.templates.lineEdit().setPlaceholderText(tr("those of FarmCD"))
        self.templates.setToolTip(tr("A folder with your office's own layout templates"))

    def _lay_out(self) -> None:
        form = _form()
        for text, field in (
            (tr("Candidates"), self.filter),
            (tr("Units"), self.units),
            (tr("Their name"), self.unit_field),
            (tr("Office"), self.office),
            (tr("Author"), self.author),
            (tr("Area"), self.administrative_unit),
            (tr("Number"), self.number),
            (tr("Language"), self.language),
            (tr("Outputs"), self.outputs),
            (tr("Output folder"), self.folder),
        ):
            form.addRow(label(text), field)
        more = _form()
        for text, field in (
            (tr("Classes"), self.classes),
            (tr("At least"), self.smallest),
            (tr("Pages"), self.pages),
            (tr("Farmland"), self.farmland),
            (tr("CRS"), self.crs),
            (tr("Templates"), self.templates),
        ):
            more.addRow(label(text), field)
        self.more.setLayout(more)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(form)
        column.addWidget(self.more)

    def _connect(self) -> None:
        self.units.layerChanged.connect(self._on_units)
        for combo in (self.filter, self.language):
            combo.currentIndexChanged.connect(lambda _: self.changed.emit())
        self.unit_field.fieldChanged.connect(lambda _: self.changed.emit())
        self.farmland.layerChanged.connect(lambda _: self.changed.emit())
        for checkable in (self.outputs, self.classes):
            checkable.checkedItemsChanged.connect(lambda _: self.changed.emit())
        for edit in (self.office, self.author, self.administrative_unit, self.number):
            edit.textChanged.connect(lambda _: self.changed.emit())
        for spin in (self.smallest, self.pages):
            spin.valueChanged.connect(lambda _: self.changed.emit())
        for files in (self.folder, self.templates):
            files.fileChanged.connect(lambda _: self.changed.emit())
        self.crs.crsChanged.connect(lambda _: self.changed.emit())

    def _restore(self) -> None:
        kept = settings()
        self.office.setText(kept.office.value())
        # Whoever reviews has said the name once.
        self.author.setText(kept.author.value() or reviewer_name())
        self.administrative_unit.setText(kept.administrative_unit.value())
        usual = "zh" if QgsApplication.instance().locale().startswith("zh") else "en"
        for combo, chosen in ((self.language, kept.report_language), (self.filter, kept.report_filter)):
            combo.setCurrentIndex(max(combo.findData(chosen.value() or usual), 0))
        outputs = kept.report_outputs.value()
        for index in range(self.outputs.count() if outputs else 0):
            wanted = self.outputs.itemData(index) in outputs
            self.outputs.setItemCheckState(index, Qt.CheckState.Checked if wanted else Qt.CheckState.Unchecked)
        self.pages.setValue(kept.report_pages.value())
        self.templates.setFilePath(kept.report_templates.value())

    def _chosen_classes(self) -> tuple[int, ...]:
        # None chosen is meant as all, as if the person had never looked there.
        chosen = tuple(int(class_id) for class_id in self.classes.checkedItemsData())
        return chosen if len(chosen) < self.classes.count() else ()

    def _show_classes(self, table: ClassTable) -> None:
        """Offer the classes of a run's table, all of them chosen, unless it is the one that is offered."""
        rows = [(row.label(language()), row.id) for row in table.changes]
        if rows == [(self.classes.itemText(place), self.classes.itemData(place)) for place in range(len(rows))]:
            return
        blocker = QSignalBlocker(self.classes)
        self.classes.clear()
        for words, class_id in rows:
            self.classes.addItemWithCheckState(words, Qt.CheckState.Checked, class_id)
        del blocker

    def _on_units(self, layer: QgsVectorLayer | None) -> None:
        self.unit_field.setLayer(layer)
        self.unit_field.setEnabled(layer is not None)
        if layer is not None:
            # As land offices name such fields ("XZQMC" among them); else the first one stays.
            names = [field.name() for field in layer.fields()]
            likely = [name for name in names if any(mark in name.lower() for mark in ("name", "mc", "名"))]
            self.unit_field.setField(likely[0] if likely else self.unit_field.currentField())
        self.changed.emit()


def _combo(name: str) -> QComboBox:
    combo = QComboBox()
    combo.setObjectName(name)
    combo.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    return combo


def _layers(name: str, empty: str) -> QgsMapLayerComboBox:
    combo = QgsMapLayerComboBox()
    combo.setObjectName(name)
    combo.setFilters(Qgis.LayerFilters(Qgis.LayerFilter.PolygonLayer))
    combo.setAllowEmptyLayer(True, empty)
    combo.setLayer(None)
    combo.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    return combo


def _form() -> QFormLayout:
    form = QFormLayout()
    form.setContentsMargins(0, 0, 0, 0)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return form
