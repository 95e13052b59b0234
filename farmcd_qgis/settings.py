"""What FarmCD remembers between sessions, as typed entries of QGIS's settings tree (`plugins/farmcd/...`)."""

import functools
from dataclasses import dataclass
from pathlib import Path

from qgis.core import (
    QgsSettingsEntryBool,
    QgsSettingsEntryDouble,
    QgsSettingsEntryInteger,
    QgsSettingsEntryString,
    QgsSettingsEntryStringList,
    QgsSettingsTree,
)
from qgis.PyQt.QtCore import QStandardPaths

from .core.protocol import RunRequest

PLUGIN = "farmcd"


@dataclass(frozen=True)
class Settings:
    """Every entry; the defaults of a detection are those of `RunRequest`."""

    python: QgsSettingsEntryString
    env_index: QgsSettingsEntryString
    env_torch_index: QgsSettingsEntryString
    reviewer: QgsSettingsEntryString
    office: QgsSettingsEntryString
    author: QgsSettingsEntryString
    administrative_unit: QgsSettingsEntryString
    folder: QgsSettingsEntryString
    checkpoint: QgsSettingsEntryString
    device: QgsSettingsEntryString
    tau: QgsSettingsEntryDouble
    mmu: QgsSettingsEntryDouble
    tile: QgsSettingsEntryInteger
    overlap: QgsSettingsEntryInteger
    batch: QgsSettingsEntryInteger
    match_histograms: QgsSettingsEntryBool
    side_by_side: QgsSettingsEntryBool
    recent_runs: QgsSettingsEntryStringList
    unfinished_run: QgsSettingsEntryString
    pace: QgsSettingsEntryStringList
    report_language: QgsSettingsEntryString
    report_filter: QgsSettingsEntryString
    report_outputs: QgsSettingsEntryStringList
    report_pages: QgsSettingsEntryInteger
    report_templates: QgsSettingsEntryString


@functools.cache
def settings() -> Settings:
    """Return the entries, which exist from their first use until `forget`."""
    # Late: the report asks here for its reviewer.
    from .report.settings import ReportSettings

    node = QgsSettingsTree.createPluginTreeNode(PLUGIN)
    usual = RunRequest("", "", "", "")

    def text(key: str, default: str = "") -> QgsSettingsEntryString:
        return QgsSettingsEntryString(key, node, default)

    def whole(key: str, default: int) -> QgsSettingsEntryInteger:
        return QgsSettingsEntryInteger(key, node, default)

    return Settings(
        python=text("python"),
        env_index=text("env_index"),
        env_torch_index=text("env_torch_index"),
        reviewer=text("reviewer"),
        office=text("office"),
        author=text("author"),
        administrative_unit=text("administrative_unit"),
        folder=text("folder"),
        checkpoint=text("checkpoint"),
        device=text("device", usual.device),
        tau=QgsSettingsEntryDouble("tau", node, usual.tau),
        mmu=QgsSettingsEntryDouble("mmu", node, usual.minimum_mapping_unit_m2),
        tile=whole("tile", usual.tile),
        overlap=whole("overlap", usual.overlap),
        batch=whole("batch", usual.batch),
        match_histograms=QgsSettingsEntryBool("match_histograms", node, usual.match_histograms),
        side_by_side=QgsSettingsEntryBool("side_by_side", node, True),
        recent_runs=QgsSettingsEntryStringList("recent_runs", node, []),
        unfinished_run=text("unfinished_run"),
        pace=QgsSettingsEntryStringList("pace", node, []),
        report_language=text("report_language"),
        report_filter=text("report_filter", "confirmed"),
        report_outputs=QgsSettingsEntryStringList("report_outputs", node, []),
        report_pages=whole("report_pages", ReportSettings.candidate_pages),
        report_templates=text("report_templates"),
    )


def runs_home() -> Path:
    """Return the folder for runs where neither a project nor the person names one. It may not exist yet."""
    documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
    return Path(documents or Path.home()) / "FarmCD"


def forget() -> None:
    """Take the entries out of QGIS's tree when the plugin is unloaded; what was remembered stays."""
    settings.cache_clear()
    QgsSettingsTree.unregisterPluginTreeNode(PLUGIN)
