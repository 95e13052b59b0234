"""A web map (XYZ, WMS, WMTS, ArcGIS) becomes a file: what a run needs of it, at the resolution of the other date."""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsDataProvider,
    QgsProject,
    QgsProviderRegistry,
    QgsRasterBlockFeedback,
    QgsRasterFileWriter,
    QgsRasterLayer,
    QgsRasterPipe,
    QgsRasterProjector,
    QgsRectangle,
)

from ..core.errors import Cancelled, FarmCDError, InputError
from ..core.feedback import SILENT, Feedback
from ..core.protocol import Finding
from .web_attribution import attribution_said

PROVIDERS = ("wms", "arcgismapserver")
# Ten thousand pixels a side: hundreds of megabytes, and as many requests as a server may bear.
MOST_PIXELS = 100_000_000
BYTES_PER_PIXEL = 4
ATTRIBUTION = "ATTRIBUTION"


@dataclass(frozen=True)
class WebPlan:
    """What is to be saved of a web map: `box` in `crs`, as `width` by `height` pixels of `resolution` map units."""

    name: str
    provider: str
    source: str
    attribution: str
    box: tuple[float, float, float, float]
    crs: QgsCoordinateReferenceSystem
    width: int
    height: int
    resolution: float
    context: QgsCoordinateTransformContext

    @property
    def told(self) -> dict[str, Any]:
        """What a person is told beforehand."""
        size = self.width * self.height * BYTES_PER_PIXEL / 1e6
        return {"layer": self.name, "width": self.width, "height": self.height, "megabytes": size}


def is_web_map(layer: QgsRasterLayer | None) -> bool:
    """Tell whether a layer is drawn by a server."""
    return layer is not None and layer.providerType() in PROVIDERS


def plan(
    layer: QgsRasterLayer,
    other: QgsRasterLayer | None,
    box: QgsRectangle | None,
    box_crs: QgsCoordinateReferenceSystem | None,
    resolution: float | None = None,
) -> WebPlan:
    """Plan the copy of a web map: the box if there is one, else the extent of the other date, on the other's pixels.

    Raises InputError where neither says where or how finely, or where it would be too much.
    """
    file = other if other is not None and not is_web_map(other) else None
    crs = file.crs() if file is not None else QgsProject.instance().crs()
    context = QgsProject.instance().transformContext()
    if box is not None and not box.isNull():
        area = QgsCoordinateTransform(box_crs or crs, crs, context).transformBoundingBox(box)
        if file is not None:
            area = area.intersect(file.extent())
    elif file is not None:
        area = file.extent()
    else:
        raise InputError("web_no_place", layer=layer.name())
    step = resolution or (file.rasterUnitsPerPixelX() if file is not None else None)
    if step is None or area.isEmpty() or not crs.isValid():
        raise InputError("web_no_place", layer=layer.name())
    width, height = (max(1, math.ceil(length / step - 1e-6)) for length in (area.width(), area.height()))
    if width * height > MOST_PIXELS:
        raise InputError("web_too_large", layer=layer.name(), width=width, height=height, most=MOST_PIXELS)
    left, top = area.xMinimum(), area.yMaximum()
    corners = (left, top - height * step, left + width * step, top)
    said = layer.serverProperties().attribution() or "; ".join(layer.metadata().rights())
    return WebPlan(layer.name(), layer.providerType(), layer.source(), said, corners, crs, width, height, step, context)


def free_path(folder: Path, name: str) -> Path:
    """Name a file after a layer that no other has."""
    stem = re.sub(r"[^\w.-]+", "_", name).strip("._") or "map"
    numbers = ("", *(f"_{number}" for number in range(2, 1000)))
    return next(path for number in numbers if not (path := folder / f"{stem}{number}.tif").exists())


def save(planned: WebPlan, path: Path, feedback: Feedback = SILENT) -> Path:
    """Fetch the map and write it as a Cloud Optimized GeoTIFF, with its attribution; not in the main thread.

    Raises FarmCDError where nothing came, or it cannot be written, and Cancelled; nothing is left then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    try:
        _fetch(planned, partial, feedback)
        attribution = planned.attribution or (
            attribution_said(planned.source) if planned.provider == PROVIDERS[0] else ""
        )
        facts = [f"{ATTRIBUTION}={attribution}"] if attribution else []
        gdal.UseExceptions()
        holes = _holes(partial)
        if holes == 1:
            raise FarmCDError("web_empty", layer=planned.name)
        if holes:
            feedback.finding(Finding("warning", "web_holes", {"layer": planned.name, "percent": 100 * holes}))
        options = ["COMPRESS=DEFLATE"]
        gdal.Translate(str(path), str(partial), format="COG", creationOptions=options, metadataOptions=facts)
    except (OSError, RuntimeError) as error:
        path.unlink(missing_ok=True)
        raise FarmCDError("web_not_saved", layer=planned.name, path=path, reason=error) from error
    finally:
        for leftover in (partial, partial.with_name(partial.name + ".aux.xml")):
            leftover.unlink(missing_ok=True)
    return path


def _holes(path: Path) -> float:
    """Return the share of a fetched map's pixels that are empty."""
    file = gdal.Open(str(path))
    band = file.GetRasterBand(file.RasterCount)
    if band.GetColorInterpretation() != gdal.GCI_AlphaBand:
        return 0.0
    return band.GetHistogram(-0.5, 255.5, 256, approx_ok=False)[0] / (file.RasterXSize * file.RasterYSize)


def _fetch(planned: WebPlan, path: Path, feedback: Feedback) -> None:
    options = QgsDataProvider.ProviderOptions()
    # Of this thread, unlike the layer's own.
    provider = QgsProviderRegistry.instance().createProvider(planned.provider, planned.source, options)
    if provider is None or not provider.isValid():
        raise FarmCDError("web_empty", layer=planned.name)
    provider_crs = provider.crs()
    pipe = QgsRasterPipe()
    pipe.set(provider)
    if provider_crs != planned.crs:
        projector = QgsRasterProjector()
        projector.setCrs(provider_crs, planned.crs, planned.context)
        pipe.insert(1, projector)
    block = QgsRasterBlockFeedback()

    def tell(percent: float) -> None:
        feedback.progress("web_map", percent / 100)
        if feedback.is_cancelled():
            block.cancel()

    block.progressChanged.connect(tell)
    writer = QgsRasterFileWriter(str(path))
    writer.setOutputFormat("GTiff")
    box = QgsRectangle(*planned.box)
    fault = writer.writeRaster(pipe, planned.width, planned.height, box, planned.crs, planned.context, block)
    stopped = feedback.is_cancelled() or block.isCanceled()
    block.progressChanged.disconnect(tell)
    # Here, and not when a trace that holds them is forgotten: the map's parts must go in their order.
    del writer, pipe, provider
    if stopped:
        raise Cancelled
    if fault != QgsRasterFileWriter.WriterError.NoError:
        raise FarmCDError("web_not_saved", layer=planned.name, path=path, reason=f"QGIS: {int(fault)}")
