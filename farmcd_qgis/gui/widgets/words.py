"""What the dock says: progress, model cards and results in words."""

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QCoreApplication, QLocale
from qgis.PyQt.QtWidgets import QLabel

from ...core.classes import MU_PER_HECTARE, ClassTable
from ...core.feedback import Progress
from ...core.protocol import RunResult
from ...review.verdicts import CONFIRMED, CONFLICT, OTHER_CLASS, PSEUDO_CHANGE, SKIPPED, UNKNOWN, UNREVIEWED, UNSURE
from ...translation import said

MINUTE_S, HOUR_S = 60, 3600


def tr(text: str) -> str:
    """Translate a text; all of FarmCD shares one context."""
    return QCoreApplication.translate("FarmCD", text)


def label(text: str) -> QLabel:
    """Make the label of a field; those of all forms are equally wide, so that the fields stand in one column."""
    made = QLabel(text)
    widest = max(
        (tr("Area of interest"), tr("Output folder"), tr("Checkpoint")), key=made.fontMetrics().horizontalAdvance
    )
    made.setMinimumWidth(made.fontMetrics().horizontalAdvance(widest + "m"))
    return made


def progress_words(progress: Progress, area_ha: float = 0.0) -> str:
    """Say how far a job is: "Predicting · 43% · 726 of 1,689 ha · 12 s left"; `area_ha` is all that it looks at."""
    doing = said(progress.message) or progress.doing(QgsApplication.instance().locale())
    parts = [doing, f"{progress.fraction:.0%}"]
    if area_ha and progress.stage == "predicting":
        done, whole = (f"{area:,.0f}" for area in (progress.fraction * area_ha, area_ha))
        parts.append(tr("{0} of {1} ha").format(done, whole))
    if progress.remaining_s is not None and progress.stage in ("predicting", "report", "finetune"):
        parts.append(remaining_words(progress.remaining_s))
    return " · ".join(parts)


def remaining_words(seconds: float) -> str:
    """Say how long something still takes, as exactly as a person wants to know."""
    if seconds < MINUTE_S:
        return tr("{0} s left").format(max(1, round(seconds)))
    if seconds < HOUR_S:
        return tr("{0} min left").format(round(seconds / MINUTE_S))
    hours, rest = divmod(round(seconds / MINUTE_S), MINUTE_S)
    return tr("{0} h {1} min left").format(hours, rest)


def duration_words(seconds: float) -> str:
    """Say how long something will take, as exactly as it can be known beforehand."""
    if seconds < MINUTE_S:
        # To five seconds: it is a guess.
        return tr("{0} s").format(max(5, 5 * round(seconds / 5)))
    if seconds < HOUR_S:
        return tr("{0} min").format(round(seconds / MINUTE_S))
    hours, rest = divmod(round(seconds / MINUTE_S), MINUTE_S)
    return tr("{0} h {1} min").format(hours, rest)


def result_words(result: RunResult) -> str:
    """Say what a run found and how long it took."""
    hectares = sum(result.area_ha.values())
    codes = {finding.code for finding in result.findings}
    said = tr("This run was finished before; nothing was computed.") + " " if "finished_before" in codes else ""
    if "went_on" in codes:
        said = tr("The unfinished run was continued.") + " "
    if "begun_anew" in codes:
        said = tr("An unfinished run of other inputs or settings was removed.") + " "
    return said + tr("{0} candidates ({1} ha), {2} hard regions, in {3} s").format(
        result.candidates, QLocale().toString(hectares, "f", 1), result.hard_regions, round(result.seconds)
    )


def found_words(result: RunResult) -> str:
    """Say what a run found, as shortly as QGIS's message bar has room for."""
    hectares = QLocale().toString(sum(result.area_ha.values()), "f", 1)
    return tr("{0} candidates ({1} ha)").format(result.candidates, hectares)


def scene_words(scene: str) -> str:
    """Name a scene of context.SCENES for people."""
    return {
        "farmland": tr("farmland"),
        "rural": tr("rural"),
        "suburban": tr("suburban"),
        "urban": tr("urban"),
        "forest": tr("forest"),
        "water": tr("water"),
        "mixed": tr("mixed"),
        "unknown": tr("unknown"),
    }[scene]


def nuisance_words(nuisance: str) -> str:
    """Name a nuisance of context.NUISANCES for people."""
    return {
        "shadow": tr("shadow"),
        "illumination": tr("illumination"),
        "season": tr("season"),
        "misalignment": tr("misalignment"),
        "cloud": tr("cloud"),
        "sensor_noise": tr("sensor noise"),
    }[nuisance]


def language() -> str:
    """Return the language of QGIS, "zh_CN" say."""
    return str(QgsApplication.instance().locale())


def class_words(classes: ClassTable, class_id: int) -> str:
    """Name a class of a run's table in the language of QGIS."""
    return classes.label(class_id, language())


def statuses() -> dict[str, str]:
    return {
        UNREVIEWED: tr("Not reviewed"),
        SKIPPED: tr("Skipped"),
        UNSURE: tr("Unsure"),
        CONFLICT: tr("Conflict"),
        CONFIRMED: tr("Confirmed"),
        OTHER_CLASS: tr("Other class"),
        PSEUDO_CHANGE: tr("Pseudo-change"),
        UNKNOWN: tr("Unknown (of a newer version)"),
    }


def reasons() -> dict[str, str]:
    return {
        "crop_rotation": tr("Crop rotation"),
        "season": tr("Season"),
        "illumination": tr("Illumination"),
        "shadow": tr("Shadow"),
        "misregistration": tr("Misregistration"),
        "cloud": tr("Cloud"),
    }


def area(area_ha: float) -> str:
    """Write an area as "0.25 ha (3.8 mu)"."""
    locale = QLocale()
    values = {"ha": locale.toString(area_ha, "f", 2), "mu": locale.toString(area_ha * MU_PER_HECTARE, "f", 1)}
    return tr("{ha} ha ({mu} mu)").format(**values)


def percent(share: float) -> int:
    return round(100 * float(share))
