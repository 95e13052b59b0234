"""The interface against PyQt6: `python -m tests.helpers.qt6` imports what runs in QGIS and builds its widgets.

There is no QGIS built on Qt 6 to be had from the package registries, so `qgis.PyQt` is mapped to PyQt6, QGIS's widgets
are widgets of Qt of the same kind, and the rest of QGIS answers anything. What this finds: names that PyQt6 has not
or has elsewhere, enums that are not written in full, arguments that PyQt6 no longer takes. What it cannot find: what
QGIS 4 itself does otherwise.
"""

import importlib
import json
import os
import pkgutil
import sys
import types
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

ROOMS = ("accuracy", "gui", "layers", "processing", "report", "review", "runtime", "tasks")
ALONE = ("plugin", "settings", "translation")


class AnyMeta(type):
    """Lets a class have whatever attribute is asked for, but not what Python itself asks for."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything(name)


class Anything(metaclass=AnyMeta):
    """Answers whatever is asked of it with another of its kind."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything(name)

    def __call__(self, *_: Any, **__: Any) -> Any:
        return Anything()

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return False

    def __int__(self) -> int:
        return 0

    def __float__(self) -> float:
        return 0.0

    def __index__(self) -> int:
        return 0

    def __str__(self) -> str:
        return ""

    def __getitem__(self, _: Any) -> Any:
        return Anything()

    def __hash__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Anything)

    def __lt__(self, _: Any) -> bool:
        return False

    def _same(self, *_: Any) -> Any:
        return self

    __or__ = __ror__ = __and__ = __add__ = __sub__ = __mul__ = __truediv__ = __rmul__ = __radd__ = _same


class Entry:
    """A setting that nobody has set."""

    def __init__(self, _key: str = "", _node: Any = None, default: Any = "", *_: Any) -> None:
        self._value = default

    def value(self, *_: Any) -> Any:
        return self._value

    def setValue(self, value: Any, *_: Any) -> bool:
        self._value = value
        return True


def widget_of(base: type) -> type:
    """Make a class of QGIS's widgets: a widget of Qt that answers anything else."""

    def answer(self: Any, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything(name)

    made: dict[str, Any] = {"__getattr__": answer, "filePath": lambda self: "", "currentLayer": lambda self: None}
    made["setFilePath"] = made["setLayer"] = lambda self, *_: None

    def make(self: Any, *arguments: Any, **_: Any) -> None:
        from PyQt6.QtWidgets import QWidget

        base.__init__(self, *[each for each in arguments if isinstance(each, QWidget)][:1])

    made["__init__"] = make
    meta = type("Meta", (type(base),), {"__getattr__": AnyMeta.__getattr__})
    return meta(f"Qgis{base.__name__}", (base,), made)


def install() -> None:
    """Put the stand-ins for qgis and osgeo where imports find them."""
    from PyQt6 import QtCore, QtGui, QtNetwork, QtPrintSupport, QtSvg, QtWidgets, QtXml, sip

    # As QGIS's own qgis.PyQt does: https://github.com/qgis/QGIS/pull/55658 and /pull/57467
    for moved in ("QAction", "QActionGroup", "QShortcut"):
        setattr(QtWidgets, moved, getattr(QtGui, moved))
    qt = types.ModuleType("qgis.PyQt")
    parts = {
        "QtCore": QtCore,
        "QtGui": QtGui,
        "QtNetwork": QtNetwork,
        "QtWidgets": QtWidgets,
        "QtXml": QtXml,
        "sip": sip,
    }
    parts |= {"QtSvg": QtSvg, "QtPrintSupport": QtPrintSupport}
    for name, module in parts.items():
        setattr(qt, name, module)
        sys.modules[f"qgis.PyQt.{name}"] = module
    qgis = types.ModuleType("qgis")
    qgis.__path__ = [str(Path(__file__).parent)]
    sys.modules |= {"qgis": qgis, "qgis.PyQt": qt}
    bases = {
        "QgsTask": QtCore.QObject,
        "QgsDockWidget": QtWidgets.QDockWidget,
        "QgsCollapsibleGroupBox": QtWidgets.QGroupBox,
        "QgsMapLayerComboBox": QtWidgets.QComboBox,
        "QgsRasterBandComboBox": QtWidgets.QComboBox,
        "QgsFieldComboBox": QtWidgets.QComboBox,
        "QgsFilterLineEdit": QtWidgets.QLineEdit,
        "QgsPasswordLineEdit": QtWidgets.QLineEdit,
        "QgsMapCanvas": QtWidgets.QGraphicsView,
        "QgsMessageBar": QtWidgets.QFrame,
        "QgsSpinBox": QtWidgets.QSpinBox,
        "QgsDoubleSpinBox": QtWidgets.QDoubleSpinBox,
        "QgsScrollArea": QtWidgets.QScrollArea,
    }
    for part in ("core", "gui", "utils", "analysis", "processing"):
        module = types.ModuleType(f"qgis.{part}")
        module.__getattr__ = _maker(part, bases)  # type: ignore[method-assign]
        sys.modules[f"qgis.{part}"] = module
        setattr(qgis, part, module)
    sys.modules["qgis.utils"].iface = None  # type: ignore[attr-defined]
    for name in (
        "processing",
        "processing.core",
        "processing.core.ProcessingConfig",
        "osgeo",
        "osgeo.gdal",
        "osgeo.ogr",
    ):
        module = types.ModuleType(name)
        module.__getattr__ = lambda asked: Anything  # type: ignore[method-assign]
        sys.modules.setdefault(name, module)


def _maker(part: str, bases: dict[str, type]) -> Callable[[str], Any]:
    made: dict[str, Any] = {}

    def make(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in made:
            if name.startswith("QgsSettingsEntry"):
                made[name] = type(name, (Entry,), {})
            elif name == "QgsApplication":
                made[name] = AnyMeta(name, (Anything,), {"instance": staticmethod(_application)})
                made[name].getThemeIcon = staticmethod(lambda *_: sys.modules["qgis.PyQt.QtGui"].QIcon())
                for text in ("userFullName", "userLoginName"):
                    setattr(made[name], text, staticmethod(lambda: ""))
            elif name in bases:
                made[name] = widget_of(bases[name])
            elif part == "gui":
                from PyQt6.QtWidgets import QWidget

                plain = ("Factory", "Tool", "Rubber", "Item", "Provider", "Marker")
                made[name] = AnyMeta(name, (Anything,), {}) if any(p in name for p in plain) else widget_of(QWidget)
            else:
                made[name] = AnyMeta(name, (Anything,), {})
        return made[name]

    return make


def _application() -> Any:
    from PyQt6.QtWidgets import QApplication

    application = QApplication.instance()
    application.locale = lambda: "en"  # type: ignore[union-attr]
    return application


def modules() -> list[str]:
    """Name every module that QGIS's process may import."""
    import farmcd_qgis

    found = [f"farmcd_qgis.{name}" for name in ALONE]
    for room in ROOMS:
        package = importlib.import_module(f"farmcd_qgis.{room}")
        found.append(package.__name__)
        found += [each.name for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    assert farmcd_qgis.__name__ == "farmcd_qgis"
    return found


class Iface(Anything):
    """The interface of a QGIS that has a window and nothing else."""

    def mainWindow(self) -> Any:
        from PyQt6.QtWidgets import QMainWindow

        if "window" not in vars(self):
            self.window = QMainWindow()
        return self.window

    def mapCanvas(self) -> Any:
        return sys.modules["qgis.gui"].QgsMapCanvas()


def widgets(names: list[str]) -> dict[str, Callable[[], Any]]:
    """Return how to build every widget class of the interface that needs nothing, or QGIS's interface, or a window."""
    import inspect

    from PyQt6.QtWidgets import QWidget

    found = {}
    for name in names:
        if ".gui." not in name:
            continue
        for word, kind in vars(importlib.import_module(name)).items():
            if inspect.isclass(kind) and issubclass(kind, QWidget) and kind.__module__ == name:
                needed = [
                    each
                    for each in list(inspect.signature(kind.__init__).parameters.values())[1:]
                    if each.default is each.empty and each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
                ]
                given = {"iface": Iface, "parent": QWidget}
                if all(each.name in given for each in needed):
                    found[f"{name}.{word}"] = partial(_build, kind, [given[each.name] for each in needed])
    return found


def uses(prefix: str) -> Iterator[tuple[str, str, str]]:
    """Find what the source takes of a package: module, dotted name ("Qt.ItemDataRole.UserRole"), and where.

    A name's attributes count as far as they are written with a capital letter or are enums': methods of instances are
    not seen.
    """
    import ast

    root = Path(__file__).resolve().parents[2] / "farmcd_qgis"
    for path in sorted(root.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(prefix):
                for alias in node.names:
                    imported[alias.asname or alias.name] = (node.module, alias.name)
                    yield str(node.module), alias.name, f"{path.name}:{node.lineno}"
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                chain, inner = [node.attr], node.value
                while isinstance(inner, ast.Attribute):
                    chain.append(inner.attr)
                    inner = inner.value
                if isinstance(inner, ast.Name) and inner.id in imported:
                    module, name = imported[inner.id]
                    yield str(module), ".".join([name, *reversed(chain)]), f"{path.name}:{node.lineno}"


def lacking(prefix: str) -> tuple[int, list[str]]:
    """Count the names taken of a package, and list those that it does not have."""
    taken, missing = set(), []
    for module, name, where in uses(prefix):
        found: Any = importlib.import_module(module)
        taken.add((module, name))
        try:
            for part in name.split("."):
                found = getattr(found, part)
        except AttributeError:
            try:
                importlib.import_module(f"{module}.{name}")
            except ImportError:
                missing.append(f"{module}.{name} ({where})")
    return len(taken), missing


def _build(kind: type, arguments: list[Callable[[], Any]]) -> Any:
    return kind(*[make() for make in arguments])


def main() -> int:
    """Print what failed as JSON."""
    install()
    from PyQt6.QtWidgets import QApplication

    application = QApplication([])
    failed: dict[str, str] = {}
    names = modules()
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {error}"
    built, kept = [], []
    for name, build in widgets([name for name in names if name not in failed]).items():
        try:
            kept.append(build())
            built.append(name)
        except Exception as error:
            import traceback

            at = traceback.extract_tb(error.__traceback__)[-1]
            failed[name] = f"{type(error).__name__}: {error} ({Path(at.filename).name}:{at.lineno})"
    count, missing = lacking("qgis.PyQt")
    told = {"modules": len(names), "built": built, "failed": failed, "names": count, "missing": missing}
    print(json.dumps(told, indent=1))
    sys.stdout.flush()
    assert application is not None
    # Widgets of stand-ins need not be taken apart in order.
    os._exit(0)


if __name__ == "__main__":
    main()
