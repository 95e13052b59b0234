"""A source of opinions by its name, as the command line and recipes give it."""

import tomllib
from pathlib import Path

from ....core.errors import InputError
from ....core.messages import why
from .covers import AUTHORS, FARMLAND, Covers, covers_from
from .source import VisualOpinion


def read_covers(named: str) -> Covers:
    """Return the covers of a name, or of a TOML file; raises InputError where they cannot be used."""
    path = Path(named)
    if path.suffix != ".toml":
        return covers_from(named)
    try:
        return covers_from({"name": path.stem, **tomllib.loads(path.read_text(encoding="utf-8-sig"))})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError("covers_incomplete", name=named, reason=why(error)) from error


def open_opinions(named: str, covers: Covers | None = None) -> VisualOpinion:
    """Open a source of opinions by its name, from local files alone.

    That is `files:FOLDER` (as the authors' detector writes them), `network:CHECKPOINT` (a land-cover network),
    `clip:FILE` or `clip:MODEL@FILE`; `SOURCE+masks:FOLDER` gives one of these the masks of a segmenter as instances
    (see `MaskedOpinion`). Without `covers` they are the authors' for files, the five classes' or a checkpoint's own for
    a network, and farmland protection's for a CLIP.
    Raises InputError for an unknown kind, and where the source cannot be used.
    """
    named, with_masks, folder = named.partition("+masks:")
    if with_masks:
        from .masks import MaskedOpinion

        if not Path(folder).is_dir():
            raise InputError("opinions_no_folder", folder=folder)
        return MaskedOpinion(open_opinions(named, covers), Path(folder))
    kind, _, place = named.partition(":")
    if kind == "files" and place:
        from .files import OpinionFiles

        if not Path(place).is_dir():
            raise InputError("opinions_no_folder", folder=place)
        return OpinionFiles(Path(place), covers or AUTHORS)
    if kind == "network" and place:
        from .land_cover import network_opinion

        return network_opinion(place, covers)
    if kind == "clip" and place:
        from .clip_dense import dense_clip

        return dense_clip(place, covers or FARMLAND)
    raise InputError("opinions_unknown", name=named)
