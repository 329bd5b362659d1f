"""JUnit's XML, as GitLab, Jenkins and their like read it: a test suite for each play, a test case for each step.

The elements and attributes are those that Jenkins' xUnit plugin and Ant's JUnit task agree on; what only some
readers know (`file`, `line`) is in the failure's text instead.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import field
from datetime import UTC, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from hivectl.engine.events import NodeLost, PlayStarted, RunEnded, RunStarted, Status, StepFinished
from hivectl.model.records import record
from hivectl.report.base import ReporterKind, text_of
from hivectl.report.details import details, outputs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hivectl.engine.events import Event
    from hivectl.report.base import Destination

# status -> element and `type` of what went wrong
WRONG = {
    Status.FAILED: ("failure", "failed"),
    Status.UNKNOWN: ("failure", "unknown"),
    Status.UNREACHABLE: ("error", "unreachable"),
}
# steps that went well in the end, although something failed: what, is told beside
FORGIVEN = frozenset({Status.RESCUED, Status.IGNORED})
# characters of an output; the journal has all of it
LONGEST = 100_000
# a terminal's colours and movements (ECMA-48: CSI, OSC, other escapes), and what XML 1.0 (2.2 Characters) has no way
# to write: controls, surrogates, the two non-characters
_STEERING = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]")
_UNWRITABLE = re.compile(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: str) -> str:
    """Return a text that XML can hold: terminal sequences and characters that it cannot write are left out."""
    return _UNWRITABLE.sub("", _STEERING.sub("", text.replace("\r\n", "\n")))


@record(frozen=False)
class Suite:
    """One play: its counts and its test cases, as XML."""

    started: float
    tests: int = 0
    failures: int = 0
    errors: int = 0
    skipped: int = 0
    seconds: float = 0.0
    cases: list[str] = field(default_factory=list)
    names: Counter[tuple[str, str]] = field(default_factory=Counter)


class JUnit:
    """Gathers the steps and writes everything at the end, since the counts come first."""

    def __init__(self, destination: Destination) -> None:
        self._output = destination.output
        self._suites: dict[str, Suite] = {}
        self._name = "hivectl"
        self._seconds = 0.0
        self._play = ""
        self._blamed: set[str] = set()

    def __call__(self, event: Event) -> None:
        """Take note of the event."""
        if isinstance(event, StepFinished):
            self._finished(event)
        elif isinstance(event, PlayStarted):
            self._play = event.play
            self._suites.setdefault(event.play, Suite(event.time))
        elif isinstance(event, RunStarted):
            self._name = f"hivectl {event.mode} {PurePath(event.playbook).name}"
        elif isinstance(event, NodeLost) and event.node not in self._blamed:
            self._lost(event)
        elif isinstance(event, RunEnded):
            self._seconds = event.seconds

    def tick(self, now: float) -> None:
        """Nothing is due."""

    def close(self) -> None:
        """Write the file; raises ReportError when it could not be written."""
        self._output.write("".join(self._document()))
        self._output.close()

    def _finished(self, event: StepFinished) -> None:
        suite = self._suites.setdefault(event.task.play, Suite(event.time))
        suite.seconds += event.seconds
        name = (clean(event.task.name) or event.task.module) + (" (handler)" if event.task.handler else "")
        inside: list[str] = []
        if event.status in WRONG:
            self._blamed.add(event.node)
            element, kind = WRONG[event.status]
            suite.failures += element == "failure"
            suite.errors += element == "error"
            text = text_of(details(event)).rstrip("\n")
            inside.append(_element(element, text, message=event.reason or kind, type=kind))
        elif event.status is Status.SKIPPED:
            suite.skipped += 1
            reason = event.reason or (f"because of {event.cause}" if event.cause else "")
            inside.append(_element("skipped", "", message=reason))
        if event.status in WRONG or event.status in FORGIVEN:
            said = outputs(event)
            notes = [text_of(details(event))] if event.status in FORGIVEN else []
            inside += [_element("system-out", text[:LONGEST]) for text in [*notes, said.stdout] if text]
            inside += [_element("system-err", said.stderr[:LONGEST])] if said.stderr else []
        self._case(suite, name, event.node, event.seconds, inside)

    def _lost(self, event: NodeLost) -> None:
        suite = self._suites.setdefault(self._play, Suite(event.time))
        suite.errors += 1
        self._blamed.add(event.node)
        error = _element("error", event.reason, message=event.reason, type="left out")
        self._case(suite, "left out", event.node, 0.0, [error])

    def _case(self, suite: Suite, name: str, node: str, seconds: float, inside: list[str]) -> None:
        suite.tests += 1
        suite.names[node, name] += 1
        if (turn := suite.names[node, name]) > 1:
            # readers take two cases of one name for one that ran twice
            name = f"{name} ({turn})"
        start = f"    <testcase{_attributes(name=name, classname=node, time=f'{seconds:.3f}')}"
        suite.cases.append(f"{start}>{''.join(inside)}</testcase>\n" if inside else f"{start}/>\n")

    def _document(self) -> Iterator[str]:
        suites = self._suites.values()
        yield '<?xml version="1.0" encoding="UTF-8"?>\n'
        totals = {
            name: str(sum(getattr(suite, name) for suite in suites))
            for name in ("tests", "failures", "errors", "skipped")
        }
        yield f"<testsuites{_attributes(name=self._name, **totals, time=f'{self._seconds:.3f}')}>\n"
        for play, suite in self._suites.items():
            began = datetime.fromtimestamp(suite.started, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            counts = {name: str(getattr(suite, name)) for name in ("tests", "failures", "errors", "skipped")}
            # ours runs beside the nodes: one play's time is the sum of its steps' times
            yield f"  <testsuite{_attributes(name=play, timestamp=began, **counts, time=f'{suite.seconds:.3f}')}>\n"
            yield from suite.cases
            yield "  </testsuite>\n"
        yield "</testsuites>\n"


def _attributes(**values: str) -> str:
    return "".join(
        f" {name}={quoteattr(clean(value), {chr(10): '&#10;', chr(9): '&#9;'})}"
        for name, value in values.items()
    )


def _element(name: str, text: str, **values: str) -> str:
    body = escape(clean(text))
    return f"<{name}{_attributes(**values)}>{body}</{name}>" if body else f"<{name}{_attributes(**values)}/>"


REPORTER = ReporterKind(
    name="junit", summary="JUnit's XML: a test case for each step and node", make=JUnit, whole=True
)
