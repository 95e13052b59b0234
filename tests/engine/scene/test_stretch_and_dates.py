"""What lies behind the views of the review: one stretch for two dates, dates in order, pictures in the background."""

import gc

import numpy as np
import pytest
from qgis.core import (
    QgsMapSettings,
    QgsProject,
    QgsRasterLayer,
    QgsRasterMinMaxOrigin,
)
from qgis.PyQt.QtWidgets import QApplication

from farmcd_qgis.core.errors import InputError
from farmcd_qgis.layers.stretch import SameStretch
from farmcd_qgis.layers.timeline import period_words, timeline
from farmcd_qgis.tasks.pictures import Pictures
from tests.helpers.dated_layers import contrast, dated, raster, style


def test_the_same_stretch_lends_minimum_and_maximum_and_gives_them_back(qgis_new_project, tmp_path):
    before, after = raster(tmp_path, "before"), raster(tmp_path, "after", 120)
    for number, colour in enumerate(("Red", "Green", "Blue")):
        getattr(after.renderer(), f"set{colour}ContrastEnhancement")(contrast(10 + number, 200 + number))
        getattr(before.renderer(), f"set{colour}ContrastEnhancement")(contrast(0, 90))
    origin = QgsRasterMinMaxOrigin()
    origin.setLimits(QgsRasterMinMaxOrigin.MinMax)
    before.renderer().setMinMaxOrigin(origin)
    own, model = style(before), style(after)
    stretch = SameStretch(after, before)
    green = before.renderer().greenContrastEnhancement()
    assert (green.minimumValue(), green.maximumValue()) == (11, 201)
    assert before.renderer().minMaxOrigin().limits() == QgsRasterMinMaxOrigin.None_
    assert style(after) == model
    assert style(before) != own
    stretch.end()
    assert style(before) == own
    stretch.end()
    after.renderer().setRedContrastEnhancement(None)
    stretch = SameStretch(after, before)
    assert before.renderer().redContrastEnhancement() is None
    stretch.end()
    assert style(before) == own


def test_one_stretch_for_what_cannot_have_one_is_refused_in_words(qgis_new_project, tmp_path):
    eight, sixteen = raster(tmp_path, "eight"), raster(tmp_path, "sixteen", dtype=np.uint16)
    own = style(sixteen)
    with pytest.raises(InputError, match="different types") as error:
        SameStretch(eight, sixteen)
    assert "Byte" in error.value.message
    assert "UInt16" in error.value.message
    with pytest.raises(InputError, match="singlebandgray"):
        SameStretch(eight, raster(tmp_path, "grey", bands=1))
    assert style(sixteen) == own


def test_a_raster_that_is_removed_meanwhile_is_forgotten(qgis_new_project, tmp_path):
    before, after = raster(tmp_path, "before"), raster(tmp_path, "after")
    QgsProject.instance().addMapLayers([before, after])
    stretch = SameStretch(after, before)
    QgsProject.instance().removeMapLayer(before.id())
    stretch.end()


# Dates


def test_dates_in_words_and_in_order(qgis_new_project, tmp_path):
    project = QgsProject.instance()
    after = dated(raster(tmp_path, "after"), "2020-08-31")
    before = dated(raster(tmp_path, "before"), "2009-08-18")
    year = dated(raster(tmp_path, "year"), "2015-01-01", "2015-12-31")
    month = dated(raster(tmp_path, "month"), "2012-02-01", "2012-02-29")
    weeks = dated(raster(tmp_path, "weeks"), "2021-03-05", "2021-04-02")
    undated = raster(tmp_path, "undated")
    made_by_run = dated(raster(tmp_path, "change"), "2009-08-18", "2020-08-31")
    made_by_run.setCustomProperty("farmcd/run_dir", str(tmp_path))
    project.addMapLayers([after, year, before, month, weeks, undated, made_by_run])
    assert [layer.name() for layer in timeline(before, after)] == ["before", "month", "year", "after", "weeks"]
    assert [period_words(layer) for layer in timeline(before, after)] == [
        "2009-08-18",
        "2012-02",
        "2015",
        "2020-08-31",
        "2021-03-05 – 2021-04-02",
    ]
    assert timeline(undated, after)[0].name() == "undated"
    assert timeline(before, undated)[-1].name() == "undated"


def wanted(layer: QgsRasterLayer) -> tuple[str, QgsMapSettings]:
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setDestinationCrs(layer.crs())
    settings.setExtent(layer.extent())
    settings.setOutputSize(layer.extent().toRectF().toRect().size() / 4)
    return layer.name(), settings


def test_pictures_can_be_forgotten_while_they_are_drawn(qgis_new_project, tmp_path):
    layer = raster(tmp_path, "date")
    for turn in range(40):
        pictures = Pictures()
        pictures.draw([wanted(layer)])
        if turn % 2:
            pictures.draw([wanted(layer)])
        if turn % 3:
            pictures.end()
        del pictures
        gc.collect()
        QApplication.processEvents()


def test_pictures_come_one_by_one_and_only_of_what_was_asked_last(qgis_new_project, tmp_path, qtbot):
    layers = [raster(tmp_path, f"date{value}", value) for value in (30, 60, 90)]
    QgsProject.instance().addMapLayers(layers)
    came = []
    pictures = Pictures()
    pictures.drawn.connect(lambda name, image, settings: came.append((name, image.pixelColor(10, 10).red())))
    pictures.draw(map(wanted, layers))
    pictures.draw(map(wanted, layers[:0:-1]))
    qtbot.waitUntil(lambda: len(came) == 2)
    qtbot.wait(50)
    assert [name for name, _ in came] == ["date90", "date60"]
    assert [value for _, value in came] == pytest.approx([90, 60], abs=2)
    pictures.draw(map(wanted, layers))
    pictures.end()
    qtbot.wait(50)
    assert len(came) == 2


# In the review
