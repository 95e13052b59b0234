"""Networks: one folder a family; checkpoints, text features, predictor, devices. Knows neither GDAL nor QGIS."""
