"""Keys of the review: actions that QGIS's shortcut dialog can change, and the filter that gives them their presses."""

from collections.abc import Callable, Iterable

from qgis.gui import QgsGui, QgsMapCanvas, QgsMapToolCapture
from qgis.PyQt.QtCore import QEvent, QObject, Qt
from qgis.PyQt.QtGui import QKeyEvent, QKeySequence
from qgis.PyQt.QtWidgets import QAction, QHBoxLayout, QPushButton, QWidget

from ..widgets.words import tr

# What a drawing tool does with these is its own: to take a point back, to drop the line.
OF_TOOLS = ("Backspace", "Del", "Esc", "Ctrl+Z")
SYMBOLS = {"Backspace": "⌫", "Return": "⏎", "Esc": "Esc"}


class KeyAction(QAction):
    """One thing that a key does. `also` are further keys, which stay when a person changes the key itself.

    `work` is what the person is at, "Review" or "Accuracy": each has its own keys.
    """

    def __init__(
        self,
        name: str,
        label: str,
        key: str,
        run: Callable[[], object],
        parent: QWidget,
        also: Iterable[str] = (),
        work: str = "Review",
    ) -> None:
        words = {"Review": tr("FarmCD review: {action}"), "Accuracy": tr("FarmCD accuracy: {action}")}
        super().__init__(words[work].format(action=label), parent)
        self.setObjectName(f"FarmCD{work}_{name}")
        self.setIconText(label)
        self.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self.triggered.connect(lambda: run())
        QgsGui.shortcutsManager().registerAction(self, key)
        self._also = [QKeySequence(other) for other in also]
        parent.addAction(self)

    def answers(self, pressed: QKeySequence) -> bool:
        return self.isEnabled() and (pressed == self.shortcut() or pressed in self._also)

    def unregister(self) -> None:
        QgsGui.shortcutsManager().unregisterAction(self)


class KeyButton(QPushButton):
    """A button of an action that shows its key, also after the key was changed."""

    def __init__(self, action: KeyAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._action = action
        self.setObjectName(action.objectName() + "Button")
        self.setAutoDefault(False)
        self.clicked.connect(lambda: action.trigger())
        action.changed.connect(self._follow)
        self._follow()

    def _follow(self) -> None:
        key = self._action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        text = self._action.iconText()
        self.setText(f"{SYMBOLS.get(key, key)}  {text}" if key else text)
        self.setIcon(self._action.icon())
        self.setCheckable(self._action.isCheckable())
        self.setChecked(self._action.isChecked())
        self.setEnabled(self._action.isEnabled())


class KeyFilter(QObject):
    """Sends key presses in the watched widgets to the actions.

    QGIS has actions on plain letters, too (S switches snapping on), and Qt runs neither of two actions that share a
    key. What is claimed as a ShortcutOverride is no shortcut any more: it arrives as an ordinary press.
    """

    def __init__(self, actions: Iterable[KeyAction], listens: Callable[[QKeySequence], bool], parent: QObject) -> None:
        super().__init__(parent)
        self._actions = list(actions)
        self._listens = listens

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() not in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress):
            return False
        key = pressed(event)
        if not self._listens(key):
            return False
        action = next((action for action in self._actions if action.answers(key)), None)
        if action is None:
            return False
        event.accept()
        # A key that is held down must not run through the queue.
        if event.type() == QEvent.Type.KeyPress and not event.isAutoRepeat():
            action.trigger()
        return True


def drawing(canvas: QgsMapCanvas) -> bool:
    """Say whether a person is in the midst of a line that one of QGIS's tools draws."""
    tool = canvas.mapTool()
    return isinstance(tool, QgsMapToolCapture) and tool.size() > 0


def pressed(event: QKeyEvent) -> QKeySequence:
    """Return the key with its modifiers, the same for both blocks of digits."""
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    if hasattr(event, "keyCombination"):
        return QKeySequence(type(event.keyCombination())(modifiers, Qt.Key(event.key())))
    return QKeySequence(int(modifiers) | event.key())


def button_row(*actions: KeyAction) -> QHBoxLayout:
    layout = QHBoxLayout()
    layout.setSpacing(4)
    for action in actions:
        layout.addWidget(KeyButton(action))
    return layout
