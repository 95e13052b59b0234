"""A county through the plugin's own task: 20,000 x 20,000 pixels, farmland in patches, to styled layers.

Prints what it took: `scripts/test -m long -s tests/tasks/test_large_run.py`.
"""

import resource
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsApplication, QgsProject, QgsVectorLayer

from farmcd_qgis import tasks
from farmcd_qgis.core.paths import sample_pair
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.layers import add_run
from farmcd_qgis.networks.checkpoint import save_checkpoint
from farmcd_qgis.runtime import pool as jobs
from scripts.bench.peak import peak_mib
from tests.helpers.rasters import crs_of, write_polygons
from tests.helpers.small_network import CARD, made

SIDE, FIELD, FIELDS = 20_000, 1000, 20
LEFT, TOP = 500_000.0, 5_200_000.0


def county(folder: Path) -> tuple[str, str, str]:
    """Lay the sample pair side by side, without copying a pixel, and draw patches of farmland, 5 % of the whole."""
    paths = []
    for source in sample_pair():
        image = gdal.Open(str(source))
        mosaic = gdal.GetDriverByName("VRT").Create("", SIDE, SIDE, 0)
        mosaic.SetGeoTransform((LEFT, 2, 0, TOP, 0, -2))
        mosaic.SetSpatialRef(crs_of(32614))
        width, height = image.RasterXSize, image.RasterYSize
        for band in (1, 2, 3):
            mosaic.AddBand(gdal.GDT_Byte)
            sources = [
                f"<SimpleSource><SourceFilename>{source}</SourceFilename><SourceBand>{band}</SourceBand>"
                f'<SrcRect xOff="0" yOff="0" xSize="{width}" ySize="{height}"/>'
                f'<DstRect xOff="{column}" yOff="{row}" xSize="{width}" ySize="{height}"/></SimpleSource>'
                for row in range(0, SIDE, height)
                for column in range(0, SIDE, width)
            ]
            mosaic.GetRasterBand(band).SetMetadata(
                {f"source_{number}": xml for number, xml in enumerate(sources)}, "new_vrt_sources"
            )
        paths.append(str(folder / f"{len(paths)}.vrt"))
        gdal.GetDriverByName("VRT").CreateCopy(paths[-1], mosaic).FlushCache()
    corners = np.random.default_rng(3).integers(0, SIDE - FIELD, (FIELDS, 2)) * 2
    boxes = [(LEFT + x, TOP - y, LEFT + x + 2 * FIELD, TOP - y - 2 * FIELD) for x, y in corners.tolist()]
    wkts = [f"POLYGON(({a} {b},{c} {b},{c} {d},{a} {d},{a} {b}))" for a, b, c, d in boxes]
    return paths[0], paths[1], write_polygons(folder / "farmland.gpkg", wkts)


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.skipif(not Path("/proc").exists(), reason="the worker's memory is read from /proc")
def test_twenty_thousand_squared_to_styled_layers(qtbot, tmp_path: Path):
    before, after, farmland = county(tmp_path)
    checkpoint = tmp_path / "small.safetensors"
    save_checkpoint(made(), CARD, checkpoint)
    request = RunRequest(before, after, str(tmp_path / "run"), str(checkpoint), farmland=farmland, device="cpu")
    peaks: list[float] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.5):
            peaks.extend(peak_mib(worker.ready["pid"]) for worker in list(jobs._busy) if worker.ready)

    threading.Thread(target=watch, daemon=True).start()
    begun, longest = time.monotonic(), 0.0
    task = tasks.DetectTask(request)
    reports, ended = [], []
    task.progressed.connect(reports.append)
    task.succeeded.connect(ended.append)
    task.failed.connect(ended.append)
    tasks.start(task)
    while not ended:
        moment = time.monotonic()
        QgsApplication.processEvents()
        longest = max(longest, time.monotonic() - moment)
        time.sleep(0.005)
    seconds = time.monotonic() - begun
    over.set()
    (result,) = ended
    layers_begun = time.monotonic()
    add_run(result.run_dir)
    layers_s = time.monotonic() - layers_begun
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"\n{seconds:.0f} s and {layers_s:.1f} s for the layers, longest event {1000 * longest:.0f} ms, peak of the "
        f"worker {max(peaks):.0f} MB, of QGIS {own:.0f} MB, {result.candidates} candidates, "
        f"{result.hard_regions} hard regions"
    )
    names = {layer.name() for layer in QgsProject.instance().mapLayers().values()}
    assert {"Candidates", "Hard regions", "Change classes", "Confidence", "Arbitration"} <= names
    candidates = next(layer for layer in QgsProject.instance().mapLayersByName("Candidates"))
    assert isinstance(candidates, QgsVectorLayer)
    assert candidates.featureCount() == result.candidates > 0
    assert candidates.renderer().type() != "singleSymbol"
    fractions = [report.fraction for report in reports]
    assert fractions == sorted(fractions)
    change = gdal.Open(str(tmp_path / "run" / "change.tif"))
    assert (change.RasterXSize, change.RasterYSize) == (SIDE, SIDE)
