"""How hives show themselves: tables of text, tables of HTML in notebooks, the quorum panel."""

from __future__ import annotations

import html
import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

WIDEST = 60


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
        cells = [[name.upper() for name in self.columns], *self._texts()]
        widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
        lines = (
            "  ".join(cell + " " * (size - width(cell)) for cell, size in zip(line, widths, strict=True))
            for line in cells
        )
        return "\n".join(line.rstrip() for line in lines)

    def _repr_html_(self) -> str:
        """Return it for notebooks."""
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self.columns)
        body = "".join(
            f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in line)}</tr>" for line in self._texts()
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _texts(self) -> list[list[str]]:
        return [[cell_text(row.get(name)) for name in self.columns] for row in self.rows]


def cell_text(value: object) -> str:
    """Return a value on one line, nothing in it that steers a terminal."""
    if value is None:
        return ""
    text = " ".join(str(value).split())
    text = "".join(char if char.isprintable() else "?" for char in text)
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 3]}..."


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
    lines += [f"Node rejected: {node} ({cell_text(reason)})" for node, reason in rejected.items()]
    asked = "" if quorum is None else f", {quorum} asked for"
    lines.append(f"Quorum: {len(accepted)}/{total}{asked}")
    widest = max(map(width, lines))
    title = " Quorum "
    top = f"╭─{title}{'─' * max(0, widest + 1 - len(title))}╮"
    widest = max(widest, len(top) - 4)
    middle = [f"│ {line}{' ' * (widest - width(line))} │" for line in lines]
    return "\n".join([top, *middle, f"╰{'─' * (widest + 2)}╯"])
