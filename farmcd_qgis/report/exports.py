"""The report's tables and polygons for other programs: XLSX, CSV and GeoJSON."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsFeature,
    QgsFeedback,
    QgsField,
    QgsFields,
    QgsGeometry,
    QgsProject,
    QgsVectorFileWriter,
)
from qgis.PyQt.QtCore import QMetaType

from ..classes import class_label
from ..protocol import FarmCDError
from .figures import WGS84, Candidate
from .job import Job
from .words import Words

INT, REAL, STRING = QMetaType.Type.Int, QMetaType.Type.Double, QMetaType.Type.QString

# Field: its type and the key of its header in the tables; GeoJSON keeps the field's name.
Table = dict[str, tuple[QMetaType.Type, str]]
CANDIDATE_FIELDS: Table = {
    "candidate_id": (INT, "number"),
    "class_id": (INT, "class_id"),
    "class_name": (STRING, "class"),
    "second_class_name": (STRING, "second_class"),
    "area_ha": (REAL, "ha"),
    "area_mu": (REAL, "mu_area"),
    "confidence_mean": (REAL, "confidence"),
    "confidence_min": (REAL, "confidence_min"),
    "hard_share": (REAL, "hard_share"),
    "arbitration": (REAL, "arbitration"),
    "disagreement": (REAL, "disagreement"),
    "status": (STRING, "status"),
    "longitude": (REAL, "longitude"),
    "latitude": (REAL, "latitude"),
}
CLASS_FIELDS: Table = {
    "class_name": (STRING, "class"),
    "count": (INT, "count"),
    "area_ha": (REAL, "ha"),
    "area_mu": (REAL, "mu_area"),
    "share": (REAL, "share"),
}


def write_xlsx(job: Job, path: Path, feedback: QgsFeedback) -> None:
    """Write the sheets "by class" and "candidates"."""
    words, table = job.words, job.dossier.by_class
    rows: list[list[Any]] = [
        [class_label(int(row.key), words.language), row.count, row.area_ha, row.area_mu, row.share]
        for row in table.rows
    ]
    rows.append([words("total"), table.total.count, table.total.area_ha, table.total.area_mu, table.total.share])
    candidates = [_values(one, words, words.status(one.status)) for one in job.dossier.candidates]
    _write(path, "XLSX", words("by_class"), _headers(CLASS_FIELDS, words), rows)
    _write(path, "XLSX", words("sheet"), _headers(CANDIDATE_FIELDS, words), candidates, add=True)


def write_csv(job: Job, path: Path, feedback: QgsFeedback) -> None:
    """Write the candidates as CSV that Excel reads as UTF-8."""
    words = job.words
    rows = [_values(one, words, words.status(one.status)) for one in job.dossier.candidates]
    options = ["WRITE_BOM=YES", "LINEFORMAT=CRLF", "STRING_QUOTING=IF_NEEDED"]
    _write(path, "CSV", "candidates", _headers(CANDIDATE_FIELDS, words), rows, options=options)


def write_geojson(job: Job, path: Path, feedback: QgsFeedback) -> None:
    """Write the candidates as GeoJSON of RFC 7946: WGS 84, seven decimals, outer rings anticlockwise."""
    dossier, words = job.dossier, job.words
    to_wgs84 = QgsCoordinateTransform(dossier.crs, WGS84, QgsProject())
    outlines = []
    for one in dossier.candidates:
        outline = QgsGeometry(one.geometry)
        outline.transform(to_wgs84)
        outlines.append(outline)
    fields = QgsFields()
    for name, (kind, _) in CANDIDATE_FIELDS.items():
        fields.append(QgsField(name, kind))
    rows = [_values(one, words, one.status) for one in dossier.candidates]
    _write(path, "GeoJSON", "candidates", fields, rows, outlines, ["RFC7946=YES"])


def _headers(table: Table, words: Words) -> QgsFields:
    fields = QgsFields()
    for kind, key in table.values():
        fields.append(QgsField(words(key), kind))
    return fields


def _values(one: Candidate, words: Words, status: str) -> list[Any]:
    second = class_label(one.second_class_id, words.language) if one.second_class_id is not None else None
    shares = (one.confidence_mean, one.confidence_min, one.hard_share, one.arbitration, one.disagreement)
    return [
        one.number,
        one.class_id,
        class_label(one.class_id, words.language),
        second,
        round(one.area_ha, 4),
        round(one.area_mu, 3),
        *(None if share is None else round(share, 3) for share in shares),
        status,
        *(round(degrees, 6) for degrees in one.place),
    ]


def _write(
    path: Path,
    driver: str,
    layer: str,
    fields: QgsFields,
    rows: Iterable[Sequence[Any]],
    outlines: Sequence[QgsGeometry] = (),
    options: Sequence[str] = (),
    add: bool = False,
) -> None:
    """Write rows, and outlines in WGS 84 where there are any; `add` puts the layer into the file that is there."""
    how = QgsVectorFileWriter.SaveVectorOptions()
    how.driverName, how.layerName, how.layerOptions = driver, layer, list(options)
    how.fileEncoding = "UTF-8"
    if add:
        how.actionOnExistingFile = QgsVectorFileWriter.ActionOnExistingFile.CreateOrOverwriteLayer
    kind = Qgis.WkbType.MultiPolygon if outlines else Qgis.WkbType.NoGeometry
    crs = WGS84 if outlines else QgsCoordinateReferenceSystem()
    writer = QgsVectorFileWriter.create(str(path), fields, kind, crs, QgsCoordinateTransformContext(), how)
    for index, values in enumerate(rows):
        feature = QgsFeature(fields)
        feature.setAttributes(list(values))
        if outlines:
            feature.setGeometry(outlines[index])
        writer.addFeature(feature)
    writer.flushBuffer()
    failed = writer.hasError() != QgsVectorFileWriter.WriterError.NoError
    sentence = writer.errorMessage()
    # The file is closed, and whole, only when nothing refers to the writer any more.
    del writer
    if failed:
        raise FarmCDError("export_failed", f"{path.name} could not be written ({sentence}). Is the disk full?")
