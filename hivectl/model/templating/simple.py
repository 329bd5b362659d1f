"""Texts whose templates are bare names: `{{ home }}/{{ name }}.log`. Most are, and need no template engine.

Whatever is not plainly the case here goes through the engine, which has the last word on errors, secrets, limits.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# names that mean something to Jinja2 itself
RESERVED = frozenset(
    {
        *(
            "true",
            "false",
            "none",
            "True",
            "False",
            "None",
            "and",
            "or",
            "not",
            "in",
            "is",
            "if",
            "else",
            "for",
        ),
        *("self", "loop", "super", "caller", "varargs", "kwargs", "omit", "vars"),
        *("range", "dict", "lipsum", "cycler", "joiner", "namespace", "lookup", "query", "q", "now", "undef"),
    }
)
# a brace more, and it is a mapping inside of a template
NAME = re.compile(r"(?<!\{)\{\{ *([A-Za-z_][A-Za-z0-9_]*) *\}\}(?!\})")
MARK = re.compile(r"\{[{%#]|[}%#]\}|\n")
PLAIN = frozenset({str, int, float, bool})
# far below the engine's limit
LONGEST = 100_000
NOT_SIMPLE = object()
MISSING = object()


@lru_cache(maxsize=10_000)
def pieces(text: str) -> tuple[str, ...] | None:
    """Return literal, name, literal, name … literal; None where the text is not that simple."""
    parts = tuple(NAME.split(text))
    if len(parts) == 1 or any(map(MARK.search, parts[::2])) or not RESERVED.isdisjoint(parts[1::2]):
        return None
    return parts


def names_of(text: str) -> frozenset[str] | None:
    """Return the names in a simple text; None where it is not that simple."""
    parts = pieces(text)
    return None if parts is None else frozenset(parts[1::2])


def render(text: str, variables: Mapping[str, Any]) -> Any:
    """Return the value of a simple text; NOT_SIMPLE where the engine must decide."""
    parts = pieces(text)
    if parts is None:
        return NOT_SIMPLE
    try:
        return _joined(parts, getattr(variables, "resolve", None) or variables.get)
    except RecursionError:
        return NOT_SIMPLE


def _joined(parts: tuple[str, ...], resolve: Callable[[str, Any], Any]) -> Any:
    if len(parts) == 3 and not parts[0] and not parts[2]:
        value = resolve(parts[1], MISSING)
        return value if type(value) in PLAIN else NOT_SIMPLE
    made = list(parts)
    for index in range(1, len(made), 2):
        value = resolve(made[index], MISSING)
        if type(value) not in PLAIN:
            return NOT_SIMPLE
        made[index] = value if type(value) is str else str(value)
    whole = "".join(made)
    return whole if len(whole) <= LONGEST else NOT_SIMPLE
