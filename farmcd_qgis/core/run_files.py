"""Names inside a run folder."""

from pathlib import Path

# Names inside a run folder.
CHANGE_TIF = "change.tif"
CONFIDENCE_TIF = "confidence.tif"
ARBITRATION_TIF = "arbitration.tif"
RUN_GPKG = "farmcd.gpkg"
RUN_JSON = "run.json"
CANDIDATES = "candidates"
HARD_REGIONS = "hard_regions"
RUN_TABLE = "run"
VERDICT_LOG = "verdicts"
# The verdicts that settle what a candidate is, as its field `status` holds them.
CONFIRMED = "confirmed"
OTHER_CLASS = "other_class"
PSEUDO_CHANGE = "pseudo_change"
ACCURACY_SAMPLE = "accuracy_sample"
ACCURACY_STRATA = "accuracy_strata"
JUDGEMENT_LOG = "judgements"
# A run grows in the first of these, and its finished rows lie in the second, inside it.
STAGING = "run.part"
PIECES = "pieces"


def is_resumable(out_dir: str | Path) -> bool:
    """Say whether a folder holds finished rows of a run that was stopped, with which the next one can go on."""
    pieces = Path(out_dir) / STAGING / PIECES
    return pieces.is_dir() and any(pieces.iterdir())
