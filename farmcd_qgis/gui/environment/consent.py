"""The one question before anything is fetched: what, how big, from where, to where."""

from qgis.PyQt.QtCore import QLocale, Qt
from qgis.PyQt.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QLabel, QVBoxLayout, QWidget

from ...runtime.environment.locks import CUDA
from ...runtime.environment.machine import graphics
from ...runtime.environment.manager import Plan
from ..widgets.words import tr

WIDTH = 560


class ConsentDialog(QDialog):
    """Says what an installation will do; accepted means that it may."""

    def __init__(self, plan: Plan, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("consentDialog")
        self.setWindowTitle(tr("Install the environment of the networks"))
        head = QLabel(
            tr(
                "FarmCD's networks run in a Python of their own, apart from QGIS. To install it, packages are fetched "
                "once. Nothing of yours is sent, and nothing of QGIS is changed."
            )
        )
        head.setWordWrap(True)
        form = QFormLayout()
        for name, text in self._rows(plan):
            shown = QLabel(text)
            shown.setWordWrap(True)
            shown.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            form.addRow(f"{name}:", shown)
        buttons = QDialogButtonBox()
        buttons.addButton(tr("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        self.agree = buttons.addButton(tr("Install"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.agree.setObjectName("agreeButton")
        self.agree.setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(head)
        column.addLayout(form)
        column.addWidget(buttons)
        self.resize(WIDTH, column.totalHeightForWidth(WIDTH))

    def _rows(self, plan: Plan) -> list[tuple[str, str]]:
        card = graphics()
        cuda = plan.lock.variant == CUDA
        device = card.name if cuda and card else tr("the processor")
        if plan.lock.system.startswith("macos"):
            device = tr("Apple's graphics, or the processor")
        what = tr("{0} packages for Python {1}: PyTorch and what it needs, to compute on {2}").format(
            len(plan.lock.wheels), plan.base.version, device
        )
        size = tr("{0} to fetch; about {1} on the disk afterwards ({2} are free)").format(
            megabytes(plan.to_fetch),
            megabytes(plan.lock.installed_bytes + plan.lock.download_bytes),
            megabytes(plan.free),
        )
        return [
            (tr("What"), what),
            (tr("How big"), size),
            (tr("From where"), ", ".join(plan.sources.names)),
            (tr("To where"), str(plan.folder)),
            (tr("Made from"), f"{plan.base.path} ({plan.base.full})"),
        ]


def megabytes(size: float) -> str:
    """Write a size for people."""
    if size >= 1e9:
        return f"{QLocale().toString(size / 1e9, 'f', 1)} GB"
    return f"{QLocale().toString(size / 1e6, 'f', 0)} MB"
