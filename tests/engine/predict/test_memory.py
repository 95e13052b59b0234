"""Memory of a run depends on the width of the pair, not on its area."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
RUN = """
import sys
from pathlib import Path
from osgeo import gdal
from farmcd_qgis.engine.predict.detect import detect
from farmcd_qgis.core.paths import bundled_checkpoints, sample_pair
from farmcd_qgis.core.protocol import RunRequest
from scripts.bench.peak import peak_mib
from tests.helpers.colour_predictor import ColourPredictor

folder, width, height = Path(sys.argv[1]), 1500, int(sys.argv[2])
paths = []
for name, source in zip(("before", "after"), sample_pair()):
    paths.append(str(folder / f"{name}.vrt"))
    box = [0, 5e6, width, 5e6 - height]
    gdal.Translate(paths[-1], str(source), format="VRT", width=width, height=height, outputBounds=box).FlushCache()
request = RunRequest(*paths, str(folder / "run"), str(bundled_checkpoints()[0]), overlap=64)
predictor = ColourPredictor()
predictor.tile = 256
detect(request, predictor=predictor)
print(peak_mib())
"""
# Blocks that were freed go back at once: how many glibc keeps for later depends on which thread came first. And a cache
# that the smaller run fills too.
EXACT = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}
SMALL_CACHE = {"GDAL_CACHEMAX": "16"}


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="Windows tells peak memory otherwise")
def test_four_times_the_area_takes_no_more_memory(tmp_path):
    peaks = []
    for height in (3000, 12000):
        folder = tmp_path / str(height)
        folder.mkdir()
        command = [sys.executable, "-c", RUN, str(folder), str(height)]
        env = os.environ | EXACT | SMALL_CACHE
        told = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
        peaks.append(float(told.stdout.split()[-1]))
    assert peaks[1] < 1.15 * peaks[0], peaks
