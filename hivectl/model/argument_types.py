"""The types of role arguments, as Ansible's modules convert theirs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hivectl.model.kinds import kind_of
from hivectl.model.scalars import UnfitError, to_boolean, to_number, to_text, to_whole, unfit
from hivectl.model.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable


def converted(kind: str, value: Any) -> Any:
    """Return a value as an argument of that type has it; raises UnfitError."""
    if isinstance(value, Secret):
        # a secret is a text; of what it looks like nothing is told
        try:
            TYPES[kind](value.reveal())
        except UnfitError:
            raise UnfitError(f"the secret does not fit the type {kind}") from None
        return value
    return TYPES[kind](value)


def _text(value: Any) -> str:
    # Ansible takes anything for a text
    return value if isinstance(value, str) else str(value)


def _list(value: Any) -> Any:
    if isinstance(value, list):
        return value
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, str):
        return value.split(",")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return [str(value)]
    raise unfit("a list", value)


def _mapping(value: Any) -> Any:
    return value if isinstance(value, dict) else kind_of(dict[str, Any]).convert(value)


def _json(value: Any) -> Any:
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, default=str)
    return to_text(value)


def _size(*, bits: bool) -> Callable[[Any], int]:
    def convert(value: Any) -> int:
        from hivectl.model.filters.numbers import human_to_bytes
        from hivectl.model.templating.errors import TemplateError

        try:
            return human_to_bytes(value, isbits=bits)
        except TemplateError:
            raise unfit("a size such as 512, 2M or 1.5 GB", value) from None

    return convert


TYPES: dict[str, Callable[[Any], Any]] = {
    "str": _text,
    "path": _text,
    "int": to_whole,
    "float": to_number,
    "bool": to_boolean,
    "list": _list,
    "dict": _mapping,
    "raw": lambda value: value,
    "json": _json,
    "jsonarg": _json,
    "bytes": _size(bits=False),
    "bits": _size(bits=True),
    "sid": _text,
}
