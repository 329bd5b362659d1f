"""The text that `command`, `shell` and `raw` take: a command with `creates=/x` and the like among its words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

CLOSING = {"{{": "}}", "{%": "%}", "{#": "#}"}
OPTION = re.compile(r"([a-z_]+)=")


def _words(text: str) -> Iterator[tuple[int, int]]:
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


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value


def split_options(text: str, names: Collection[str]) -> tuple[str, dict[str, str]]:
    """Split a free form into the command, exactly as it is written, and the options among its words.

    Args:
        text: as written, before templates are rendered, so that no value can bring an option with it.
        names: the options that are taken out; anything else with a `=` belongs to the command.
    """
    options: dict[str, str] = {}
    kept: list[str] = []
    place = 0
    for begin, end in _words(text):
        match = OPTION.match(text, begin, end)
        if match is None or match[1] not in names:
            continue
        options[match[1]] = _unquoted(text[match.end() : end])
        kept.append(text[place:begin])
        place = end if end == len(text) or not text[end].isspace() else end + 1
    kept.append(text[place:])
    return "".join(kept).strip(), options
