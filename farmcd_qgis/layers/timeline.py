"""The rasters of a project in order of time."""

from qgis.core import Qgis, QgsDateTimeRange, QgsMapLayer, QgsProject, QgsRasterLayer

from .runs import made_by_run


def period_of(layer: QgsMapLayer) -> QgsDateTimeRange | None:
    """Return the fixed time of a raster, None if it has none."""
    if not isinstance(layer, QgsRasterLayer):
        return None
    properties = layer.temporalProperties()
    if properties.mode() != Qgis.RasterTemporalMode.FixedTemporalRange:
        return None
    period = properties.fixedTemporalRange()
    return None if period.isEmpty() or not period.begin().isValid() else period


def period_words(layer: QgsMapLayer) -> str:
    """Write the time of a raster as shortly as it is known: "2009-08-18", "2009-08", "2009", or first and last day."""
    period = period_of(layer)
    if period is None:
        return ""
    first = period.begin().date()
    last = period.end().date() if period.end().isValid() else first
    for form, begins, ends in (
        ("yyyy", first.dayOfYear() == 1, last.dayOfYear() == last.daysInYear() and last.year() == first.year()),
        ("yyyy-MM", first.day() == 1, last == first.addMonths(1).addDays(-1)),
        ("yyyy-MM-dd", True, last <= first),
    ):
        if begins and ends:
            return str(first.toString(form))
    return f"{first.toString('yyyy-MM-dd')} – {last.toString('yyyy-MM-dd')}"


def timeline(before: QgsRasterLayer, after: QgsRasterLayer, project: QgsProject | None = None) -> list[QgsRasterLayer]:
    """List the rasters of a project that have a time, with the pair among them, in order of time.

    The pair is there without a time as well: before comes first then, and after last. What runs have made also has
    a time, but shows none of it, and is left out.
    """
    layers = (project or QgsProject.instance()).mapLayers().values()
    pair = (before.id(), after.id())
    others = [layer for layer in layers if layer.id() not in pair and period_of(layer) and not made_by_run(layer)]

    def when(layer: QgsRasterLayer) -> tuple[int, int, str]:
        period = period_of(layer)
        undated = (0, 0, "") if layer is before else (2, 0, "")
        return (1, period.begin().toMSecsSinceEpoch(), layer.name()) if period is not None else undated

    return sorted([before, *others, after], key=when)
