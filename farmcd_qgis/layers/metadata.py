"""Where a layer of a run comes from, and of what time it is, in QGIS's own terms."""

from pathlib import Path
from typing import Any

from qgis.core import Qgis, QgsDateTimeRange, QgsLayerMetadata, QgsMapLayer, QgsRasterLayer
from qgis.PyQt.QtCore import QCoreApplication, QDateTime, Qt

translate = QCoreApplication.translate


def describe(layer: QgsMapLayer, record: dict[str, Any]) -> None:
    """Give a result of a run its provenance as layer metadata; `record` is the content of run.json."""
    predictor, request, versions = record["predictor"], record["request"], record["versions"]
    card = predictor.get("card") or {}
    metadata = QgsLayerMetadata()
    metadata.setIdentifier(f"farmcd:{record['run']}:{layer.name()}")
    metadata.setType("dataset")
    metadata.setTitle(f"FarmCD: {layer.name()}")
    facts = {
        translate("FarmCD", "Before"): _input(record["inputs"]["before"]),
        translate("FarmCD", "After"): _input(record["inputs"]["after"]),
        translate("FarmCD", "Checkpoint"): card.get("name") or Path(request["checkpoint"]).name,
        translate("FarmCD", "SHA-256 of the checkpoint"): predictor.get("sha256", ""),
        translate("FarmCD", "Limits of the checkpoint"): card.get("limits", ""),
        translate("FarmCD", "tau"): request["tau"],
        translate("FarmCD", "Smallest candidate"): f"{request['minimum_mapping_unit_m2']:g} m²",
        translate("FarmCD", "Versions"): ", ".join(f"{name} {version}" for name, version in versions.items()),
        translate("FarmCD", "Made"): record["finished"],
    }
    metadata.setAbstract("\n".join(f"{what}: {fact}" for what, fact in facts.items() if fact != ""))
    metadata.setHistory([_history(record)])
    metadata.setCategories(["Farming"])
    if card.get("licence"):
        metadata.setLicenses([card["licence"]])
    metadata.setCrs(layer.crs())
    metadata.setDateTime(Qgis.MetadataDateType.Created, QDateTime.fromString(record["finished"], Qt.DateFormat.ISODate))
    period = between(*dates_of(record))
    if period:
        extent = QgsLayerMetadata.Extent()
        extent.setTemporalExtents([period])
        metadata.setExtent(extent)
    layer.setMetadata(metadata)


def dates_of(record: dict[str, Any]) -> tuple[str | None, str | None]:
    """Return the days of before and after as YYYY-MM-DD, None where unknown."""
    before, after = (record["inputs"][when].get("date") for when in ("before", "after"))
    return before and before[:10], after and after[:10]


def between(first: str | None, last: str | None) -> QgsDateTimeRange | None:
    """Return the time from the start of one day to the end of another, in UTC; None if one is unknown."""
    if not first or not last:
        return None
    start, end = sorted((first, last))
    moments = (f"{start}T00:00:00Z", f"{end}T23:59:59Z")
    return QgsDateTimeRange(*(QDateTime.fromString(moment, Qt.DateFormat.ISODate) for moment in moments))


def set_period(layer: QgsRasterLayer, period: QgsDateTimeRange | None) -> None:
    """Keep of what time a raster of ours is, for the strip of dates and whoever switches it on.

    Not switched on: a range that a canvas kept from another project would hide the layer without a word.
    """
    if period is not None:
        layer.temporalProperties().setMode(Qgis.RasterTemporalMode.FixedTemporalRange)
        layer.temporalProperties().setFixedTemporalRange(period)


def _input(entry: dict[str, Any]) -> str:
    return f"{entry['path']} ({entry['date']})" if entry.get("date") else str(entry["path"])


def _history(record: dict[str, Any]) -> str:
    names = [Path(record["inputs"][when]["path"]).name for when in ("before", "after")]
    sentence = translate("FarmCD", "{time}: FarmCD {version} compared {before} with {after} on {device}.")
    device = record["predictor"].get("device") or {}
    return sentence.format(
        time=record["finished"],
        version=record["versions"]["farmcd"],
        before=names[0],
        after=names[1],
        device=device.get("name") or record["request"]["device"],
    )
