"""What every output of a report is made from."""

from dataclasses import dataclass

from .figures import Dossier
from .maps import Maps
from .settings import ReportSettings
from .templates import Templates
from .words import Words


@dataclass(frozen=True)
class Job:
    """A report in the making: what was asked for, the figures, the maps' layers, the words, the templates."""

    settings: ReportSettings
    dossier: Dossier
    maps: Maps
    words: Words
    templates: Templates
