"""What the log of judgements holds."""

import sqlite3
from pathlib import Path

from farmcd_qgis.core.run_files import RUN_GPKG


def log(run: Path) -> list[tuple]:
    file = sqlite3.connect(run / RUN_GPKG)
    rows = file.execute("SELECT * FROM judgements ORDER BY judgement_id").fetchall()
    file.close()
    return rows
