"""The record of a finished run, small and whole, to be spoilt."""

RECORD = {
    "run": "a9b54e2ac35c1f8c",
    "started": "2026-11-21T03:29:29+00:00",
    "finished": "2026-11-21T03:29:53+00:00",
    "request": {"checkpoint": "best.safetensors", "device": "cpu", "tau": 0.8, "before_bands": [1, 2, 3]},
    "versions": {"farmcd": "0.1.0", "gdal": "3.6.2"},
    "predictor": {"card": {"name": "a-model", "metrics": {"F1": 0.61}}, "device": {"name": "CPU"}},
    "inputs": {
        "before": {"path": "a.tif", "size": 5, "sha256": None, "date": "18.08.2009"},
        "after": {"path": "b.tif", "date": None},
    },
    "grid": {
        "width": 4,
        "height": 4,
        "geotransform": [600000, 25, 0, 5200000, 0, -25],
        "window": {"column": 0, "row": 0, "width": 4, "height": 4},
    },
    "stretch": {"before": None, "after": [[0, 200], [0, 200], [0, 200]], "matching": None},
    "findings": [],
    "figures": {},
}
