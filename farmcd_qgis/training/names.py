"""Lists of pairs, one name a line: which of a split keep their labels."""

from pathlib import Path

from ..core.errors import InputError

# Lists that come with FarmCD.
LISTS = Path(__file__).parent / "recipes" / "lists"


def names_of(file: str) -> tuple[list[str], Path]:
    """Read a list of pairs from a file or from the lists that come with FarmCD; returns its path too.

    Raises InputError where there is none.
    """
    path = next((path for path in (Path(file), LISTS / file) if path.is_file()), None)
    if path is None:
        raise InputError("names_missing", file=file, known=", ".join(sorted(p.name for p in LISTS.glob("*.txt"))))
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Path(line.split()[0]).stem for line in lines if line.strip()], path
