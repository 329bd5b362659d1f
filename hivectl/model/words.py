"""Texts as Ansible splits them: words, with quotes and templates kept whole, and `name=value` pairs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CLOSING = {"{{": "}}", "{%": "%}", "{#": "#}"}
PAIR = re.compile(r"([A-Za-z_]\w*)=")


def words(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each word begins and ends; quotes and template expressions hold their blanks together."""
    place = 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        begin = place
        while place < len(text) and not text[place].isspace():
            place = _after(text, place)
        yield begin, min(place, len(text))


def pairs(text: str) -> dict[str, str] | None:
    """Return the values of a text that is nothing but `name=value` words; None for any other text."""
    found: dict[str, str] = {}
    for begin, end in words(text):
        match = PAIR.match(text, begin, end)
        if match is None or match[1] in found:
            return None
        found[match[1]] = unquoted(text[match.end() : end])
    return found or None


def unquoted(value: str) -> str:
    """Return a value without the quotes around it."""
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value


def _after(text: str, place: int) -> int:
    """Return where what begins at `place` ends: a template expression, a quoted text, or one character."""
    if closing := CLOSING.get(text[place : place + 2]):
        end = text.find(closing, place + 2)
        return len(text) if end < 0 else end + len(closing)
    if text[place] == "\\":
        return place + 2
    if text[place] not in "'\"":
        return place + 1
    quote = text[place]
    place += 1
    while place < len(text) and text[place] != quote:
        if text[place : place + 2] in CLOSING:
            place = _after(text, place)
        else:
            place += 2 if text[place] == "\\" and quote == '"' else 1
    return place + 1
