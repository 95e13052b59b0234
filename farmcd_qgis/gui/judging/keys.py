"""Keys of the review: actions that QGIS's shortcut dialog can change, and the filter that gives them their presses."""

from collections.abc import Callable, Iterable, Mapping

from qgis.gui import QgsGui, QgsMapCanvas, QgsMapToolCapture
from qgis.PyQt.QtCore import QEvent, QObject, QRectF, QSize, Qt
from qgis.PyQt.QtGui import QColor, QFont, QFontMetricsF, QIcon, QKeyEvent, QKeySequence, QPainter, QPen, QPixmap
from qgis.PyQt.QtWidgets import QAbstractButton, QAction, QHBoxLayout, QPushButton, QSizePolicy, QToolButton, QWidget

from ..widgets.icons import icon
from ..widgets.words import tr

# What a drawing tool does with these is its own: to take a point back, to drop the line.
OF_TOOLS = ("Backspace", "Del", "Esc", "Ctrl+Z")
# What presses a button that has the focus.
PRESSING = (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter)
# In pixels: a class's colour beside a key.
SWATCH, GAP = 12, 5
ACCENT = """
QPushButton { background: palette(highlight); color: palette(highlighted-text); font-weight: bold;
              border: 1px solid palette(shadow); border-radius: 3px; padding: 6px; }
QPushButton:pressed { border-width: 2px; }
QPushButton:disabled { background: palette(button); color: palette(mid); }
"""
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
    """A button of an action with its key as a cap before the words, also after the key was changed.

    `more` stands behind the words, where the button opens something.
    """

    def __init__(self, action: KeyAction, parent: QWidget | None = None, more: str = "") -> None:
        super().__init__(parent)
        self._action, self._more = action, more
        self.setObjectName(action.objectName() + "Button")
        self.setAutoDefault(False)
        self.clicked.connect(lambda: action.trigger())
        action.changed.connect(self._follow)
        self._follow()

    def accent(self) -> None:
        """Let this button be seen first: what is done most."""
        self.setStyleSheet(ACCENT)

    def _follow(self) -> None:
        key = key_words(self._action)
        self.setText(self._action.iconText() + self._more)
        self.setToolTip(key)
        face = key_face(self, key, self._action.icon())
        self.setIcon(face)
        self.setIconSize(face.availableSizes()[0] if face.availableSizes() else QSize())
        self.setCheckable(self._action.isCheckable())
        self.setChecked(self._action.isChecked())
        self.setEnabled(self._action.isEnabled())


class LookButton(QToolButton):
    """One of a row of ways to look: an icon, its key below, the words in the tip."""

    def __init__(self, action: KeyAction, picture: str) -> None:
        super().__init__()
        self._action = action
        self.setObjectName(action.objectName() + "Button")
        self.setIcon(icon(f"look_{picture}"))
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        self.setAutoRaise(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.clicked.connect(lambda: action.trigger())
        action.changed.connect(self._follow)
        self._follow()

    def _follow(self) -> None:
        key = key_words(self._action)
        self.setText(key)
        self.setToolTip(f"{self._action.iconText()} ({key})" if key else self._action.iconText())
        self.setCheckable(self._action.isCheckable())
        self.setChecked(self._action.isChecked())
        self.setEnabled(self._action.isEnabled())


def key_words(action: KeyAction) -> str:
    """Write an action's key as keyboards show it."""
    key = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
    return SYMBOLS.get(key, key)


def key_face(widget: QWidget, key: str, beside: QIcon) -> QIcon:
    """Draw a key as the cap that it is on a keyboard, and an icon beside it."""
    if not key:
        return beside
    font = QFont(widget.font())
    font.setPointSizeF(0.85 * font.pointSizeF())
    letters, ratio = QFontMetricsF(font), widget.devicePixelRatioF()
    high = letters.height() + 2
    wide = max(high, letters.horizontalAdvance(key) + 8)
    room = 0 if beside.isNull() else SWATCH + GAP
    face = QPixmap(round((wide + room) * ratio), round(high * ratio))
    face.setDevicePixelRatio(ratio)
    face.fill(Qt.GlobalColor.transparent)
    painter = QPainter(face)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor("#8a8a8a"), 1))
    painter.setBrush(QColor("#fafafa"))
    painter.drawRoundedRect(QRectF(0.5, 0.5, wide - 1, high - 1), 3, 3)
    painter.setPen(QColor("#1a1a1a"))
    painter.setFont(font)
    painter.drawText(QRectF(0, 0, wide, high), Qt.AlignmentFlag.AlignCenter, key)
    if room:
        beside.paint(painter, round(wide + GAP), round((high - SWATCH) / 2), SWATCH, SWATCH)
    painter.end()
    return QIcon(face)


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
        if isinstance(watched, QAbstractButton) and event.key() in PRESSING:
            return _press(watched, event)
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


def _press(button: QAbstractButton, event: QKeyEvent) -> bool:
    """Let a button that a person has come to with Tab be pressed, by Space as Qt does it and by Return as well."""
    event.accept()
    if event.type() == QEvent.Type.KeyPress and event.key() == Qt.Key.Key_Space:
        return False
    if event.type() == QEvent.Type.KeyPress and not event.isAutoRepeat():
        button.click()
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


def look_row(actions: Mapping[str, KeyAction], outline: str) -> QHBoxLayout:
    """Put the ways to look into one row of icons; `outline` is the action that switches what is drawn over the map."""
    row = QHBoxLayout()
    row.setSpacing(2)
    for name in ("flicker", outline, "zoom", "pair", "swipe", "stretch"):
        row.addWidget(LookButton(actions[name], "outline" if name == outline else name))
    return row


def button_row(*actions: KeyAction) -> QHBoxLayout:
    layout = QHBoxLayout()
    layout.setSpacing(4)
    for action in actions:
        layout.addWidget(KeyButton(action))
    return layout
