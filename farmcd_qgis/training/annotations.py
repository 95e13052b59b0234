"""Scene and nuisances of each pair, as the authors annotate them, made into the paper's context sentences.

The folder `json` of a data set holds index.json (an object: pair's name -> annotation) or SPLIT.jsonl (a line each,
with "id" and "geopix"). An annotation says "scene", "nuisance" and the "confidence" of its words
(docs/methods/fd_mamba.md, 5).
"""

import json
from pathlib import Path
from typing import Any

from ..core.context import NUISANCES, SCENES, context_prompt
from ..core.errors import InputError
from ..core.messages import why

# A nuisance counts from this confidence on; one without a confidence is sure.
SURE = 0.5
UNKNOWN = context_prompt("unknown")


def read_annotations(root: Path, split: str) -> dict[str, str]:
    """Return {pair's name: context sentence} of a data set; empty where it has no annotations.

    Raises InputError for a file that cannot be read, or an annotation of another form.
    """
    index, lines = root / "json" / "index.json", root / "json" / f"{split}.jsonl"
    path = lines if lines.is_file() else index
    if not path.is_file():
        return {}
    try:
        text = path.read_text(encoding="utf-8")
        if path == index:
            rows = list(json.loads(text).items())
        else:
            parsed = [json.loads(line) for line in text.splitlines() if line.strip()]
            rows = [(row["id"], row["geopix"]) for row in parsed]
        return {Path(str(name)).stem: _sentence(annotation) for name, annotation in rows}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError("bad_annotations", path=path, reason=why(error)) from error


def _sentence(annotation: dict[str, Any]) -> str:
    """Make the sentence of one annotation; words that the paper doesn't know are left out."""
    confidence = annotation.get("confidence") or {}
    said = set(annotation.get("nuisance") or ())
    nuisances = [name for name in NUISANCES if name in said and float(confidence.get(name, 1.0)) > SURE]
    scene = annotation.get("scene")
    return context_prompt(scene if scene in SCENES else "unknown", nuisances)
