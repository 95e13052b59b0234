"""Running algorithms of the provider."""

import json
from pathlib import Path

from qgis.core import QgsFeature, QgsGeometry, QgsProcessingFeedback, QgsVectorLayer


class Feedback(QgsProcessingFeedback):
    """Remembers what it was told."""

    def __init__(self) -> None:
        super().__init__(False)
        self.said: list[tuple[str, str]] = []

    def pushInfo(self, info):
        self.said.append(("info", info))

    def pushWarning(self, warning):
        self.said.append(("warning", warning))

    def reportError(self, error, fatalError=False):
        self.said.append(("error", error))

    def setProgressText(self, text):
        self.said.append(("progress", text))


def run(name: str, parameters: dict, **options):
    import processing

    return processing.run(f"farmcd:{name}", parameters, **options)


def asked(folder: str) -> dict:
    return json.loads((Path(folder) / "request.json").read_text())


def polygon_layer(*boxes: str) -> QgsVectorLayer:
    memory = QgsVectorLayer("Polygon?crs=EPSG:32614", "field", "memory")
    for wkt in boxes:
        feature = QgsFeature()
        feature.setGeometry(QgsGeometry.fromWkt(wkt))
        memory.dataProvider().addFeature(feature)
    return memory
