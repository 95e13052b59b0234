"""A checkpoint's header and model card, read without torch."""

import hashlib
import json
import math
import struct
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ..core.classes import BINARY, FIVE, ChangeClass, ClassTable
from ..core.errors import InputError
from ..core.messages import why
from .family import Family, families, family_named

FORMAT = 1
HEADER = "farmcd"
LARGEST_HEADER = 100 * 2**20
# Of the names of a screen's tensors (networks.screening).
PREFIX = "screen."
# A screen that keeps less of what changed cannot be switched on.
LEAST_KEPT = 0.995
EVIDENCE = ("threshold", "kept", "skipped", "time_saved", "recall_lost", "pairs")
# Of classes that nobody gave one.
OTHER_COLOUR = "#999999"


@dataclass(frozen=True)
class ModelCard:
    """What a checkpoint says of itself, in words and measured figures.

    `resolution_m` is the range of ground metres per pixel it was trained for, `working_resolution_m` where in it finer
    imagery is looked at (None: as it is), `bands` names what each channel reads where that is not red, green, blue;
    `metrics` maps a figure's name to its measured value, and `measured_on` says on what. `places` are figures of
    whole places, of which `core.card_words` makes sentences. `screening` tells of the checkpoint's screen: below which
    `threshold` a tile is not predicted, and, measured on so many `pairs`, the shares of the changed area that are
    `kept` and `recall_lost`, of tiles `skipped`, of `time_saved`. `order_free` says that it learned from both orders of
    the dates. `family`, the `multiple` of pixels that a tile's side must be, and whether there is an `arbitration`
    follow from the kind of network.
    """

    name: str
    description: str = ""
    data: str = ""
    licence: str = ""
    resolution_m: tuple[float, float] | None = None
    working_resolution_m: float | None = None
    bands: tuple[str, ...] = ()
    tile: int = 256
    metrics: dict[str, float] = field(default_factory=dict)
    places: dict[str, float] = field(default_factory=dict)
    screening: dict[str, float] = field(default_factory=dict)
    measured_on: str = ""
    text_encoder: str = ""
    calibration: str = ""
    limits: str = ""
    created: str = ""
    classes: ClassTable = FIVE
    order_free: bool = False
    family: str = "fd_mamba"
    multiple: int = 8
    arbitration: bool = True

    def of(self, family: Family, n_classes: int | None = None) -> "ModelCard":
        """Return the card with what follows from the kind of network and its number of classes."""
        classes = self.classes
        if n_classes is not None and len(classes.predicted) != n_classes:
            classes = classes_of(n_classes)
        return replace(
            self,
            classes=classes,
            family=family.name,
            multiple=family.multiple,
            arbitration=family.arbitration,
        )

    @property
    def own_classes(self) -> ClassTable | None:
        """The class table of an office; None where it is the one that a network of so many classes has anyway."""
        return None if self.classes == classes_of(len(self.classes.predicted)) else self.classes

    def as_dict(self) -> dict[str, Any]:
        """Return the card as JSON holds it, in headers and in run.json."""
        return {**asdict(self), "classes": self.classes.to_json()}


def classes_of(n_classes: int) -> ClassTable:
    """Return the table of a network that does not say which classes it knows."""
    if n_classes == len(BINARY.predicted):
        return BINARY
    others = (ChangeClass(k, f"class_{k}", OTHER_COLOUR) for k in range(len(FIVE), n_classes))
    return ClassTable((*FIVE.rows[:n_classes], *others))


def check_count(table: ClassTable, n_classes: int, where: str | Path) -> None:
    """Raise InputError where a table of `where` does not have as many predicted classes as a network has outputs."""
    if len(table.predicted) != n_classes:
        raise InputError("classes_count", path=where, count=len(table.predicted), wanted=n_classes)


def read_card(path: str | Path) -> ModelCard:
    """Read the card from a checkpoint's header alone, without torch.

    Raises InputError where the file is missing, not in our format, or of a newer format or another network.
    """
    return card_of(read_header(Path(path)), Path(path))


def read_contexts(path: str | Path) -> list[str]:
    """Read from a checkpoint's header which context prompts it knows; raises as `read_card` does."""
    header = read_header(Path(path))
    return family_named(header["model"]).contexts(header)


def describe_card(checkpoint: str) -> dict[str, Any]:
    """Return what a checkpoint says of itself as plain values, with the `contexts` that it knows.

    `attends` says whether its network can show where it looks, `screens` whether its screen can be switched on.
    """
    header = read_header(Path(checkpoint))
    card, family = card_of(header, Path(checkpoint)), family_named(header["model"])
    try:
        family.check_detects(_config(header), card.name)
        attends = family.attends
    except InputError:
        attends = False
    try:
        check_screens(card, checkpoint)
        screens = True
    except InputError:
        screens = False
    return {**card.as_dict(), "contexts": read_contexts(checkpoint), "attends": attends, "screens": screens}


def check_detects(path: str | Path) -> None:
    """Raise InputError for a checkpoint whose header says that its network sees no change."""
    header = read_header(Path(path))
    family_named(header["model"]).check_detects(_config(header), card_of(header, Path(path)).name)


def check_screens(card: ModelCard | None, path: str | Path) -> None:
    """Raise InputError for a checkpoint without a screen, or with one that was not shown to keep what changed."""
    said = card.screening if card is not None else {}
    if lacking := [name for name in EVIDENCE if name not in said]:
        raise InputError("no_screen", checkpoint=Path(path).name, lacking=lacking)
    if not said["kept"] >= LEAST_KEPT:
        values = {"kept": 100 * said["kept"], "least": 100 * LEAST_KEPT}
        raise InputError("screen_loses", checkpoint=Path(path).name, **values)


def _config(header: dict[str, Any]) -> dict[str, Any]:
    # A garbled one is told of where the network is loaded.
    config = header.get("config")
    return config if isinstance(config, dict) else {}


def usual_overlap(card: ModelCard) -> float:
    """Return by which share of their side tiles overlap at least, where nobody chose another; 0 for any."""
    return family_named(card.family).overlap


def checkpoint_hash(path: str | Path) -> str:
    """Return the file's SHA-256 in hexadecimal, as the run's record keeps it; raises OSError as `open` does."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_safetensors(path: Path) -> bool:
    """Say whether a file begins as a safetensors file does; raises InputError where it is missing or unreadable."""
    try:
        if not path.is_file():
            raise InputError("checkpoint_missing", path=path)
        with path.open("rb") as file:
            start = file.read(9)
    except OSError as error:
        raise damaged(path, error) from error
    if not start:
        raise InputError("checkpoint_empty", path=path)
    return len(start) == 9 and start[8:] == b"{" and struct.unpack("<Q", start[:8])[0] < LARGEST_HEADER


def read_header(path: Path) -> dict[str, Any]:
    """Read the header of a checkpoint in our format; raises InputError as `read_card` does."""
    if not is_safetensors(path):
        raise InputError("checkpoint_not_ours", path=path)
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        text = file.read(length)
    try:
        header = json.loads(json.loads(text)["__metadata__"][HEADER])
        made_by, made_in = header["model"], int(header["format"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise InputError("checkpoint_no_header", path=path) from error
    known = [family.name for family in families()]
    if made_by not in known or made_in > FORMAT:
        raise InputError("checkpoint_newer", path=path, network=made_by, format=made_in, known=known, newest=FORMAT)
    return header


def card_of(header: dict[str, Any], path: Path) -> ModelCard:
    """Return the card in a header; raises InputError where it is garbled."""
    known = {f.name for f in fields(ModelCard)}
    try:
        said = {key: value for key, value in with_tuples(header["card"]).items() if key in known}
        # Older headers name the bands in one text.
        if isinstance(bands := said.get("bands"), str):
            said["bands"] = tuple(bands.split(", ")) if bands else ()
        said["classes"] = ClassTable.from_json(header["card"].get("classes"), str(path))
        card = ModelCard(**said).of(family_named(header["model"]))
        span = (1, 2) if card.resolution_m is None else card.resolution_m
        works_at = 1 if card.working_resolution_m is None else card.working_resolution_m
        figures = [*card.metrics.values(), *card.places.values(), *card.screening.values()]
        numbers = [card.tile, *figures, *span, works_at]
        words = [*(getattr(card, f.name) for f in fields(card) if f.type is str), *card.bands]
        finite = all(math.isfinite(number) for number in numbers)
        if not finite or len(span) != 2 or works_at <= 0 or not all(isinstance(word, str) for word in words):
            raise InputError("checkpoint_card_garbled", path=path)
        return card
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise damaged(path, error) from error


def with_tuples(values: dict[str, Any]) -> dict[str, Any]:
    """Return values from JSON with lists as the tuples that dataclasses hold, in tables within them, too."""
    return {key: _with_tuple(value) for key, value in values.items()}


def _with_tuple(value: Any) -> Any:
    if isinstance(value, dict):
        return with_tuples(value)
    return tuple(value) if isinstance(value, list) else value


def damaged(path: Path, error: Exception) -> InputError:
    """Make the error that says how a checkpoint is damaged."""
    return InputError("checkpoint_unreadable", path=path, reason=why(error))
