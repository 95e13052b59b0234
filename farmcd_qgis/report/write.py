"""From a run folder to the files of its report: each output is made whole, then put in its place."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ..core.errors import Cancelled, FarmCDError, InputError
from ..core.feedback import SILENT, Feedback
from ..core.protocol import Finding
from . import story
from .exports import chosen_crs, write_csv, write_geojson, write_gpkg, write_kml, write_shapefile, write_xlsx
from .figures import Dossier, read_dossier
from .html import write_html
from .job import Job
from .maps import Maps
from .pages import Writer
from .pdf import Pages, write_pdf
from .settings import ReportSettings
from .templates import Templates
from .typography import has_chinese
from .words import Words


class Output(NamedTuple):
    """One output: the file that people open, what makes it in a folder, and its part of the time, in hundredths.

    `make` may write further files beside that one, which then get a `folder` inside the report's, and reports progress
    of its own.
    """

    name: str
    make: Callable[[Job, Path, Feedback], None]
    weight: float
    folder: str = ""


@dataclass(frozen=True)
class ReportResult:
    """The files of a report by output ("pdf"), and what the reader should know of how it was made."""

    files: dict[str, Path] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def make_job(settings: ReportSettings, dossier: Dossier) -> Job:
    """Bring together what every output of a report is made from; raises InputError for templates of no use."""
    words, templates = Words(settings.language), Templates(settings.templates)
    return Job(settings, dossier, Maps(dossier, words.language), words, templates)


def report_pages(job: Job) -> Pages:
    """Return the pages of a report, each drawn when it is asked for."""
    about = job.maps.project.metadata()
    about.setTitle(" · ".join(story.title(job)))
    about.setAuthor(job.settings.author or job.settings.office)
    job.maps.project.setMetadata(about)
    footer = f"FarmCD {job.dossier.record['versions']['farmcd']}  ·  {job.dossier.record['run']}"
    return Pages(Writer(job).pages(), job, footer)


def _make_pdf(job: Job, path: Path, feedback: Feedback) -> None:
    if job.words.language == "zh" and not has_chinese():
        raise FarmCDError("no_font")
    write_pdf(report_pages(job), path, feedback)


# By the names of settings.OUTPUTS.
MAKERS = {
    "xlsx": Output("report.xlsx", write_xlsx, 1),
    "csv": Output("candidates.csv", write_csv, 1, "csv"),
    "gpkg": Output("candidates.gpkg", write_gpkg, 1),
    "geojson": Output("candidates.geojson", write_geojson, 1),
    "shp": Output("candidates.shp", write_shapefile, 1, "shapefile"),
    "kml": Output("candidates.kml", write_kml, 1),
    "html": Output("report.html", write_html, 4),
    "pdf": Output("report.pdf", _make_pdf, 90),
}


def write_report(settings: ReportSettings, feedback: Feedback = SILENT) -> ReportResult:
    """Write the report of a finished run; earlier reports in its folder are replaced.

    Must be called in the main thread, since it draws QGIS layouts; `feedback` carries progress and cancelling, which
    are heeded between pages. Each output is there as a whole or not at all; what was finished stays when a later one
    fails or is cancelled. Raises InputError for a folder that is no run, holds no candidates or cannot be written,
    FarmCDError for what fails on the way, and Cancelled.
    """
    folder = settings.out_folder
    dossier = read_dossier(settings, feedback)
    chosen_crs(settings, dossier.crs)
    job = make_job(settings, dossier)
    files: dict[str, Path] = {}
    findings = list(_findings(job))
    with closing(job.maps):
        try:
            # One by one: what was made before a fault stays noted.
            files.update(_make(job, feedback))
        except Cancelled:
            raise
        except FarmCDError as error:
            raise (_broken_off(error, files) if files else error) from error
        except OSError as error:
            fault = InputError("report_not_writable", folder=folder, reason=error)
            raise (_broken_off(fault, files) if files else fault) from error
        for name, path in files.items():
            if path.parent != folder / MAKERS[name].folder:
                other = path.relative_to(folder)
                findings.append(Finding("warning", "report_in_use", {"name": path.name, "other": other}))
    feedback.progress("report", 1.0)
    return ReportResult(files, tuple(findings))


def _make(job: Job, feedback: Feedback) -> Iterator[tuple[str, Path]]:
    """Make the outputs one after the other, and yield the name and the place of each when it is there."""
    folder = job.settings.out_folder
    wanted = {name: output for name, output in MAKERS.items() if name in job.settings.outputs}
    _check_folder(folder, [f"{output.folder}/{output.name}".lstrip("/") for output in wanted.values()])
    parts = feedback.split(*(output.weight for output in wanted.values()))
    for (name, output), part in zip(wanted.items(), parts, strict=True):
        with tempfile.TemporaryDirectory(prefix=".report-", suffix=".part", dir=folder) as making:
            output.make(job, Path(making) / output.name, part)
            feedback.check()
            yield name, _put(Path(making), folder / output.folder, output.name)


def _put(making: Path, folder: Path, name: str) -> Path:
    """Move an output's files into the folder, or into one inside it where a program holds the earlier ones open."""
    made = sorted(making.iterdir())
    folder.mkdir(exist_ok=True)
    try:
        for path in made:
            path.replace(folder / path.name)
        return folder / name
    except PermissionError:
        stem = Path(name).stem
        free = next(option for count in range(2, 1000) if not (option := folder / f"{stem}-{count}").exists())
        free.mkdir()
        for path in made:
            if path.exists():
                path.replace(free / path.name)
            else:
                shutil.copy(folder / path.name, free)
        return free / name


def _check_folder(folder: Path, names: list[str]) -> None:
    """Find out before the work what cannot be written after it, such as a PDF that a reader holds open."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            if (folder / name).exists():
                (folder / name).open("r+b").close()
        if not os.access(folder, os.W_OK):
            raise PermissionError(13, "no permission to write", str(folder))
    except OSError as error:
        raise InputError("file_not_writable", path=error.filename, reason=error.strerror) from error


def _broken_off(fault: FarmCDError, files: dict[str, Path]) -> FarmCDError:
    kept = [path.name for path in files.values()]
    if isinstance(fault, InputError):
        return InputError("report_broken_off", fault=fault, kept=kept)
    return FarmCDError("report_broken_off", fault=fault, kept=kept)


def _findings(job: Job) -> Iterator[Finding]:
    if job.dossier.fell_back:
        yield Finding("warning", "report_fell_back")
    for role, image in job.maps.images.items():
        if image is None:
            yield Finding("warning", "no_image", {"role": role})
