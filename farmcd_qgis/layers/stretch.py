"""The same stretch for both dates, so that a field is not brighter only because its picture is."""

from collections.abc import Callable

from qgis.core import (
    QgsContrastEnhancement,
    QgsMultiBandColorRenderer,
    QgsRasterLayer,
    QgsRasterMinMaxOrigin,
    QgsRasterRenderer,
    QgsSingleBandGrayRenderer,
)

from ..core.errors import InputError


class SameStretch:
    """Lends the minima and maxima of one raster's renderer to another; `end` gives back the renderer that it had.

    Raises InputError where one stretch cannot serve both: the pixels are of different types, or drawn differently.
    """

    def __init__(self, model: QgsRasterLayer, follower: QgsRasterLayer) -> None:
        kinds = [layer.dataProvider().dataType(1) for layer in (model, follower)]
        if kinds[0] != kinds[1]:
            raise InputError(
                "stretch_types", layer=model.name(), other=follower.name(), kind=kinds[0].name, other_kind=kinds[1].name
            )
        lent = _with_stretch(follower.renderer(), model.renderer())
        if lent is None:
            raise InputError(
                "stretch_renderers",
                layer=model.name(),
                other=follower.name(),
                kind=model.renderer().type(),
                other_kind=follower.renderer().type(),
            )
        self._follower: QgsRasterLayer | None = follower
        self._own = follower.renderer().clone()
        _put(follower, lent)
        follower.willBeDeleted.connect(self._forget)

    def end(self) -> None:
        """Give the raster its own renderer back, as it was; does nothing the second time."""
        if self._follower is not None:
            self._follower.willBeDeleted.disconnect(self._forget)
            _put(self._follower, self._own)
            self._follower = None

    def _forget(self) -> None:
        self._follower = None


def _put(layer: QgsRasterLayer, renderer: QgsRasterRenderer) -> None:
    layer.setRenderer(renderer)
    layer.triggerRepaint()


def _with_stretch(own: QgsRasterRenderer, model: QgsRasterRenderer) -> QgsRasterRenderer | None:
    """Copy `own` with the contrast of `model`, colour by colour; None if the two are not alike."""
    made = own.clone()
    pairs: list[tuple[QgsContrastEnhancement | None, Callable[[QgsContrastEnhancement | None], None]]]
    if isinstance(own, QgsMultiBandColorRenderer) and isinstance(model, QgsMultiBandColorRenderer):
        pairs = [
            (model.redContrastEnhancement(), made.setRedContrastEnhancement),
            (model.greenContrastEnhancement(), made.setGreenContrastEnhancement),
            (model.blueContrastEnhancement(), made.setBlueContrastEnhancement),
        ]
    elif isinstance(own, QgsSingleBandGrayRenderer) and isinstance(model, QgsSingleBandGrayRenderer):
        pairs = [(model.contrastEnhancement(), made.setContrastEnhancement)]
    else:
        return None
    for contrast, take in pairs:
        take(QgsContrastEnhancement(contrast) if contrast is not None else None)
    # Of no origin: QGIS must not work the values out anew from the picture itself.
    made.setMinMaxOrigin(QgsRasterMinMaxOrigin())
    return made
