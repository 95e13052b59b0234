"""An office's own class table as a file: TOML, a table `[[classes]]` a class, no change first."""

import tomllib
from pathlib import Path

from .classes import ClassTable
from .errors import InputError

# Beside the pictures of a data set: what the ids of its labels mean.
CLASSES_TOML = "classes.toml"


def read_class_file(path: Path) -> ClassTable:
    """Read a class table; raises InputError where it is none.

    A class has `name`, `colour` ("#rrggbb"), `labels` (`en`, `zh`), `prompt` where a network reads texts, and
    `predicted = false` if only a reviewer gives it; those come last.
    """
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8")).get("classes")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError("unreadable_classes", path=path, reason=error) from error
    rows = rows if isinstance(rows, list) else []
    numbered = [{"id": number} | row if isinstance(row, dict) else row for number, row in enumerate(rows)]
    return ClassTable.from_json(numbered, str(path))


def class_table_of(data: Path) -> ClassTable | None:
    """Read the class table that lies in the folder of a data set; None where there is none."""
    return read_class_file(data / CLASSES_TOML) if (data / CLASSES_TOML).is_file() else None
