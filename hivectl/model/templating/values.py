"""What a template has made becomes a plain value: texts, numbers, lists and mappings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, time, timedelta
from typing import Any

from jinja2.runtime import Undefined

from hivectl.model.secret import Secret
from hivectl.model.templating.attributes import OwnDict, OwnList
from hivectl.model.templating.errors import TemplateValueError, UndefinedVariableError
from hivectl.model.templating.limits import SCALARS, check_text, step
from hivectl.model.templating.omit import OMIT
from hivectl.model.templating.taint import holds_secret, reveal, settle


def concat(chunks: Iterable[Any]) -> Any:
    """Return one value as it is, several as one text; nulls and `omit` say nothing; without any there is null."""
    parts = [chunk for chunk in chunks if chunk is not None and chunk is not OMIT]
    if len(parts) == 1:
        return parts[0]
    return join(parts) if parts else None


def join(parts: list[Any]) -> str | Secret:
    """Return the parts as one text; a secret when one of them is."""
    if SCALARS.issuperset(map(type, parts)):
        plain = list(map(str, parts))
        check_text(sum(map(len, plain)))
        return "".join(plain)
    texts: list[str] = []
    secret = False
    for part in parts:
        text = part if type(part) is str else text_of(part)
        if isinstance(text, Secret):
            secret = True
            text = text.reveal()
        texts.append(text)
    check_text(sum(map(len, texts)))
    whole = "".join(texts)
    return Secret(whole) if secret else whole


def text_of(value: Any) -> str | Secret:
    """Return the text of any value; a secret when one is inside."""
    kind = type(value)
    if kind is Secret:
        return value  # type: ignore[no-any-return]  # mypy does not follow `kind`
    if kind in SCALARS or isinstance(value, date | time | timedelta | Undefined):
        return str(value)
    value = finish(value)
    return Secret(str(reveal(value))) if holds_secret(value) else str(value)


def finish(value: Any) -> Any:
    """Return the plain value of what a template has made: the same object where it is plain already.

    Raises:
        UndefinedVariableError: something undefined is inside.
        TemplateValueError: it is nothing that a variable can hold, such as a function.
    """
    if type(value) in SCALARS or type(value) is Secret or value is OMIT:
        return value
    if isinstance(value, Undefined):
        str(value)  # raises what is undefined
        raise UndefinedVariableError("the `if` without `else` gives no value", hint="add `else`")
    value = settle(value)
    if isinstance(value, Mapping):
        return _finish_mapping(value)
    if isinstance(value, list | tuple | set | frozenset):
        return _finish_items(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, str):
        return str(value)
    if isinstance(value, timedelta):
        return str(value)
    kind = type(value).__name__
    raise TemplateValueError(
        f"a value of type {kind} cannot be kept", hint="is a pair of parentheses missing?"
    )


def _finish_mapping(value: Mapping[Any, Any]) -> Any:
    step(len(value) >> 4)
    items: dict[Any, Any] = {}
    same = isinstance(value, dict) and type(value) is not OwnDict
    for key in value:
        item = value[key]
        if item is OMIT:
            same = False
            continue
        items[key] = finished = finish(item)
        same = same and finished is item
    return value if same else items


def _finish_items(value: Any) -> Any:
    step(len(value) >> 4)
    items = [finish(item) for item in value if item is not OMIT]
    same = isinstance(value, list) and type(value) is not OwnList and len(items) == len(value)
    return value if same and all(map(_is, items, value)) else items


def _is(left: Any, right: Any) -> bool:
    return left is right
