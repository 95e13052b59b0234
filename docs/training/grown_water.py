"""How much of the ground that became water in the sample pair a run found: python grown_water.py RUN_FOLDER."""

import sys

from osgeo import gdal

gdal.UseExceptions()
change = gdal.Open(sys.argv[1] + "/change.tif")
x, step, _, y, _, down = change.GetGeoTransform()
box = [x, y + down * change.RasterYSize, x + step * change.RasterXSize, y]
wet = []
for year in ("20090818", "20200831"):
    path = f"resources/sample/m_4709963_se_14_1_{year}.tif"
    shape = {"width": change.RasterXSize, "height": change.RasterYSize, "outputBounds": box}
    bands = gdal.Warp("", path, format="MEM", **shape).ReadAsArray().astype(float)
    wet.append((bands[1] - bands[3]) / (bands[1] + bands[3] + 1e-6) > 0.1)
found = change.ReadAsArray()
grown = ~wet[0] & wet[1]
marked = found % 255 > 0
area_ha = grown.sum() * abs(step * down) / 1e4
print(f"{area_ha:.0f} ha became water; {marked[grown].mean():.0%} found, {(found[grown] == 5).mean():.0%} as water")
print(
    f"marked of water in both images {marked[wet[0] & wet[1]].mean():.1%}, of other ground {marked[~wet[1]].mean():.1%}"
)
