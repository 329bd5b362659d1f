"""What `hivectl evaluate` prints: each result on standard output as it comes, everything else on standard error."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import time
from typing import TYPE_CHECKING, Any

from hivectl.cli.errors import say
from hivectl.cli.options import Format
from hivectl.engine.events import Message, NodeLost, Partial, RunEnded, Status, StepFinished, Waiting
from hivectl.report.base import Output
from hivectl.report.text import count, harmless, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hivectl.engine.events import Event

VERSION = 1
COLUMNS = (
    "file", "board", "measure", "ok", "value", "deviation", "minimum", "maximum", "cycles", "values", "error",
    "unexpected", "sha256", "cached", "attempts", "seconds",
)  # fmt: skip  # a table
WIDEST = 48
# in messages of steps whose circuits have been told of already
TOLD = "evaluations failed: "
# the beginning of a message about the playbook that `hivectl evaluate` writes
WHERE = re.compile(r"\S*/by_hand/evaluate-[0-9a-f]+\.yml:\d+:\d+: ")
STOPPED = frozenset({"interrupted", "terminated"})
FAILED = frozenset({Status.FAILED, Status.UNREACHABLE, Status.UNKNOWN})


class Teller:
    """A reporter of evaluations.

    Args:
        form: of what goes to standard output.
        names: of the files, for the width of their column.
        nodes: the same.
        total: results that are to come.
    """

    def __init__(self, form: Format, names: Iterable[str], nodes: Iterable[str], *, total: int) -> None:
        self._form = form
        self._output = Output(sys.stdout, "standard output")
        self._widths = (_width(names, "FILE"), _width(nodes, "BOARD"))
        self._total = total
        self._began = time.monotonic()
        self._results: list[Mapping[str, Any]] = []
        self._ok = 0
        self._told: dict[str, None] = {}
        self._notes: list[str] = []
        self._live = sys.stderr.isatty()
        self._shown = False

    def __call__(self, event: Event) -> None:
        """Tell what an event says."""
        if isinstance(event, Partial):
            self._result(event.data)
        elif isinstance(event, Waiting):
            self._say(f"waiting: {what}" for what in event.what)
        elif isinstance(event, Message):
            self._notes.append(event.text)
            self._say([f"{event.node}: {event.text}" if event.node else f"{event.level}: {event.text}"])
        elif isinstance(event, NodeLost):
            self._lost(event)
        elif isinstance(event, StepFinished) and event.status in FAILED:
            self._failed(event)
        elif isinstance(event, RunEnded):
            self._end(event)

    def tick(self, now: float) -> None:
        """Show how far it is, on a terminal."""
        del now
        if self._live and self._total > 1 and not (self._form is Format.TABLE and sys.stdout.isatty()):
            say_live(f"{len(self._results)} of {count(self._total, 'evaluation')}")
            self._shown = True

    def close(self) -> None:
        """Raise ReportError when something could not be written."""
        self._output.close()

    def _result(self, data: Mapping[str, Any]) -> None:
        if self._form is Format.TABLE and not self._results:
            self._write(self._line("FILE", "BOARD", "VALUE", ""))
        if self._form is Format.CSV and not self._results:
            self._write(_csv(COLUMNS))
        self._results.append(data if self._form is Format.JSON else {})
        self._ok += bool(data["ok"])
        if self._form is Format.TABLE:
            self._write(self._line(data["file"], data["board"], _value(data), _note(data)))
        elif self._form is Format.JSONL:
            self._write(json.dumps({"version": VERSION, "kind": "evaluations", **data}) + "\n")
        elif self._form is Format.CSV:
            self._write(_csv(_cell(data.get(column, "")) for column in COLUMNS))

    def _line(self, file: str, board: str, value: str, note: str) -> str:
        wide, narrow = self._widths
        shown = one_line(file)
        shown = shown if len(shown) <= wide else "…" + shown[1 - wide :]
        return f"{shown:<{wide}}  {one_line(board):<{narrow}}  {value:>14}  {one_line(note)}".rstrip() + "\n"

    def _write(self, text: str) -> None:
        self._clear()
        self._output.write(text)

    def _failed(self, event: StepFinished) -> None:
        """Say why a step failed; what its circuits did is told already."""
        # where in a playbook that nobody wrote says nothing
        message = WHERE.sub("", str(event.result.get("msg") or event.reason))
        if message in self._told or (TOLD in message and self._results):
            return
        if any(message in note for note in self._notes):
            return
        self._told[message] = None
        self._say([message])

    def _lost(self, event: NodeLost) -> None:
        """Say why a board takes no part any more, where its step has not said so."""
        reason = WHERE.sub("", event.reason)
        if (TOLD in reason and self._results) or any(reason.endswith(told) for told in self._told):
            return
        if any(reason in note for note in self._notes):
            return
        self._say([f"{event.node}: {reason}"])

    def _end(self, event: RunEnded) -> None:
        if self._form is Format.JSON:
            whole = {"version": VERSION, "kind": "evaluations", "items": self._results}
            self._write(json.dumps(whole, indent=2) + "\n")
        if event.reason:
            self._say([event.reason])
        stopped = event.status if event.status in STOPPED else ""
        if stopped and not self._results:
            self._say([stopped])
        if self._results:
            seconds = time.monotonic() - self._began
            bad = len(self._results) - self._ok
            ends = f"{self._ok} as they should be" + (f", {bad} not" if bad else "")
            ends += f", then {stopped}" if stopped else ""
            self._say([f"{count(len(self._results), 'evaluation')} in {seconds:.1f} s: {ends}"])

    def _say(self, lines: Iterable[str]) -> None:
        self._clear()
        for line in lines:
            say(harmless(line))

    def _clear(self) -> None:
        if self._shown:
            # erase the line: ECMA-48, EL
            say_live("\x1b[K")
            self._shown = False


def say_live(text: str) -> None:
    """Write a line to the terminal that the next one overwrites."""
    sys.stderr.write(f"\r{text}\r" if text == "\x1b[K" else f"\r{text}")
    sys.stderr.flush()


def _width(names: Iterable[str], title: str) -> int:
    return min(WIDEST, max(len(title), *(len(one_line(name)) for name in names)))


def _value(data: Mapping[str, Any]) -> str:
    value = data["value"]
    return "-" if value is None else f"{value:,.12g}"


def _note(data: Mapping[str, Any]) -> str:
    parts = []
    if len(data.get("values", ())) > 1:
        parts.append(f"+- {data['deviation']:.4g} in {len(data['values'])} repeats")
    if data["cached"]:
        parts.append("known")
    if data["attempts"] > 1:
        parts.append(f"{data['attempts']} attempts")
    for key in ("error", "unexpected"):
        if key in data:
            # file and board stand in front of it already
            text = str(data[key]).removeprefix(f"{data['file']}: ")
            parts.append(text.removeprefix(f"{data['board']}: "))
    parts += [str(one) for one in data.get("warnings", ())]
    return "; ".join(parts)


def _csv(cells: Iterable[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return " ".join(f"{one:.15g}" for one in value)
    return "" if value is None else value
