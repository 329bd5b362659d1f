"""Whatever derives from a secret is a secret."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from itertools import islice
from typing import Any

from jinja2.runtime import Undefined

from hivectl.model.secret import Secret
from hivectl.model.templating.limits import ITEMS, SCALARS, check_items
from hivectl.model.templating.undefined import UndefinedName

VIEWS = (KeysView, ValuesView, ItemsView, range)


def settle(value: Any) -> Any:
    """Return an iterator or view as a list, any other value as it is."""
    if type(value) in SCALARS:
        return value
    if isinstance(value, Iterator):
        items = list(islice(value, ITEMS + 1))
        check_items(len(items))
        return items
    return list(value) if isinstance(value, VIEWS) else value


def holds_secret(value: Any) -> bool:
    """Say whether a secret is inside, at any depth."""
    kind = type(value)
    if kind in SCALARS:
        return False
    if kind is Secret:
        return True
    if isinstance(value, dict):
        return any(map(holds_secret, value.values())) or any(map(holds_secret, value))
    if isinstance(value, list | tuple | set | frozenset):
        return any(map(holds_secret, value))
    if isinstance(value, Mapping):
        return any(holds_secret(value[key]) for key in value)
    return False


def reveal(value: Any) -> Any:  # noqa: PLR0911  # one line for each type
    """Return `value` with secrets replaced by their texts, to be worked on; containers keep their kind."""
    if type(value) in SCALARS:
        return value
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Mapping):
        return {reveal(key): reveal(value[key]) for key in value}
    if isinstance(value, list):
        return [reveal(item) for item in value]
    if isinstance(value, tuple):
        return tuple(reveal(item) for item in value)
    if isinstance(value, set | frozenset):
        return {reveal(item) for item in value}
    return value


def taint(value: Any) -> Any:  # noqa: PLR0911  # one line for each type
    """Return what was made of a secret as secrets: texts and numbers, at any depth, and keys of mappings."""
    value = settle(value)
    if isinstance(value, Undefined):
        return UndefinedName("what a secret value names is not defined")
    if value is None or isinstance(value, bool | Secret):
        return value
    if isinstance(value, str):
        return Secret(str(value))
    if isinstance(value, dict):
        return {taint(key): taint(item) for key, item in value.items()}
    if isinstance(value, list):
        return [taint(item) for item in value]
    if isinstance(value, tuple | set | frozenset):
        return tuple(taint(item) for item in value)
    return Secret(value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value))
