"""Lists of pairs, one name a line: which of a split keep their labels, which pairs are a split."""

from pathlib import Path

from ..core.errors import InputError
from ..core.messages import why

# Lists that come with FarmCD.
LISTS = Path(__file__).parent / "recipes" / "lists"
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".jp2")


def names_of(file: str) -> tuple[list[str], Path]:
    """Read a list of pairs from a file or from the lists that come with FarmCD; returns its path too.

    Raises InputError where there is none, it is no text, or it names a pair twice.
    """
    path = next((path for path in (Path(file), LISTS / file) if path.is_file()), None)
    if path is None:
        raise InputError("names_missing", file=file, known=", ".join(sorted(p.name for p in LISTS.glob("*.txt"))))
    return [stem_of(name) for name in read_names(path)], path


def read_names(path: Path, once: bool = True) -> list[str]:
    """Return the names of a list, as they stand there: the first column, or a whole line that is one image's name.

    Byte order marks and any line ends are left off. Raises InputError for a file that is no text, and, where each
    shall be there `once`, for a pair that is named twice.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("names_unreadable", file=str(path), reason=why(error)) from error
    names = [_name(line.strip()) for line in lines if line.strip()]
    seen: set[str] = set()
    for name in names if once else ():
        if stem_of(name) in seen:
            raise InputError("names_twice", file=str(path), name=stem_of(name))
        seen.add(stem_of(name))
    return names


def stem_of(name: str) -> str:
    """Return a pair's name by that of its image: without the ending of an image, but with any other dot."""
    path = Path(name)
    return path.stem if path.suffix.lower() in IMAGE_SUFFIXES else path.name


def _name(line: str) -> str:
    first = line.split()[0]
    whole = Path(line).suffix.lower() in IMAGE_SUFFIXES and Path(first).suffix.lower() not in IMAGE_SUFFIXES
    return line if whole else first
