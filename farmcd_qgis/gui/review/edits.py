"""Changes of outlines in the review: QGIS's own drawing tools on the candidates, and what one key does, all logged."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from qgis.core import Qgis, QgsFeature, QgsFeatureRequest, QgsGeometry, QgsVectorLayer
from qgis.gui import QgisInterface
from qgis.PyQt.QtCore import QPoint, QPointF, Qt
from qgis.PyQt.QtGui import QMouseEvent
from qgis.PyQt.QtWidgets import QAction, QApplication, QGridLayout, QLabel, QWidget

from ... import tasks
from ...core.errors import FarmCDError
from ...layers.runs import file_of
from ...review.outlines import Edit
from ...review.reviewer import reviewer_name
from ...review.session import Session
from ...review.smoothing import smoothed, stair
from ...review.store import ReviewStore
from ..judging.keys import KeyAction, KeyButton, drawing
from ..widgets.words import tr
from .outline_watch import OutlineWatch, edit_of, stored_features, wkb

# So many of the candidates whose centres are nearest are measured for the neighbour to merge with.
NEAREST = 12
# An outline of more vertices is left to a background thread: it may take longer than a tenth of a second.
AT_ONCE = 200


class ReviewEdits(QWidget):
    """The fold-out with the ways to change an outline.

    `session` gives what is reviewed, `step` does a step of it that is about so many rows, `say` tells what stands in
    the way. Whatever is edited in the candidates of a run is logged when it is saved, reviewed or not; `unload` ends
    that.
    """

    def __init__(
        self,
        iface: QgisInterface,
        parent: QWidget,
        session: Callable[[], Session | None],
        step: Callable[[Callable[[Session], object], int], object],
        say: Callable[..., None],
    ) -> None:
        super().__init__()
        self._iface, self._session, self._step, self._say = iface, session, step, say
        self._layer: QgsVectorLayer | None = None
        tools = {
            "redraw": (tr("Redraw"), "R", lambda: self._draw(self._reshape())),
            "split": (tr("Split"), "X", lambda: self._draw(iface.actionSplitFeatures())),
            "add": (tr("Add missed"), "A", lambda: self._draw(iface.actionAddFeature(), False)),
            "smooth": (tr("Smooth"), "O", self.smooth),
            "merge": (tr("Merge with neighbour"), "G", self.merge),
            "done": (tr("Save outlines"), "Ctrl+Return", self.save),
        }
        self.actions = {name: KeyAction(name, words, key, run, parent) for name, (words, key, run) in tools.items()}
        self._watch = OutlineWatch(self._open_store, self._store, self)
        self._lay_out()

    def open(self, layer: QgsVectorLayer) -> None:
        """Offer changes of a run's candidates."""
        self._layer = layer
        for signal in (layer.editingStarted, layer.editingStopped):
            signal.connect(self.enable)

    def close_layer(self, removed: bool = False) -> None:
        """Offer none any more; `removed`: the layer is about to go."""
        layer, self._layer = self._layer, None
        if layer is not None and not removed:
            for signal in (layer.editingStarted, layer.editingStopped):
                signal.disconnect(self.enable)

    def unload(self) -> None:
        """Stop listening to the project."""
        self._watch.unload()

    def enable(self) -> None:
        """Offer what can be done now."""
        session, layer = self._session(), self._layer
        shown = session is not None and layer is not None and session.row is not None
        still = shown and layer is not None and not layer.isEditable()
        for name, on in (("redraw", shown), ("split", shown), ("merge", still), ("smooth", still)):
            self.actions[name].setEnabled(on)
        self.actions["add"].setEnabled(layer is not None)
        self.actions["done"].setEnabled(layer is not None and layer.isEditable())

    def save(self) -> None:
        """End the line that is being drawn, store the outlines and go back to moving the map."""
        if drawing(self._iface.mapCanvas()):
            self._right_click()
        if self._layer is not None and not self._layer.commitChanges():
            self._say("\n".join(self._layer.commitErrors()))
        self._iface.actionPan().trigger()

    def take_back(self, again: bool) -> bool:
        """Take the last edit back that is not saved yet, or make it again; returns whether there was one."""
        if self._layer is None or not self._layer.isEditable():
            return False
        stack = self._layer.undoStack()
        if not (stack.canRedo() if again else stack.canUndo()):
            return False
        if again:
            stack.redo()
        else:
            stack.undo()
        self._layer.triggerRepaint()
        return True

    def merge(self) -> None:
        """Unite the shown candidate with the nearest other one; it keeps its number, class and verdict."""
        session, layer = self._session(), self._layer
        if session is None or layer is None or session.row is None or len(session.candidates) < 2:
            return
        candidates, row = session.candidates, session.row
        away = np.hypot(candidates.x - candidates.x[row], candidates.y - candidates.y[row])
        rows = [int(near) for near in away.argsort(kind="stable")[: NEAREST + 1] if near != row]
        features = {f.id(): f for f in stored_features(layer, [int(candidates.fid[at]) for at in (row, *rows)])}
        shown = features[int(candidates.fid[row])]
        others = [features[int(candidates.fid[at])] for at in rows]
        other = min(others, key=lambda one: shown.geometry().distance(one.geometry()))
        united = QgsGeometry.unaryUnion([shown.geometry(), other.geometry()])
        united.convertToMultiType()
        self._store(layer, [edit_of(shown, shown.geometry(), united), edit_of(other, other.geometry(), None)])

    def smooth(self) -> None:
        """Take the stairs of the pixels off the shown outline; candidates that touch it go on touching it."""
        session, layer = self._session(), self._layer
        if session is None or layer is None or session.row is None:
            return
        (shown,) = stored_features(layer, [int(session.candidates.fid[session.row])])
        outline = shown.geometry()
        step = stair(outline)
        around = QgsFeatureRequest(outline.boundingBox().buffered(step))
        others = [f for f in layer.dataProvider().getFeatures(around) if f.id() != shown.id()]
        others = [f for f in others if f.geometry().distance(outline) <= step]
        job = partial(smoothed, outline, [other.geometry() for other in others], step)
        take = partial(self._take_smoothed, layer, [shown, *others])
        if outline.constGet().nCoordinates() <= AT_ONCE:
            take(job())
            return
        task = tasks.CallTask(job, tr("FarmCD review"))
        task.succeeded.connect(take)
        task.failed.connect(lambda error: self._say(error))
        tasks.start(task)

    def _take_smoothed(
        self, layer: QgsVectorLayer, features: list[QgsFeature], made: tuple[QgsGeometry, list[QgsGeometry]] | None
    ) -> None:
        # The run may have been closed, or somebody may have begun to draw.
        if layer.isEditable() or layer is not self._layer:
            return
        if made is None:
            self._say(tr("This outline cannot be made smooth without running into another one."))
            return
        pairs = zip(features, [made[0], *made[1]], strict=True)
        changed = [(feature, new) for feature, new in pairs if wkb(feature.geometry()) != wkb(new)]
        if changed:
            self._store(layer, [edit_of(feature, feature.geometry(), new) for feature, new in changed])

    def _draw(self, tool: Any, shown_only: bool = True) -> None:
        """Begin to edit with one of QGIS's tools, which is about the shown candidate alone or about none."""
        session, layer = self._session(), self._layer
        if session is None or layer is None:
            return
        self._iface.setActiveLayer(layer)
        if not layer.isEditable() and not layer.startEditing():
            self._say(tr("The candidates cannot be edited: their file is read-only."))
            return
        form = layer.editFormConfig()
        form.setSuppress(Qgis.AttributeFormSuppression.On)
        layer.setEditFormConfig(form)
        chosen = [int(session.candidates.fid[session.row])] if shown_only and session.row is not None else []
        layer.selectByIds(chosen)
        tool.trigger()
        self.enable()

    def _reshape(self) -> QAction:
        """Find QGIS's tool that redraws an outline by one line across it; its interface does not name it."""
        found = self._iface.mainWindow().findChild(QAction, "mActionReshapeFeatures")
        return found or self._iface.actionVertexTool()

    def _right_click(self) -> None:
        """End the line of a drawing tool as a person does."""
        view = self._iface.mapCanvas().viewport()
        here = QPoint(view.width() // 2, view.height() // 2)
        right, none = Qt.MouseButton.RightButton, Qt.KeyboardModifier.NoModifier
        up = Qt.MouseButton.NoButton
        for kind, held in ((QMouseEvent.Type.MouseButtonPress, right), (QMouseEvent.Type.MouseButtonRelease, up)):
            event = QMouseEvent(kind, QPointF(here), QPointF(view.mapToGlobal(here)), right, held, none)
            QApplication.sendEvent(view, event)

    def _open_store(self, layer: QgsVectorLayer) -> ReviewStore:
        session = self._session()
        if session is not None and layer is self._layer:
            return session.store
        return ReviewStore(file_of(layer), reviewer_name())

    def _store(self, layer: QgsVectorLayer, edits: list[Edit]) -> None:
        """Log edits, as a step of the review where the run is being reviewed, and show what became of the layer."""
        session = self._session()
        if session is not None and layer is self._layer:
            self._step(lambda session: session.edit(edits), len(session.candidates))
        else:
            try:
                self._open_store(layer).edit(edits)
            except FarmCDError as error:
                self._say(error)
            else:
                self._say(tr("The changed outlines are in the log of the run's review."), Qgis.MessageLevel.Info)
        layer.removeSelection()
        layer.dataProvider().reloadData()
        layer.triggerRepaint()

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        for place, name in enumerate(self.actions):
            grid.addWidget(KeyButton(self.actions[name]), place // 2, place % 2)
        hint = QLabel(
            tr(
                "Draw a line across the outline with QGIS's own tools, end it by a right click, then save. Undo takes "
                "a saved change back."
            )
        )
        hint.setWordWrap(True)
        grid.addWidget(hint, 3, 0, 1, 2)
