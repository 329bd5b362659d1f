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
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from typing import TextIO

OUTPUT_VERSION = 1
GAP = 2
# on a terminal on which something would have to be cut otherwise
NARROW_GAP = 1
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
        whole: what people copy: cut only where nothing else can give.
        spare: left out where a terminal is too narrow for all; the last such column first.
    """

    name: str
    title: str
    right: bool = False
    wide: bool = False
    whole: bool = False
    spare: bool = False


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


def _cell(value: object, *, raw: bool = False, short: bool = False) -> str:
    """Return a value as one cell of a table, or with `raw` of CSV; `short`: a time as a person at the screen says it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat() if raw else _time(value.astimezone(), short=short)
    if isinstance(value, dict):
        text = " ".join(f"{key}={_cell(item, raw=raw)}" for key, item in value.items())
    elif isinstance(value, list | tuple | set | frozenset):
        text = " ".join(_cell(item, raw=raw) for item in value)
    else:
        text = str(value)
    return text if raw else one_line(text, 4000)


def _time(value: datetime, *, short: bool) -> str:
    if not short:
        return value.strftime("%Y-%m-%d %H:%M:%S")
    today = value.date() == datetime.now(value.tzinfo).date()
    return value.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M")


def _table(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]], stream: TextIO) -> None:
    terminal = stream.isatty()
    cells = [[_cell(row.get(column.name), short=terminal) for column in columns] for row in rows]
    # a column in which nothing stands only takes room
    used = [index for index in range(len(columns)) if index == 0 or any(line[index] for line in cells)]
    lines = [[column.title for column in columns], *cells]
    gap, room = GAP, shutil.get_terminal_size().columns if terminal else 0
    words = [_least(column, [line[index] for line in lines]) for index, column in enumerate(columns)]
    if terminal and _needed(columns, used, words, GAP) > room:
        gap = NARROW_GAP
        used = _fitting(columns, used, words, room)
    columns = [columns[index] for index in used]
    lines = [[line[index] for index in used] for line in lines]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    if terminal:
        whole = [index for index, column in enumerate(columns) if column.whole]
        widths = fitted(widths, room, [words[index] for index in used], whole, gap=gap)
    for line in lines:
        parts = [_wrapped(text, width) for text, width in zip(line, widths, strict=True)]
        for number in range(max(map(len, parts))):
            texts = [part[number] if number < len(part) else "" for part in parts]
            shown = [
                text.rjust(width) if column.right else text.ljust(width)
                for text, column, width in zip(texts, columns, widths, strict=True)
            ]
            print((" " * gap).join(shown).rstrip(), file=stream)


def _least(column: Column, texts: Sequence[str]) -> int:
    """Return the width below which a column loses something: that of its longest word, or of all of it."""
    if column.whole:
        return max(map(len, texts))
    return max(len(word) for text in texts for word in text.split() or [""])


def _fitting(columns: Sequence[Column], used: Sequence[int], words: Sequence[int], room: int) -> list[int]:
    """Return those of the used columns that a narrow terminal has room for, or that it must show all the same."""
    kept = list(used)
    for index in reversed(used):
        if columns[index].spare and _needed(columns, kept, words, NARROW_GAP) > room:
            kept.remove(index)
    return kept


def _needed(columns: Sequence[Column], used: Sequence[int], words: Sequence[int], gap: int) -> int:
    """Return the room that columns need so that nothing is cut but words which are very long."""
    least = (words[index] if columns[index].whole else min(words[index], READABLE) for index in used)
    return sum(least) + gap * (len(used) - 1)


def _wrapped(text: str, width: int) -> list[str]:
    """Return a text as lines of a cell: broken between words, and a word that is too long elided."""
    if len(text) <= width:
        return [text]
    from textwrap import wrap

    lines = wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]
    return [_elided(line, width) for line in lines]


def _elided(text: str, width: int) -> str:
    if len(text) <= width:
        return text
    # the end of a path says more than its beginning
    return "…" + text[len(text) - width + 1 :] if "/" in text else text[: width - 1] + "…"


def fitted(
    widths: Sequence[int],
    room: int,
    words: Sequence[int] = (),
    whole: Collection[int] = (),
    *,
    gap: int = GAP,
) -> list[int]:
    """Return widths that fit into `room` characters, as far as that goes.

    The last column gives first, down to what can be read; then the widest, first down to its longest word, then below.

    Args:
        widths: that the columns would like.
        room: for all of them, with the gaps between them.
        words: the longest word of each column, which is not cut while others can give.
        whole: places of columns that are cut only where nothing else can give.
        gap: blanks between two columns.
    """
    fit = list(widths)
    least = [max(word, NARROWEST) for word in words or [0] * len(fit)]
    last = max(READABLE, least[-1])
    excess = sum(fit) + gap * (len(fit) - 1) - room
    if excess > 0:
        step = min(excess, max(fit[-1] - last, 0))
        fit[-1] -= step
        excess -= step
    narrow = [NARROWEST] * len(fit)
    kept = [width if index in whole else NARROWEST for index, width in enumerate(widths)]
    for floor in (least, kept, narrow):
        while excess > 0:
            able = [index for index, width in enumerate(fit) if width > floor[index]]
            if not able:
                break
            fit[max(able, key=fit.__getitem__)] -= 1
            excess -= 1
    return fit


def when(seconds: float | None) -> datetime | None:
    """Return seconds since the epoch as a time."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
