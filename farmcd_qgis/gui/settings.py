"""FarmCD's settings in QGIS."""

SETTINGS = "plugins/farmcd/"
