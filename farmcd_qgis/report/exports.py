"""The report's tables and polygons for other programs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsCategorizedSymbolRenderer,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsField,
    QgsGeometry,
    QgsProject,
    QgsVectorFileWriter,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QMetaType

from ..core.csv_file import write_csv as write_table
from ..core.errors import FarmCDError, InputError
from ..core.feedback import Feedback
from ..layers.exact_crs import keep_crs
from .candidates import wgs84
from .job import Job
from .rounding import DIGITS, FINE_DIGITS
from .settings import ReportSettings
from .tables import all_sheets, facts
from .workbook import write_workbook

INT, REAL, STRING = QMetaType.Type.Int, QMetaType.Type.Double, QMetaType.Type.QString
CLASS_FIELD = "class_id"
SHAPEFILE_LENGTH = 254
FILL, SEE_THROUGH = re.compile(r"(<PolyStyle>\s*<color>)ff"), r"\g<1>59"


@dataclass(frozen=True)
class Field:
    """A field of the exported polygons: `name` in English formats, `short` in a Shapefile, `word` its meaning."""

    name: str
    short: str
    word: str
    kind: QMetaType.Type
    digits: int = 0


# Only what means something to whoever gets the file; the rest of a candidate stays in the run's GeoPackage.
FIELDS = (
    Field("number", "NUMBER", "number", INT),
    Field("class", "CLASS", "class", STRING),
    Field(CLASS_FIELD, "CLASS_ID", "class_id", INT),
    Field("area_ha", "AREA_HA", "ha", REAL, FINE_DIGITS),
    Field("area_mu", "AREA_MU", "mu_area", REAL, DIGITS),
    Field("confidence", "CONFIDENCE", "confidence_head", REAL, 1),
    Field("status", "STATUS", "status", STRING),
    Field("reviewer", "REVIEWER", "reviewer", STRING),
    Field("reviewed", "REVIEWED", "reviewed_on", STRING),
    Field("note", "NOTE", "note", STRING),
    Field("before", "BEFORE", "before", STRING),
    Field("after", "AFTER", "after", STRING),
    Field("longitude", "LONGITUDE", "longitude", REAL, 6),
    Field("latitude", "LATITUDE", "latitude", REAL, 6),
)
UNIT = Field("unit", "UNIT", "unit", STRING)
ON_FARMLAND = Field("farmland_ha", "FARM_HA", "on_farmland", REAL, FINE_DIGITS)
PART_FIELDS = (UNIT, *FIELDS[:5])


def write_xlsx(job: Job, path: Path, feedback: Feedback) -> None:
    """Write every table as a sheet of a workbook."""
    write_workbook(path, all_sheets(job.dossier, job.words))


def write_csv(job: Job, path: Path, feedback: Feedback) -> None:
    """Write every table as CSV beside `path`, that of the candidates, in UTF-8 that Excel knows by its mark."""
    for sheet in all_sheets(job.dossier, job.words):
        write_table(path.parent / f"{sheet.key}.csv", [[head.label for head in sheet.heads], *sheet.rows])


def write_geojson(job: Job, path: Path, feedback: Feedback) -> None:
    """Write the candidates as GeoJSON of RFC 7946: WGS 84, seven decimals, outer rings anticlockwise."""
    save_layer(_candidates(job), path, "GeoJSON", wgs84(), "candidates", ["RFC7946=YES"])


def write_gpkg(job: Job, path: Path, feedback: Feedback) -> None:
    """Write the candidates, and their parts by unit, as a GeoPackage with styles, in the CRS of choice."""
    layers = {"candidates": _candidates(job)}
    if job.dossier.units:
        layers["parts_by_unit"] = _parts(job)
    crs = chosen_crs(job.settings, job.dossier.crs)
    for number, (name, layer) in enumerate(layers.items()):
        save_layer(layer, path, "GPKG", crs, name, add=number > 0)
        saved = QgsVectorLayer(f"{path}|layername={name}", name, "ogr")
        saved.setRenderer(layer.renderer().clone())
        for place, field in enumerate(_fields(job) if name == "candidates" else PART_FIELDS, 1):
            saved.setFieldAlias(place, job.words(field.word))
        fault = saved.saveStyleToDatabase(name, "FarmCD", True, "")
        if fault:
            raise FarmCDError("style_not_stored", path=path.name, reason=fault)


def write_shapefile(job: Job, path: Path, feedback: Feedback) -> None:
    """Write the candidates as a Shapefile in UTF-8, in the CRS of choice, and the meaning of its fields beside it."""
    fields = _fields(job)
    save_layer(
        _candidates(job, [field.short for field in fields]),
        path,
        "ESRI Shapefile",
        chosen_crs(job.settings, job.dossier.crs),
        path.stem,
    )
    meanings = [[field.short, job.words(field.word)] for field in fields]
    write_table(
        path.with_name(f"{path.stem}_fields.csv"), [[job.words(key) for key in ("field", "meaning")], *meanings]
    )


def write_kml(job: Job, path: Path, feedback: Feedback) -> None:
    """Write the candidates as KML in their classes' colours; always in WGS 84, as KML has it."""
    save_layer(_candidates(job, named=True), path, "LIBKML", wgs84(), "candidates")
    # QGIS hands colours on without their opacity, so that areas would hide the ground.
    text = path.read_text(encoding="utf-8")
    path.write_text(FILL.sub(SEE_THROUGH, text), encoding="utf-8")


def chosen_crs(settings: ReportSettings, of_run: QgsCoordinateReferenceSystem) -> QgsCoordinateReferenceSystem:
    """Return the CRS that the exports are wanted in; raises InputError for one that QGIS does not know."""
    if not settings.crs:
        return of_run
    crs = QgsCoordinateReferenceSystem(settings.crs)
    if not crs.isValid():
        raise InputError("bad_crs", crs=settings.crs)
    return crs


def _fields(job: Job) -> tuple[Field, ...]:
    more = [field for field, there in ((UNIT, job.dossier.units), (ON_FARMLAND, job.dossier.farmland)) if there]
    return (*FIELDS, *more)


def _candidates(job: Job, names: Sequence[str] | None = None, named: bool = False) -> QgsVectorLayer:
    """Make a layer of the candidates; `named` adds the field that KML shows as a place's name."""
    fields = _fields(job)
    keys = list(names or [_name(field, job) for field in fields])
    # What fits into a Shapefile's table, which would otherwise warn of every field.
    length = SHAPEFILE_LENGTH if names else 0
    told = [facts(job.dossier, one, job.words) for one in job.dossier.candidates]
    rows = [[values[field.word] for field in fields] for values in told]
    kinds = [field.kind for field in fields]
    if named:
        keys, kinds = ["Name", *keys], [STRING, *kinds]
        rows = [[f"{job.words('candidate', number=row[0])} · {row[1]}", *row] for row in rows]
        # Google Earth shows texts as HTML, and would run and fetch what a stranger's note asks for.
        rows = [[escape(cell, quote=False) if isinstance(cell, str) else cell for cell in row] for row in rows]
    outlines = [one.geometry for one in job.dossier.candidates]
    return _layer(job, keys, kinds, rows, outlines, keys[fields.index(FIELDS[2]) + named], length)


def _parts(job: Job) -> QgsVectorLayer:
    units = job.dossier.units
    assert units is not None  # nosec B101: the caller has looked
    rows = []
    for part, sizes in zip(units.parts, units.sizes, strict=True):
        one = part.candidate
        rows.append(
            [part.unit, one.number, job.dossier.classes.label(one.class_id, job.words.language), one.class_id, *sizes]
        )
    keys = [_name(field, job) for field in PART_FIELDS]
    return _layer(
        job, keys, [field.kind for field in PART_FIELDS], rows, [part.geometry for part in units.parts], keys[3]
    )


def _name(field: Field, job: Job) -> str:
    """Name a field in the report's language; what a Chinese header has in brackets would need quotes in SQL."""
    return field.name if job.words.language == "en" else job.words(field.word).split("（")[0] + _unit(field)


def _unit(field: Field) -> str:
    return {"area_ha": "_公顷", "area_mu": "_亩", "farmland_ha": "_公顷"}.get(field.name, "")


def _layer(
    job: Job,
    names: Sequence[str],
    kinds: Sequence[QMetaType.Type],
    rows: Sequence[Sequence[Any]],
    outlines: Sequence[QgsGeometry],
    class_field: str,
    length: int = 0,
) -> QgsVectorLayer:
    """Make a layer in memory, drawn as the report's maps draw the candidates."""
    layer = QgsVectorLayer("MultiPolygon", "candidates", "memory")
    layer.setCrs(job.dossier.crs)
    provider = layer.dataProvider()
    fields = [
        QgsField(name, kind, "", length if kind == STRING else 0) for name, kind in zip(names, kinds, strict=True)
    ]
    provider.addAttributes(fields)
    layer.updateFields()
    features = []
    for values, outline in zip(rows, outlines, strict=True):
        feature = QgsFeature(layer.fields())
        feature.setAttributes(list(values))
        feature.setGeometry(outline)
        features.append(feature)
    provider.addFeatures(features)
    renderer = job.maps.candidates.renderer().clone()
    if isinstance(renderer, QgsCategorizedSymbolRenderer):
        renderer.setClassAttribute(class_field)
    layer.setRenderer(renderer)
    return layer


def save_layer(
    layer: QgsVectorLayer,
    path: Path,
    driver: str,
    crs: QgsCoordinateReferenceSystem,
    name: str,
    options: Sequence[str] = (),
    add: bool = False,
) -> None:
    """Write a layer into a file; `add` puts it into one that is there. Raises FarmCDError."""
    how = QgsVectorFileWriter.SaveVectorOptions()
    how.driverName, how.layerName, how.layerOptions = driver, name, list(options)
    how.fileEncoding = "UTF-8"
    how.ct = QgsCoordinateTransform(layer.crs(), crs, QgsProject())
    if driver == "LIBKML":
        how.symbologyExport = Qgis.FeatureSymbologyExport.PerFeature
    if add:
        how.actionOnExistingFile = QgsVectorFileWriter.ActionOnExistingFile.CreateOrOverwriteLayer
    fault, sentence, *_ = QgsVectorFileWriter.writeAsVectorFormatV3(
        layer, str(path), QgsProject().transformContext(), how
    )
    if fault != QgsVectorFileWriter.WriterError.NoError:
        raise FarmCDError("export_failed", path=path.name, reason=sentence)
    if driver == "GPKG":
        keep_crs(path, name, crs)
