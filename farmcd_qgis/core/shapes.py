"""Does plain data from elsewhere (JSON) have the shape that a type says? One check for all that strangers wrote."""

import math
import types
from collections.abc import Iterator
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

# More than any whole number of ours; what is larger overflows where it is counted with.
LARGEST_NUMBER = 10**18
LONGEST_TEXT = 1_000_000
DEEPEST = 40


def misfits(value: Any, shape: Any, where: str = "") -> Iterator[str]:
    """Yield the places, such as "inputs.before.path", where `value` is not what `shape` says.

    A shape is a type as annotations write it: a TypedDict (keys that it does not name may hold anything), `dict[str,
    X]`, `list[X]`, `tuple[X, ...]`, `X | None`, Literal, str, bool, int, float (which takes whole numbers too), Any.
    Numbers are finite, and texts such that they can be written and be names of files.
    """
    if is_typeddict(shape):
        return _fields(value, shape, where)
    checks = {
        Union: _either,
        types.UnionType: _either,
        Literal: _literal,
        dict: _mapping,
        list: _items,
        tuple: _items,
    }
    return checks.get(get_origin(shape), _plain)(value, shape, where)


def depth(value: Any) -> int:
    """Count how deep dictionaries and lists lie in each other, without recursion; stops a little behind DEEPEST."""
    level, count = [value], 0
    while level and count <= DEEPEST:
        level = [
            item
            for outer in level
            if isinstance(outer, dict | list)
            for item in (outer.values() if isinstance(outer, dict) else outer)
        ]
        count += 1
    return count


def _fields(value: Any, shape: Any, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield where
        return
    for key, hint in get_type_hints(shape, include_extras=True).items():
        inner = get_args(hint)[0] if get_origin(hint) is NotRequired else hint
        if key in value:
            yield from misfits(value[key], inner, _join(where, key))
        elif key in shape.__required_keys__:
            yield _join(where, key)


def _either(value: Any, shape: Any, where: str) -> Iterator[str]:
    parts = get_args(shape)
    if value is None and types.NoneType in parts:
        return
    found = [list(misfits(value, part, where)) for part in parts if part is not types.NoneType]
    if all(found):
        yield from found[0]


def _literal(value: Any, shape: Any, where: str) -> Iterator[str]:
    if not any(value == part and type(value) is type(part) for part in get_args(shape)):
        yield where


def _mapping(value: Any, shape: Any, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield where
        return
    for key, item in value.items():
        yield from misfits(item, get_args(shape)[1], _join(where, key))


def _items(value: Any, shape: Any, where: str) -> Iterator[str]:
    parts = get_args(shape)
    fixed = get_origin(shape) is tuple and parts[-1:] != (Ellipsis,)
    if not isinstance(value, list | tuple) or (fixed and len(value) != len(parts)):
        yield where
        return
    for number, item in enumerate(value):
        yield from misfits(item, parts[number] if fixed else parts[0], _join(where, str(number)))


def _plain(value: Any, shape: Any, where: str) -> Iterator[str]:
    if shape is Any:
        return
    if shape is str:
        fits = isinstance(value, str) and is_good_text(value)
    elif shape in (int, float):
        kinds = (int,) if shape is int else (int, float)
        fits = isinstance(value, kinds) and not isinstance(value, bool) and _is_good_number(value)
    else:
        fits = isinstance(value, shape)
    if not fits:
        yield where


def is_good_text(text: str) -> bool:
    """Tell whether a text can be written as UTF-8, be the name of a file, and is of a length that a person wrote."""
    return len(text) <= LONGEST_TEXT and "\0" not in text and not any("\ud800" <= sign <= "\udfff" for sign in text)


def _is_good_number(value: float) -> bool:
    return math.isfinite(value) if isinstance(value, float) else abs(value) < LARGEST_NUMBER


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key
