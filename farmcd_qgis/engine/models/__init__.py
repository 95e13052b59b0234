"""One file per network of the field. Nothing here imports qgis or gdal."""
