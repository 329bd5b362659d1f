"""Which attributes and methods a template may reach: a list of what is allowed, type by type.

Everything else is refused, so that no class, module, frame or function of Python's is ever in reach.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, time, timedelta
from functools import lru_cache, partial
from string import Formatter
from typing import Any

from jinja2.environment import TemplateModule
from jinja2.runtime import BlockReference, LoopContext, Macro, TemplateReference, Undefined
from jinja2.utils import Cycler, Joiner, Namespace

from hivectl.model.secret import Secret
from hivectl.model.templating.errors import TemplateValueError, UnsafeTemplateError
from hivectl.model.templating.guard import Care, guarded
from hivectl.model.templating.limits import check_deep, check_items, check_text, check_width, step
from hivectl.model.templating.taint import reveal, settle

NOTHING = object()
MAPPING = frozenset({"items", "keys", "values", "get", "copy"})
MAPPING_CHANGES = frozenset({"update", "setdefault", "pop", "popitem", "clear"})
SEQUENCE = frozenset({"index", "count", "copy"})
SEQUENCE_CHANGES = frozenset({"append", "extend", "insert", "pop", "remove", "reverse", "sort", "clear"})
SET = frozenset(
    {
        "copy",
        "isdisjoint",
        "issubset",
        "issuperset",
        "union",
        "intersection",
        "difference",
        "symmetric_difference",
    }
)
TEXT = frozenset(name for name in (*dir(str), *dir(bytes)) if not name.startswith("_")) - {
    "maketrans",
    "fromhex",
}
NUMBER = frozenset(
    {"real", "imag", "numerator", "denominator", "is_integer", "as_integer_ratio", "bit_length", "bit_count"}
)
RUNTIME = (LoopContext, Macro, Namespace, Cycler, Joiner, BlockReference, TemplateReference, TemplateModule)
TIME = (date, time, timedelta)
PADDING = frozenset({"center", "ljust", "rjust", "zfill", "expandtabs"})
PERCENT = re.compile(r"%(?:\([^)]*\))?[#0\- +]*(\*|\d*)(?:\.(\*|\d*))?")
NUMBERS = re.compile(r"\d+")


class OwnList(list[Any]):
    """A list that the template itself wrote, and may change."""

    __slots__ = ()


class OwnDict(dict[Any, Any]):
    """A mapping that the template itself wrote, and may change."""

    __slots__ = ()


def attribute_of(value: Any, name: str) -> Any:  # noqa: PLR0911  # one line for each type
    """Return the attribute `name` of a value; NOTHING where there is none.

    Raises:
        UnsafeTemplateError: the name is private, or would change a value that is not the template's own.
    """
    if name.startswith("__"):
        raise UnsafeTemplateError(f"a template may not reach {name}")
    if isinstance(value, str | bytes | Secret):
        return _text_method(value, name) if name in TEXT else NOTHING
    if isinstance(value, Mapping):
        return _container(value, name, MAPPING, MAPPING_CHANGES, own=type(value) is OwnDict)
    if isinstance(value, list):
        return _container(value, name, SEQUENCE, SEQUENCE_CHANGES, own=type(value) is OwnList)
    if isinstance(value, tuple):
        allowed = name in {"index", "count"} or name in getattr(value, "_fields", ())
        return getattr(value, name) if allowed else NOTHING
    if isinstance(value, set | frozenset):
        return getattr(value, name) if name in SET else NOTHING
    if isinstance(value, int | float):
        return getattr(value, name, NOTHING) if name in NUMBER else NOTHING
    if isinstance(value, TIME) or (isinstance(value, RUNTIME) and not name.startswith("_")):
        return _foreign(value, name)
    return NOTHING


def _foreign(value: Any, name: str) -> Any:
    if name.startswith("_"):
        raise UnsafeTemplateError(f"a template may not reach {name}")
    found = getattr(value, name, NOTHING)
    if isinstance(value, TIME) and callable(found):
        return guarded(found, f"the method {name}", Care.TEXT)
    return found


def _container(value: Any, name: str, reads: frozenset[str], changes: frozenset[str], *, own: bool) -> Any:
    if name in reads:
        return getattr(value, name, NOTHING)
    if name in changes and not (isinstance(value, Mapping) and name in value):
        if not own:
            hint = "a template may change only lists and mappings that it wrote itself; use + or `combine`"
            raise UnsafeTemplateError(f"a template may not {name} a variable's value", hint=hint)
        return partial(_change, value, name)
    return NOTHING


def _change(value: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    """Change a container of the template's own; the size of what is put in counts."""
    step()
    given = tuple(settle(argument) for argument in args)
    for argument in (*given, *kwargs.values()):
        check_deep(argument)
    check_items(
        len(value) + sum(len(argument) for argument in given if isinstance(argument, list | dict | str))
    )
    result = getattr(value, name)(*given, **kwargs)
    check_items(len(value))
    return result


def _text_method(value: str | bytes | Secret, name: str) -> Any:
    if not isinstance(value, Secret) and not hasattr(value, name):
        return NOTHING
    method = guarded(partial(_call_text, name), f"the method {name}", Care.TEXT)
    return partial(method, value)


def _call_text(name: str, text: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Call a method of a text, once it is known that the result is of a decent size."""
    if name in {"format", "format_map"}:
        fields = dict(*args) if name == "format_map" else kwargs
        return BoundedFormatter().vformat(text, () if name == "format_map" else args, fields)
    args = tuple(settle(argument) for argument in args)
    if isinstance(text, str) and not hasattr(text, name):
        text = text.encode("utf-8", "surrogateescape")  # the bytes of a secret are kept as a text
    _bound_text(name, text, args, kwargs)
    return getattr(text, name)(*args, **kwargs)


def _bound_text(name: str, text: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    numbers = [argument for argument in (*args, *kwargs.values()) if isinstance(argument, int)]
    if name in PADDING:
        check_width(max(numbers, default=0))
        check_text(len(text) * max(1, *numbers, 1) if name == "expandtabs" else len(text))
    elif name == "replace" and len(args) >= 2:
        check_replacement(text, *args)
    elif name == "join" and args:
        parts = list(args[0])
        check_text(sum(len(part) for part in parts) + len(text) * len(parts))
    elif name == "translate" and args and isinstance(args[0], dict):
        longest = max((len(part) for part in args[0].values() if isinstance(part, str)), default=1)
        check_text(len(text) * max(longest, 1))
    elif name in {"split", "rsplit", "splitlines"}:
        separators = args[:1] if args and isinstance(args[0], str | bytes) else (" ", "\t", "\n")
        check_items(sum(text.count(one) for one in separators if one and isinstance(one, type(text))))


def check_replacement(text: str, old: str, new: str, count: int = -1, *_rest: Any) -> None:
    """Refuse `text.replace(old, new, count)` when its result would be too long."""
    found = text.count(old) if count < 0 else min(count, text.count(old))
    check_text(len(text) + found * max(len(new) - len(old), 0))


@lru_cache(maxsize=64)
def check_percent(text: str | bytes) -> None:
    """Refuse a "%" format that pads without measure."""
    shown = text.decode("latin-1") if isinstance(text, bytes) else text
    total = 0
    for width, precision in PERCENT.findall(shown):
        if "*" in {width, precision}:
            raise UnsafeTemplateError("a template may not take the width of a % format from a value")
        for part in (width, precision):
            if part:
                check_width(int(part[:12]))
                total += int(part)
    check_text(total)


class BoundedFormatter(Formatter):
    """`str.format` that reaches no attributes but the allowed ones, and pads with measure."""

    def __init__(self) -> None:
        self.length = 0

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> Any:
        """Look up a field with the template's own rules."""
        import _string  # type: ignore[import-not-found]  # as string.Formatter itself does

        first, rest = _string.formatter_field_name_split(field_name)
        value = self.get_value(first, args, kwargs)
        for is_attribute, name in rest:
            value = attribute_of(value, name) if is_attribute else _item_of(value, name)
            if value is NOTHING:
                raise TemplateValueError(f"the format field {field_name!r} has no {name}")
        return value, first

    def format_field(self, value: Any, format_spec: str) -> Any:
        """Format one field, once its width is known to be decent."""
        if isinstance(value, Undefined):
            str(value)  # raises what is undefined
        for number in NUMBERS.findall(format_spec):
            check_width(int(number[:12]))
        text = super().format_field(reveal(value), format_spec)
        self.length += len(text)
        check_text(self.length)
        return text


def _item_of(value: Any, key: Any) -> Any:
    try:
        return value[key]
    except (TypeError, LookupError):
        return NOTHING
