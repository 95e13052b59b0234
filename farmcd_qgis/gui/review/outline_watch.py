"""Whatever is edited in the candidates of a run goes into the log of outlines, also while nobody reviews the run."""

from collections.abc import Callable

from qgis.core import NULL, QgsFeature, QgsFeatureRequest, QgsGeometry, QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import QObject, QTimer

from ...core.classes import NO_CHANGE
from ...layers.runs import is_candidates
from ...review.outlines import DERIVED, Edit
from ...review.store import ReviewStore

# What stores edits of a layer.
Store = Callable[[QgsVectorLayer, list[Edit]], None]


class OutlineWatch(QObject):
    """Listens to the candidates of all runs in the project; `unload` stops that.

    `store` gets what was saved in a layer; `open_store` the layer's log, which numbers what was added.
    """

    def __init__(self, open_store: Callable[[QgsVectorLayer], ReviewStore], store: Store, parent: QObject) -> None:
        super().__init__(parent)
        self._open_store, self._store = open_store, store
        self._watched: dict[str, _Watched] = {}
        project = QgsProject.instance()
        project.layersAdded.connect(self._add)
        project.layersWillBeRemoved["QStringList"].connect(self._forget)
        self._add(list(project.mapLayers().values()))

    def unload(self) -> None:
        """Stop listening."""
        project = QgsProject.instance()
        project.layersAdded.disconnect(self._add)
        project.layersWillBeRemoved["QStringList"].disconnect(self._forget)
        self._forget(list(self._watched))

    def _add(self, layers: list) -> None:
        for layer in layers:
            if isinstance(layer, QgsVectorLayer) and layer.id() not in self._watched and is_candidates(layer):
                self._watched[layer.id()] = _Watched(layer, self._open_store, self._store, self)

    def _forget(self, layer_ids: list[str]) -> None:
        for layer_id in layer_ids:
            watched = self._watched.pop(layer_id, None)
            if watched is not None:
                watched.end()


class _Watched(QObject):
    """One layer: what is about to change is kept before it is saved, and handed over afterwards."""

    def __init__(
        self, layer: QgsVectorLayer, open_store: Callable[[QgsVectorLayer], ReviewStore], store: Store, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._layer, self._open_store, self._store = layer, open_store, store
        self._before: dict[int, Edit] = {}
        self._changed: list[int] = []
        self._added: list[QgsFeature] = []
        # A timer, since the layer speaks in the midst of saving.
        self._saved = QTimer(self)
        self._saved.setSingleShot(True)
        self._saved.timeout.connect(self._log)
        layer.beforeCommitChanges.connect(self._remember)
        layer.committedFeaturesAdded.connect(self._take_added)
        layer.afterCommitChanges.connect(self._saved_soon)

    def end(self) -> None:
        self._saved.stop()
        self._layer.beforeCommitChanges.disconnect(self._remember)
        self._layer.committedFeaturesAdded.disconnect(self._take_added)
        self._layer.afterCommitChanges.disconnect(self._saved_soon)
        self.deleteLater()

    def _remember(self) -> None:
        buffer = self._layer.editBuffer()
        if buffer is None:
            return
        deleted = [fid for fid in buffer.deletedFeatureIds() if fid >= 0]
        self._changed = [fid for fid in buffer.changedGeometries() if fid >= 0 and fid not in deleted]
        self._added = []
        stored = stored_features(self._layer, [*deleted, *self._changed])
        self._before = {feature.id(): edit_of(feature, feature.geometry(), None) for feature in stored}

    def _take_added(self, _: str, features: list[QgsFeature]) -> None:
        self._added += features

    def _saved_soon(self) -> None:
        self._saved.start(0)

    def _log(self) -> None:
        """Hand over what was saved, as one step; what was added gets a number of its own."""
        now = {feature.id(): feature for feature in stored_features(self._layer, self._changed)}
        edits = [
            Edit(one.candidate_id, one.before, wkb(now[fid].geometry()) if fid in now else None, one.fields)
            for fid, one in self._before.items()
        ]
        added = stored_features(self._layer, [feature.id() for feature in self._added])
        self._before, self._changed, self._added = {}, [], []
        if added:
            store = self._open_store(self._layer)
            for feature in added:
                one = edit_of(feature, None, feature.geometry())
                known = one.fields.get("class_id") is not None
                # The model saw no change there.
                named = {} if known else {"class_id": NO_CHANGE, "class_name": store.classes.label(NO_CHANGE)}
                edits.append(Edit(store.free_number(), None, one.after, {**one.fields, **named}))
        if edits:
            self._store(self._layer, edits)


def stored_features(layer: QgsVectorLayer, fids: list[int]) -> list[QgsFeature]:
    """Read features as they are in the file, not as they are being edited."""
    return list(layer.dataProvider().getFeatures(QgsFeatureRequest().setFilterFids(fids))) if fids else []


def edit_of(feature: QgsFeature, before: QgsGeometry | None, after: QgsGeometry | None) -> Edit:
    """Make an edit of a feature as it is in the file."""
    fields = {name: None if value == NULL else value for name, value in feature.attributeMap().items()}
    kept = {name: value for name, value in fields.items() if name not in DERIVED}
    return Edit(fields["candidate_id"] or 0, wkb(before), wkb(after), {**kept, "fid": feature.id()})


def wkb(geometry: QgsGeometry | None) -> bytes | None:
    """Return a geometry as the log holds it."""
    return None if geometry is None else bytes(geometry.asWkb())
