"""The first looks at a report before the long export: its title page and one candidate's page, as pictures."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from qgis.core import QgsLayoutExporter
from qgis.PyQt.QtCore import QSize

from ..core.errors import FarmCDError
from ..core.feedback import Feedback
from .figures import read_dossier
from .pdf import Pages
from .settings import ReportSettings
from .write import make_job, report_pages


@dataclass(frozen=True)
class Preview:
    """Pictures of pages, and how many pages and candidates the whole report has."""

    pictures: list[str]
    pages: int
    candidates: int
    fell_back: bool


def draw_preview(settings: ReportSettings, folder: str, width: int, feedback: Feedback) -> Preview:
    """Draw the title page and the first candidate's page as PNG of `width` pixels into `folder`.

    Must be called in the main thread, since it draws QGIS layouts. Raises InputError for a run that cannot be
    reported, and Cancelled between the pages.
    """
    dossier = read_dossier(settings)
    job = make_job(settings, dossier)
    with closing(job.maps):
        pages = report_pages(job)
        shown = min(settings.candidate_pages, len(dossier.candidates))
        wanted = {0, pages.count() - shown} if shown else {0}
        try:
            pictures = list(_draw(pages, wanted, Path(folder), width, feedback))
        finally:
            pages.endRender()
    return Preview(pictures, pages.count(), len(dossier.candidates), dossier.fell_back)


def _draw(pages: Pages, wanted: set[int], folder: Path, width: int, feedback: Feedback) -> Iterator[str]:
    for index in range(max(wanted) + 1):
        feedback.check()
        if not pages.next() or (layout := pages.layout()) is None:
            raise pages.error or FarmCDError("preview_failed")
        if index in wanted:
            path = folder / f"page-{index + 1}.png"
            paper = layout.pageCollection().page(0).pageSize()
            size = QSize(width, round(width * paper.height() / paper.width()))
            if not QgsLayoutExporter(layout).renderPageToImage(0, size).save(str(path)):
                raise FarmCDError("preview_not_written", path=path)
            yield str(path)
        feedback.progress("report", index / max(max(wanted), 1))
