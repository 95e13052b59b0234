"""Signed 8-bit rasters, which GDAL before 3.7 gives as unsigned: -1 as 255."""

from osgeo import gdal

# From what is read to what is meant.
MEANT = "<LUT>0:0,127:127,128:-128,255:-1</LUT>"


def with_signs(dataset: gdal.Dataset) -> gdal.Dataset:
    """Return a raster with the signs that its bands say they have; others pass unchanged."""
    bands = [dataset.GetRasterBand(number) for number in range(1, dataset.RasterCount + 1)]
    if not any(band.GetMetadataItem("PIXELTYPE", "IMAGE_STRUCTURE") == "SIGNEDBYTE" for band in bands):
        return dataset
    virtual = gdal.Translate("", dataset, format="VRT", outputType=gdal.GDT_Int16)
    text = virtual.GetMetadata("xml:VRT")[0]
    text = text.replace("<SimpleSource", "<ComplexSource").replace("</SimpleSource>", f"{MEANT}</ComplexSource>")
    return gdal.Open(text)
