"""How hives show themselves: tables of text, tables of HTML in notebooks, the quorum panel."""

from __future__ import annotations

import html
import unicodedata
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

WIDEST = 60
WIDEST_LAST = 160  # in the last column, which pushes no other aside, and where a reason must be whole
# of a cell of many lines these are shown: what went wrong stands at the end
FIRST_LINES, LAST_LINES = 4, 8


class Table:
    """Rows with the same columns; shown as a table, used as a sequence of mappings."""

    def __init__(self, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
        self.columns = tuple(columns)
        self.rows = tuple(rows)

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self.rows)

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        """Go through the rows."""
        return iter(self.rows)

    def __getitem__(self, index: int) -> Mapping[str, Any]:
        """Return a row by its number."""
        return self.rows[index]

    def __repr__(self) -> str:
        """Return it as text."""
        cells = [[[name.upper()] for name in self.columns], *self._texts()]
        widths = [
            max(width(line) for lines in column for line in lines) for column in zip(*cells, strict=True)
        ]
        shown = []
        for row in cells:
            for parts in zip_longest(*row, fillvalue=""):
                line = (part + " " * (size - width(part)) for part, size in zip(parts, widths, strict=True))
                shown.append("  ".join(line).rstrip())
        return "\n".join(shown)

    def _repr_html_(self) -> str:
        """Return it for notebooks."""
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self.columns)
        body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in self._texts())
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _texts(self) -> list[list[list[str]]]:
        last = self.columns[-1]
        return [
            [cell_lines(row.get(name), WIDEST_LAST if name == last else WIDEST) for name in self.columns]
            for row in self.rows
        ]


def _cell(lines: Sequence[str]) -> str:
    text = html.escape("\n".join(lines))
    # a notebook's own style sets cells to the right, and folds what is indented
    return (
        f'<td style="text-align: left; white-space: pre-wrap">{text}</td>'
        if len(lines) > 1
        else f"<td>{text}</td>"
    )


def cell_lines(value: object, widest: int = WIDEST) -> list[str]:
    """Return a value's lines, nothing in them that steers a terminal; of many the first and the last ones."""
    if value is None:
        return [""]
    lines = [printable(line.expandtabs().rstrip()) for line in str(value).strip("\n").splitlines()]
    if len(lines) > FIRST_LINES + LAST_LINES + 1:
        left_out = len(lines) - FIRST_LINES - LAST_LINES
        lines[FIRST_LINES:-LAST_LINES] = [f"... {left_out} more lines ..."]
    return [_cut(line, widest) for line in lines] or [""]


def cell_text(value: object, widest: int = WIDEST) -> str:
    """Return a value on one line, nothing in it that steers a terminal."""
    return _cut(printable(" ".join(str(value).split())), widest)


def printable(text: str) -> str:
    """Return a line with nothing in it that steers a terminal."""
    return "".join(char if char.isprintable() else "?" for char in text)


def _cut(text: str, widest: int) -> str:
    return text if len(text) <= widest else f"{text[: widest - 3]}..."


def width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def quorum_panel(accepted: Sequence[str], rejected: Mapping[str, str], quorum: int | None) -> str:
    """Return the panel that tells which nodes were had, in a box."""
    total = len(accepted) + len(rejected)
    lines = [f"Node acquired: {node}" for node in accepted]
    lines += [
        f"Node rejected: {node} ({cell_text(reason, WIDEST_LAST)})" for node, reason in rejected.items()
    ]
    asked = "" if quorum is None else f", {quorum} asked for"
    lines.append(f"Quorum: {len(accepted)}/{total}{asked}")
    widest = max(map(width, lines))
    title = " Quorum "
    top = f"╭─{title}{'─' * max(0, widest + 1 - len(title))}╮"
    widest = max(widest, len(top) - 4)
    middle = [f"│ {line}{' ' * (widest - width(line))} │" for line in lines]
    return "\n".join([top, *middle, f"╰{'─' * (widest + 2)}╯"])
