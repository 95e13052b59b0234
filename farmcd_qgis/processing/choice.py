"""A choice whose options are told in the person's language and known by names in models and on the command line."""

from collections.abc import Mapping
from typing import Any

from qgis.core import QgsProcessingContext, QgsProcessingParameterEnum


class Choice(QgsProcessingParameterEnum):
    """One or several of `options`, which maps names ("cuda") to the words for them.

    QGIS's dialogs give the number of an option, which is the same in every language; scripts and models may give its
    name, and `names_of` reads both. `default` is a name, or names separated by commas.
    """

    def __init__(self, name: str, label: str, options: Mapping[str, str], default: str, several: bool = False) -> None:
        self.names = list(options)
        chosen = [self.names.index(one) for one in default.split(",")]
        usual = chosen if several else chosen[0]
        super().__init__(name, label, list(options.values()), several, usual)
        self._made = (name, label, dict(options), default, several)

    def checkValueIsAcceptable(self, value: Any, context: QgsProcessingContext | None = None) -> bool:
        """Take names and numbers."""
        given = _listed(value)
        if given and all(one in self.names for one in given):
            return len(given) == 1 or self.allowMultiple()
        return super().checkValueIsAcceptable(value, context)

    def clone(self) -> "Choice":
        """Return another one of the same kind, for models."""
        made = Choice(*self._made)
        made.setFlags(self.flags())
        return made

    def names_of(self, value: Any) -> list[str]:
        """Return the names of what was given, those of the default where nothing was."""
        given = _listed(self.defaultValue() if value is None else value)
        return [one if one in self.names else self.names[int(one)] for one in given]


def _listed(value: Any) -> list[str]:
    if isinstance(value, str):
        return [one.strip() for one in value.split(",") if one.strip()]
    return [str(one) for one in value] if isinstance(value, list | tuple) else [str(value)]


def names(algorithm: Any, parameters: Mapping[str, Any], name: str) -> list[str]:
    """Return what was chosen for a parameter of an algorithm, by name."""
    chosen = algorithm.parameterDefinition(name)
    assert isinstance(chosen, Choice)  # nosec B101 (declared so)
    return chosen.names_of(parameters.get(name))
