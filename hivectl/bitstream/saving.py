"""Evaluations into files, as they come: JSON lines, CSV, JUnit, a plot; the file's name says which."""

from __future__ import annotations

import csv
import json
from typing import IO, TYPE_CHECKING
from xml.etree import ElementTree as ET

from hivectl.bitstream.plot import clean, plot
from hivectl.model.errors import HivectlError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Any, Self

    from hivectl.bitstream.evaluations import Evaluation

VERSION = 1
FORMS = {".jsonl": "JSON lines", ".csv": "CSV", ".xml": "JUnit", ".svg": "a plot"}
COLUMNS = (
    "file", "board", "measure", "ok", "value", "deviation", "minimum", "maximum", "cycles", "values", "error",
    "unexpected", "sha256", "cached", "attempts", "seconds",
)  # fmt: skip  # a table


class SavingError(HivectlError):
    """Results cannot be written."""


class UnknownFormError(InputError):
    """A file's name does not say how results are to be written."""


class Saving:
    """Writes results into files; each line is there as soon as its result is.

    Args:
        paths: .jsonl, .csv, .xml (JUnit) and .svg (a plot) files.

    Raises:
        UnknownFormError: another name.
        SavingError: a file cannot be written.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = list(paths)
        for path in self._paths:
            if path.suffix not in FORMS:
                forms = ", ".join(f"{suffix} ({what})" for suffix, what in FORMS.items())
                raise UnknownFormError(
                    f"{path}: results are not written in this form", hint=f"name it {forms}"
                )
        self._files: list[tuple[str, IO[str]]] = []
        self._evaluations: list[Evaluation] = []

    def __enter__(self) -> Self:
        """Open the files: what cannot be written is known before anything is measured."""
        for path in self._paths:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                file = path.open("w", encoding="utf-8", newline="")
            except OSError as error:
                self._close()
                raise SavingError(f"{path} cannot be written: {error.strerror}") from error
            self._files.append((path.suffix, file))
            if path.suffix == ".csv":
                csv.writer(file, lineterminator="\r\n").writerow(COLUMNS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what needs all of the results, as far as they came, and close."""
        try:
            for suffix, file in self._files:
                if suffix == ".xml":
                    file.write(junit(self._evaluations))
                elif suffix == ".svg":
                    file.write(plot(sorted(self._evaluations, key=lambda one: one.circuit)))
        except OSError as fault:
            raise SavingError(f"results cannot be written: {fault.strerror}") from fault
        finally:
            fault_of_closing = self._close()
        if kind is None and fault_of_closing is not None:
            raise SavingError(f"results cannot be written: {fault_of_closing.strerror}")

    def add(self, evaluation: Evaluation) -> None:
        """Write a result."""
        if not self._files:
            return
        if any(suffix in (".xml", ".svg") for suffix, _ in self._files):
            self._evaluations.append(evaluation)
        try:
            for suffix, file in self._files:
                if suffix == ".jsonl":
                    file.write(json_line(evaluation) + "\n")
                elif suffix == ".csv":
                    csv.writer(file, lineterminator="\r\n").writerow(row(evaluation))
                file.flush()
        except OSError as fault:
            raise SavingError(f"results cannot be written: {fault.strerror}") from fault

    def _close(self) -> OSError | None:
        """Close all files, whatever becomes of one; return what went wrong last."""
        found = None
        for _, file in self._files:
            try:
                file.close()
            except OSError as fault:
                found = fault
        self._files.clear()
        return found


def json_line(evaluation: Evaluation) -> str:
    """Return a result as one line of JSON."""
    return json.dumps({"version": VERSION, "kind": "evaluations", **evaluation.plain()}, ensure_ascii=False)


def row(evaluation: Evaluation) -> list[Any]:
    """Return a result as a row below `COLUMNS`."""
    plain = evaluation.plain(samples=False)
    plain["values"] = " ".join(f"{value:.15g}" for value in evaluation.values)
    return [_cell(plain.get(column, "")) for column in COLUMNS]


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else value


def junit(evaluations: Sequence[Evaluation]) -> str:
    """Return results as JUnit XML: a circuit on a board is a test case; what was not measured is its error."""
    failures = sum(1 for one in evaluations if one.unexpected)
    errors = sum(1 for one in evaluations if one.error)
    counts = {"tests": str(len(evaluations)), "failures": str(failures), "errors": str(errors)}
    root = ET.Element("testsuites", {"name": "evaluate", **counts})
    for board in sorted({one.board for one in evaluations}):
        own = [one for one in evaluations if one.board == board]
        suite = ET.SubElement(
            root,
            "testsuite",
            {
                "name": board or "no board",
                "tests": str(len(own)),
                "failures": str(sum(1 for one in own if one.unexpected)),
                "errors": str(sum(1 for one in own if one.error)),
                "time": f"{sum(one.seconds for one in own):.3f}",
            },
        )
        for one in own:
            _case(suite, one)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _case(suite: ET.Element, one: Evaluation) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        {
            "classname": f"evaluate.{one.board or 'none'}",
            "name": clean(one.name),
            "time": f"{one.seconds:.3f}",
        },
    )
    if one.error:
        ET.SubElement(case, "error", {"message": clean(one.error)})
    elif one.unexpected:
        ET.SubElement(case, "failure", {"message": clean(one.unexpected)})
    told = [f"{one.measure}: {' '.join(f'{value:.15g}' for value in one.values)}", *one.warnings]
    ET.SubElement(case, "system-out").text = clean("\n".join(told))
