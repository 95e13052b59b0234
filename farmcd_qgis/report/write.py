"""From a run folder to the files of its report, all of them or none."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from qgis.core import QgsFeedback

from ..protocol import Cancelled, InputError
from .exports import write_geojson, write_tables
from .figures import read_dossier
from .html import write_html
from .maps import Maps
from .pages import Writer
from .pdf import Pages, write_pdf
from .typography import has_chinese
from .words import LANGUAGES, Words

PDF, HTML, XLSX, CSV, GEOJSON = FILES = (
    "report.pdf",
    "report.html",
    "report.xlsx",
    "candidates.csv",
    "candidates.geojson",
)


@dataclass(frozen=True)
class ReportOptions:
    """How a report is to be made.

    `language` is "en" or "zh"; `candidate_pages` says for how many of the largest candidates there is a page each.
    `only_confirmed` leaves out what the review has not confirmed; with nothing reviewed, all candidates are shown.
    """

    language: str = "en"
    office: str = ""
    author: str = ""
    candidate_pages: int = 20
    only_confirmed: bool = False


@dataclass(frozen=True)
class ReportResult:
    """The files of a report, and sentences on what the reader should know of how it was made."""

    pdf: Path
    html: Path
    xlsx: Path
    csv: Path
    geojson: Path
    messages: tuple[str, ...] = ()


def write_report(
    run_dir: str | Path, out_dir: str | Path, options: ReportOptions, feedback: QgsFeedback | None = None
) -> ReportResult:
    """Write the report of a finished run into `out_dir`, made if missing; earlier reports there are replaced.

    Must be called in the main thread, since it draws QGIS layouts; `feedback` carries progress and cancelling, which
    are heeded between pages. Nothing is left behind unless all is written. Raises InputError for a folder that is no
    run, holds no candidates or cannot be written, FarmCDError for what fails on the way, and Cancelled.
    """
    feedback = feedback or QgsFeedback()
    if options.language not in LANGUAGES:
        raise InputError(
            "bad_language", f"There is no report in {options.language!r}. Choose {' or '.join(LANGUAGES)}."
        )
    folder = Path(out_dir).expanduser().absolute()
    dossier = read_dossier(Path(run_dir).expanduser().absolute(), options.only_confirmed)
    _check_folder(folder)
    words = Words(options.language)
    maps = Maps(dossier, words.language)
    writer = Writer(dossier, maps, words, options.office, options.author, options.candidate_pages)
    footer = f"FarmCD {dossier.record['versions']['farmcd']}  ·  {dossier.record['run']}"
    try:
        with tempfile.TemporaryDirectory(prefix=".report-", dir=folder) as making:
            made = {name: Path(making) / name for name in FILES}
            write_tables(dossier, words, made[XLSX], made[CSV])
            write_geojson(dossier, words, made[GEOJSON])
            if feedback.isCanceled():
                raise Cancelled
            write_html(writer, made[HTML], feedback.isCanceled)
            write_pdf(Pages(writer.pages(), maps.project, words, footer), made[PDF], feedback)
            for name, path in made.items():
                path.replace(folder / name)
    except OSError as error:
        raise InputError(
            "not_writable", f"The report cannot be written into {folder} ({error}). Close its files in other programs."
        ) from error
    pdf, html, xlsx, csv, geojson = (folder / name for name in FILES)
    return ReportResult(pdf, html, xlsx, csv, geojson, _messages(dossier.fell_back, maps, words))


def _check_folder(folder: Path) -> None:
    """Find out before the work what cannot be written after it, such as a PDF that a reader holds open."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            if (folder / name).exists():
                (folder / name).open("r+b").close()
    except OSError as error:
        raise InputError(
            "not_writable",
            f"{error.filename} cannot be written ({error.strerror}). Close it in other programs, or choose another "
            "output folder.",
        ) from error


def _messages(fell_back: bool, maps: Maps, words: Words) -> tuple[str, ...]:
    messages = [words("fallback")] if fell_back else []
    missing = [role for role, image in maps.images.items() if image is None]
    messages += [
        f"The {role} image was not found: its maps are empty. Put it beside the run folder." for role in missing
    ]
    if words.language == "zh" and not has_chinese():
        messages.append("No installed font holds Chinese: install Noto Sans CJK SC and make the report again.")
    return tuple(messages)
