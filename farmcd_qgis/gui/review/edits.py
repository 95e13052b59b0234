"""Changes of outlines in the review: QGIS's own editing tools on the candidates, a merge on a key, all of it logged."""

from collections.abc import Callable
from typing import Any

import numpy as np
from qgis.core import NULL, Qgis, QgsFeature, QgsFeatureRequest, QgsGeometry, QgsVectorLayer
from qgis.gui import QgisInterface
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QGridLayout, QLabel, QWidget

from ...core.classes import NO_CHANGE
from ...review.outlines import DERIVED, Edit
from ...review.session import Session
from ..judging.keys import KeyAction, KeyButton
from ..widgets.words import tr

# So many of the candidates whose centres are nearest are measured for the neighbour to merge with.
NEAREST = 12


class ReviewEdits(QWidget):
    """The fold-out with the ways to change an outline.

    `session` gives what is reviewed, `step` does a step of it that is about so many rows, `say` tells what stands in
    the way. Whatever is edited in the layer while it is reviewed is logged when it is saved.
    """

    def __init__(
        self,
        iface: QgisInterface,
        parent: QWidget,
        session: Callable[[], Session | None],
        step: Callable[[Callable[[Session], object], int], object],
        say: Callable[[str], None],
    ) -> None:
        super().__init__()
        self._iface, self._session, self._step, self._say = iface, session, step, say
        self._layer: QgsVectorLayer | None = None
        self._before: dict[int, Edit] = {}
        self._changed: list[int] = []
        self._added: list[QgsFeature] = []
        tools = {
            "redraw": (tr("Redraw"), "R", lambda: self._draw(iface.actionVertexTool())),
            "split": (tr("Split"), "X", lambda: self._draw(iface.actionSplitFeatures())),
            "add": (tr("Add missed"), "A", lambda: self._draw(iface.actionAddFeature())),
            "merge": (tr("Merge with neighbour"), "G", self.merge),
            "done": (tr("Save outlines"), "Ctrl+Return", self.save),
        }
        self.actions = {name: KeyAction(name, words, key, run, parent) for name, (words, key, run) in tools.items()}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        for place, name in enumerate(("redraw", "split", "add")):
            grid.addWidget(KeyButton(self.actions[name]), 0, 2 * place, 1, 2)
        grid.addWidget(KeyButton(self.actions["merge"]), 1, 0, 1, 3)
        grid.addWidget(KeyButton(self.actions["done"]), 1, 3, 1, 3)
        hint = QLabel(tr("Draw with QGIS's own tools, then save. Undo takes a saved change back."))
        hint.setWordWrap(True)
        grid.addWidget(hint, 2, 0, 1, 6)
        # A timer, since the layer speaks in the midst of saving.
        self._saved = QTimer(self)
        self._saved.setSingleShot(True)
        self._saved.timeout.connect(self._log)

    def open(self, layer: QgsVectorLayer) -> None:
        """Listen to edits of a run's candidates."""
        self._layer = layer
        layer.beforeCommitChanges.connect(self._remember)
        layer.committedFeaturesAdded.connect(self._take_added)
        layer.afterCommitChanges.connect(self._saved_soon)
        for signal in (layer.editingStarted, layer.editingStopped):
            signal.connect(self.enable)

    def close_layer(self, removed: bool = False) -> None:
        """Stop listening; `removed`: the layer is about to go."""
        layer, self._layer = self._layer, None
        if layer is None or removed:
            return
        layer.beforeCommitChanges.disconnect(self._remember)
        layer.committedFeaturesAdded.disconnect(self._take_added)
        layer.afterCommitChanges.disconnect(self._saved_soon)
        for signal in (layer.editingStarted, layer.editingStopped):
            signal.disconnect(self.enable)

    def enable(self) -> None:
        """Offer what can be done now."""
        session, layer = self._session(), self._layer
        shown = session is not None and layer is not None and session.row is not None
        for name in ("redraw", "split", "merge"):
            self.actions[name].setEnabled(shown)
        self.actions["merge"].setEnabled(shown and layer is not None and not layer.isEditable())
        self.actions["add"].setEnabled(layer is not None)
        self.actions["done"].setEnabled(layer is not None and layer.isEditable())

    def save(self) -> None:
        """Store the outlines that were drawn."""
        if self._layer is not None and not self._layer.commitChanges():
            self._say("\n".join(self._layer.commitErrors()))
        self._iface.actionPan().trigger()

    def merge(self) -> None:
        """Unite the shown candidate with the nearest other one; it keeps its number, class and verdict."""
        session, layer = self._session(), self._layer
        if session is None or layer is None or session.row is None or len(session.candidates) < 2:
            return
        candidates, row = session.candidates, session.row
        away = np.hypot(candidates.x - candidates.x[row], candidates.y - candidates.y[row])
        rows = [int(near) for near in away.argsort(kind="stable")[: NEAREST + 1] if near != row]
        features = {f.id(): f for f in self._stored([int(candidates.fid[at]) for at in (row, *rows)])}
        shown = features[int(candidates.fid[row])]
        others = [features[int(candidates.fid[at])] for at in rows]
        other = min(others, key=lambda one: shown.geometry().distance(one.geometry()))
        united = QgsGeometry.unaryUnion([shown.geometry(), other.geometry()])
        united.convertToMultiType()
        edits = [_edit(shown, shown.geometry(), united), _edit(other, other.geometry(), None)]
        self._store(edits)

    def _draw(self, tool: Any) -> None:
        """Begin to edit with one of QGIS's tools, the shown candidate being selected."""
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
        layer.selectByIds([int(session.candidates.fid[session.row])] if session.row is not None else [])
        tool.trigger()
        self.enable()

    def _stored(self, fids: list[int]) -> list[QgsFeature]:
        """Read features as they are in the file, not as they are being edited."""
        if self._layer is None or not fids:
            return []
        return list(self._layer.dataProvider().getFeatures(QgsFeatureRequest().setFilterFids(fids)))

    def _remember(self) -> None:
        """Keep what is about to change."""
        buffer = self._layer.editBuffer() if self._layer is not None else None
        if buffer is None:
            return
        deleted = [fid for fid in buffer.deletedFeatureIds() if fid >= 0]
        self._changed = [fid for fid in buffer.changedGeometries() if fid >= 0 and fid not in deleted]
        self._added = []
        self._before = {f.id(): _edit(f, f.geometry(), None) for f in self._stored([*deleted, *self._changed])}

    def _take_added(self, _: str, features: list[QgsFeature]) -> None:
        self._added += features

    def _saved_soon(self) -> None:
        self._saved.start(0)

    def _log(self) -> None:
        """Log what was saved, as one step; what was added gets a number of its own."""
        session = self._session()
        if session is None:
            return
        now = {feature.id(): feature for feature in self._stored(self._changed)}
        edits = [
            Edit(one.candidate_id, one.before, _wkb(now[fid].geometry()) if fid in now else None, one.fields)
            for fid, one in self._before.items()
        ]
        for feature in self._stored([feature.id() for feature in self._added]):
            one = _edit(feature, None, feature.geometry())
            known = one.fields.get("class_id") is not None
            # The model saw no change there.
            named = {} if known else {"class_id": NO_CHANGE, "class_name": session.store.classes.label(NO_CHANGE)}
            edits.append(Edit(session.store.free_number(), None, one.after, {**one.fields, **named}))
        self._before, self._changed, self._added = {}, [], []
        if edits:
            self._store(edits)

    def _store(self, edits: list[Edit]) -> None:
        session = self._session()
        if session is not None:
            self._step(lambda session: session.edit(edits), len(session.candidates))
            if self._layer is not None:
                self._layer.removeSelection()
                self._layer.dataProvider().reloadData()
                self._layer.triggerRepaint()


def _edit(feature: QgsFeature, before: QgsGeometry | None, after: QgsGeometry | None) -> Edit:
    """Make an edit of a feature as it is in the file."""
    fields = {name: None if value == NULL else value for name, value in feature.attributeMap().items()}
    kept = {name: value for name, value in fields.items() if name not in DERIVED}
    return Edit(fields["candidate_id"] or 0, _wkb(before), _wkb(after), {**kept, "fid": feature.id()})


def _wkb(geometry: QgsGeometry | None) -> bytes | None:
    return None if geometry is None else bytes(geometry.asWkb())
