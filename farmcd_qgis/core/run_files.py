"""Names inside a run folder."""

import json
from pathlib import Path

# Names inside a run folder.
CHANGE_TIF = "change.tif"
CONFIDENCE_TIF = "confidence.tif"
ARBITRATION_TIF = "arbitration.tif"
# Where the network looked, on request.
ATTENTION_TIF = "attention.tif"
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
# Where nobody has said anything yet: of a candidate, and of a point of the accuracy sample.
UNREVIEWED = "unreviewed"
UNJUDGED = "unjudged"
ACCURACY_SAMPLE = "accuracy_sample"
ACCURACY_STRATA = "accuracy_strata"
JUDGEMENT_LOG = "judgements"
# A run grows in the first of these, and its finished rows lie in the second, inside it.
STAGING = "run.part"
PIECES = "pieces"
# Beside them: which rows are finished, and of which run.
JOURNAL = "journal.jsonl"
# A run that several processes compute: what it is of, and the folders of its finished blocks.
PLAN = "plan.json"
BLOCKS = "blocks"
# In a folder of training samples: where each came from.
SAMPLES_JSON = "samples.json"
# Also there: A and B of pairs without labels.
UNLABELLED = "unlabelled"


def is_resumable(out_dir: str | Path) -> bool:
    """Say whether a folder holds finished rows of a run that was stopped, with which the next one can go on.

    Beside a finished run only those count that compute it anew: others are left from before it was published.
    """
    staging = Path(out_dir) / STAGING
    pieces = staging / PIECES
    try:
        if (staging / PLAN).exists() and any(path.name.isdigit() for path in (staging / BLOCKS).glob("*")):
            planned = json.loads((staging / PLAN).read_text(encoding="utf-8", errors="replace"))
            return bool(planned["request"]["force"]) or not (Path(out_dir) / RUN_JSON).exists()
        if not (pieces.is_dir() and any(pieces.iterdir())):
            return False
        with (staging / JOURNAL).open(encoding="utf-8", errors="replace") as file:
            begun = json.loads(file.readline())
        return isinstance(begun, dict) and (bool(begun.get("force")) or not (Path(out_dir) / RUN_JSON).exists())
    except (OSError, ValueError, KeyError, TypeError):
        return False
