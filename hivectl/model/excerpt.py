"""The lines of a file that a complaint is about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hivectl.model.origin import Origin

WIDTH = 100
LARGEST = 16 * 1024 * 1024  # bytes: as much as the YAML loader takes


def excerpt(origin: Origin, *, before: int = 1) -> str:
    """Return the line that `origin` names with a caret below it, and the line before it.

    The text comes from the file as it is written, so the outcome of `!env`, `!file` and `!command` is never
    in it. Control characters are replaced, long lines are cut around the column. An unreadable file or a line
    that is not there any more gives an empty text.

    Args:
        origin: the place.
        before: how many lines to show above it.
    """
    lines = _lines(origin.path)
    if not 1 <= origin.line <= len(lines):
        return ""
    number = len(str(origin.line))
    first = max(1, origin.line - before)
    start = max(0, origin.column - 1 - WIDTH * 2 // 3)
    shown = [
        f"{line:>{number}} | {_cut(lines[line - 1], start)}".rstrip()
        for line in range(first, origin.line + 1)
    ]
    caret = min(origin.column - 1, len(lines[origin.line - 1])) - start + (3 if start else 0)
    shown.append(f"{'':>{number}} | {' ' * max(0, caret)}^")
    return "\n".join(shown)


def _lines(path: str) -> list[str]:
    """Return a file's lines, none when it cannot be read as text."""
    try:
        if not Path(path).is_file():
            return []
        with Path(path).open("rb") as file:
            content = file.read(LARGEST)
    except (OSError, ValueError):  # ValueError: a path with a NUL
        return []
    return content.decode("utf-8", errors="replace").removeprefix("\ufeff").splitlines()


def _cut(line: str, start: int) -> str:
    """Return the visible part of a line from column `start`, one character for each column."""
    visible = "".join(character if character.isprintable() else _replacement(character) for character in line)
    part = visible[start : start + WIDTH]
    return ("..." if start else "") + part + ("..." if len(visible) > start + WIDTH else "")


def _replacement(character: str) -> str:
    """Return what stands for a character that a terminal would act on."""
    return " " if character == "\t" else "\ufffd"
