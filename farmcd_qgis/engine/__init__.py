"""The engine: from two rasters and a checkpoint to a run folder. Knows no QGIS."""
