"""Dataclasses read from TOML or JSON, strictly: a value of another kind than its field's is refused in a sentence."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from .errors import InputError
from .messages import part

Kind = TypeVar("Kind")

LONGEST_SHOWN = 60


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


# Which values a kind takes, and how the sentence names it.
PLAIN: dict[Any, tuple[Callable[[Any], bool], dict[str, Any]]] = {
    bool: (lambda value: isinstance(value, bool), part("kind_bool")),
    int: (lambda value: isinstance(value, int) and not isinstance(value, bool), part("kind_int")),
    float: (_is_number, part("kind_float")),
    str: (lambda value: isinstance(value, str), part("kind_str")),
    dict: (lambda value: isinstance(value, Mapping), part("kind_table")),
}


def read(kind: type[Kind], values: Mapping[str, Any], where: str) -> Kind:
    """Make a dataclass of `values`; `where` names them in the sentence.

    Fields may be bool, int, float, str, Literal, None beside another, dict, dataclasses, and tuples of these, which are
    lists in the file. Raises InputError for a key that no field has, a field that lacks, or a value of another kind.
    """
    hints = get_type_hints(kind)
    known = {item.name: item for item in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(values) - set(known)):
        raise InputError("unknown_setting", where=where, unknown=unknown, known=sorted(known))
    missing = [
        name
        for name, item in known.items()
        if name not in values and item.default is MISSING and item.default_factory is MISSING
    ]
    if missing:
        raise InputError("missing_setting", where=where, missing=missing)
    return kind(**{name: _value(hints[name], value, f"{where}: {name}") for name, value in values.items()})


def _value(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if is_dataclass(hint) and isinstance(hint, type):
        if isinstance(value, hint):
            return value
        return read(hint, _checked(isinstance(value, Mapping), value, part("kind_table"), where), where)
    if origin in (Union, UnionType):
        if value is None and NoneType in arguments:
            return None
        return _value(next(each for each in arguments if each is not NoneType), value, where)
    if origin is tuple:
        return _tuple(arguments, value, where)
    if origin is Literal:
        return _checked(value in arguments, value, part("kind_choice", choices=arguments), where)
    if (kind := origin or hint) in PLAIN:
        fits, wanted = PLAIN[kind]
        value = _checked(fits(value), value, wanted, where)
    return float(value) if hint is float else value


def _tuple(arguments: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        _checked(is_list, value, part("kind_list"), where)
        return tuple(_value(arguments[0], item, where) for item in value)
    _checked(is_list and len(value) == len(arguments), value, part("kind_list_of", count=len(arguments)), where)
    return tuple(_value(hint, item, where) for hint, item in zip(arguments, value, strict=True))


def _checked(fits: bool, value: Any, wanted: dict[str, Any], where: str) -> Any:
    if not fits:
        seen = repr(value)
        seen = seen if len(seen) <= LONGEST_SHOWN else f"{seen[:LONGEST_SHOWN]}..."
        raise InputError("wrong_setting", where=where, value=seen, wanted=wanted)
    return value
