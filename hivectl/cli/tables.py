"""The one way in which commands write data: table, JSON, JSON lines or CSV."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hivectl.cli.options import Format
from hivectl.model.records import record
from hivectl.model.secret import mask
from hivectl.report.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import TextIO

OUTPUT_VERSION = 1
GAP = 2
# a column is not made narrower than this to fit the terminal
NARROWEST = 8
# nor is the last one while others can give
READABLE = 30


@record
class Column:
    """One column of a table.

    Attributes:
        name: key of the item, and what CSV and JSON call it.
        title: what the table calls it.
        right: numbers stand to the right.
        wide: left out of the table, but not of CSV and JSON.
    """

    name: str
    title: str
    right: bool = False
    wide: bool = False


def write(
    kind: str,
    columns: Sequence[Column],
    items: Iterable[Mapping[str, Any]],
    form: Format,
    *,
    empty: str = "",
    stream: TextIO | None = None,
) -> None:
    """Write items to standard output.

    JSON is `{"version": 1, "kind": KIND, "items": [...]}`; each JSON line has `version` and `kind` beside the
    item's own keys; CSV (RFC 4180, with a header) has the columns.

    Args:
        kind: what the items are, in the plural: "nodes".
        columns: of tables and CSV; JSON has every key of an item.
        items: plain data; secrets in it are masked.
        form: how to write.
        empty: what a table without rows says, on standard error.
        stream: instead of standard output.
    """
    stream = stream or sys.stdout
    rows = [mask(dict(item)) for item in items]
    if form is Format.JSON:
        print(_json({"version": OUTPUT_VERSION, "kind": kind, "items": rows}, indent=2), file=stream)
    elif form is Format.JSONL:
        for row in rows:
            print(_json({"version": OUTPUT_VERSION, "kind": kind, **row}), file=stream)
    elif form is Format.CSV:
        writer = csv.writer(stream, lineterminator="\r\n")
        writer.writerow([column.name for column in columns])
        writer.writerows([[_cell(row.get(column.name), raw=True) for column in columns] for row in rows])
    elif rows:
        _table([column for column in columns if not column.wide], rows, stream)
    elif empty:
        print(empty, file=sys.stderr)


def _json(value: object, indent: int | None = None) -> str:
    # ASCII: what nodes and files say must not steer the terminal
    return json.dumps(value, indent=indent, default=_jsonable)


def _jsonable(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    return list(value) if isinstance(value, tuple) else str(value)


def _cell(value: object, *, raw: bool = False) -> str:
    """Return a value as one cell of a table, or with `raw` of CSV."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat() if raw else value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, dict):
        text = " ".join(f"{key}={_cell(item, raw=raw)}" for key, item in value.items())
    elif isinstance(value, list | tuple | set | frozenset):
        text = " ".join(_cell(item, raw=raw) for item in value)
    else:
        text = str(value)
    return text if raw else one_line(text, 4000)


def _table(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]], stream: TextIO) -> None:
    cells = [[_cell(row.get(column.name)) for column in columns] for row in rows]
    # a column in which nothing stands only takes room
    used = [index for index in range(len(columns)) if index == 0 or any(line[index] for line in cells)]
    columns = [columns[index] for index in used]
    lines = [[column.title for column in columns], *([line[index] for index in used] for line in cells)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    if stream.isatty():
        widths = fitted(widths, shutil.get_terminal_size().columns)
    for line in lines:
        below: list[str] = []
        parts = []
        for text, column, width in zip(line, columns, widths, strict=True):
            short = text
            if len(text) > width and column is columns[-1]:
                short, *below = _wrapped(text, width)
            elif len(text) > width:
                short = text[: width - 1] + "…"
            parts.append(short.rjust(width) if column.right else short.ljust(width))
        print((" " * GAP).join(parts).rstrip(), file=stream)
        indent = " " * (sum(widths[:-1]) + GAP * (len(widths) - 1))
        for more in below:
            print(indent + more, file=stream)


def _wrapped(text: str, width: int) -> list[str]:
    from textwrap import wrap

    return wrap(text, width) or [""]


def fitted(widths: Sequence[int], room: int) -> list[int]:
    """Return widths that fit into `room` characters, as far as that goes.

    The last column gives first, since its text is wrapped where others are cut; then the widest.
    """
    fit = list(widths)
    excess = sum(fit) + GAP * (len(fit) - 1) - room
    if excess > 0:
        step = min(excess, max(fit[-1] - READABLE, 0))
        fit[-1] -= step
        excess -= step
    while excess > 0:
        widest = max(range(len(fit)), key=fit.__getitem__)
        if fit[widest] <= NARROWEST:
            break
        fit[widest] -= 1
        excess -= 1
    return fit


def when(seconds: float | None) -> datetime | None:
    """Return seconds since the epoch as a time."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
