"""GitHub Actions: annotations at the playbook's line, and a summary of the run on the job's page.

Source: "Workflow commands for GitHub Actions" (docs.github.com); what must be escaped how is told by the runner's own
source only: `%`, CR and LF everywhere, `:` and `,` in properties too.
"""

from __future__ import annotations

import re
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from hivectl.engine.events import Message, NodeLost, RunEnded, RunStarted, Status, StepFinished
from hivectl.model.records import record
from hivectl.report.base import ReporterKind, ReportError, text_of
from hivectl.report.details import details
from hivectl.report.names import listing
from hivectl.report.summary import nodes_alike, verdict
from hivectl.report.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hivectl.engine.events import Event
    from hivectl.model.origin import Origin
    from hivectl.report.base import Destination

LEVELS = {
    Status.FAILED: "error",
    Status.UNKNOWN: "error",
    Status.UNREACHABLE: "error",
    Status.RESCUED: "notice",
    Status.IGNORED: "notice",
}
# a step's summary may have 1 MiB (docs.github.com, "Adding a job summary"): far more than a person reads
MOST_FAILURES = 50
LONGEST = 4000


@record(frozen=False)
class Annotation:
    """What went wrong in one place, and on which nodes."""

    level: str
    title: str
    text: str
    origin: Origin | None
    nodes: dict[str, None] = field(default_factory=dict)


class GitHub:
    """Gathers what went wrong and tells it at the end: each cause once, since a job shows ten of each kind."""

    def __init__(self, destination: Destination) -> None:
        self._output = destination.output
        self._environment = destination.environment
        self._found: dict[tuple[str, str, str, Origin | None], Annotation] = {}
        self._blamed: set[str] = set()
        self._playbook = ""
        self._mode = "apply"
        self._ended: RunEnded | None = None

    def __call__(self, event: Event) -> None:
        """Take note of the event."""
        if isinstance(event, StepFinished):
            if event.status in LEVELS:
                self._blamed.add(event.node)
                name = event.task.name or event.task.module
                text = text_of(details(event))
                self._add(LEVELS[event.status], name, text, event.task.origin, event.node)
        elif isinstance(event, NodeLost):
            if event.node not in self._blamed:
                self._add("error", "left out", event.reason, None, event.node)
        elif isinstance(event, Message):
            if event.level in {"warning", "error"}:
                self._add(event.level, event.level, event.text, None, event.node)
        elif isinstance(event, RunStarted):
            self._playbook, self._mode = event.playbook, event.mode
        elif isinstance(event, RunEnded):
            self._ended = event

    def tick(self, now: float) -> None:
        """Nothing is due."""

    def close(self) -> None:
        """Write everything; raises ReportError when something could not be written."""
        self._output.write("".join(self._annotations()))
        summary = self._environment.get("GITHUB_STEP_SUMMARY")
        try:
            if summary:
                with Path(summary).open("a", encoding="utf-8", errors="backslashreplace") as file:
                    file.write("\n".join(self._summary()) + "\n")
        except OSError as fault:
            raise ReportError(
                f"the step's summary cannot be written to {summary}: {fault.strerror}",
                hint="it is where $GITHUB_STEP_SUMMARY says",
            ) from fault
        finally:
            self._output.close()

    def _add(self, level: str, title: str, text: str, origin: Origin | None, node: str | None) -> None:
        key = (level, title, text, origin)
        found = self._found.setdefault(key, Annotation(level, title, text.rstrip("\n"), origin))
        if node is not None:
            found.nodes[node] = None

    def _annotations(self) -> Iterator[str]:
        for found in self._found.values():
            where = {}
            if found.origin is not None:
                path = repository_path(found.origin.path, self._environment)
                where = {"file": path, "line": str(found.origin.line), "col": str(found.origin.column)}
            properties = {**where, "title": f"{_on(found)}{one_line(found.title, 200)}"}
            written = ",".join(f"{name}={escape_property(value)}" for name, value in properties.items())
            yield f"::{found.level} {written}::{escape_data(found.text or found.title)}\n"

    def _summary(self) -> Iterator[str]:
        yield f"### {_markdown(Path(self._playbook).name or 'hivectl')}"
        yield ""
        if self._ended is None:
            yield "The run did not come to its end."
        else:
            yield _markdown(verdict(self._ended, self._mode))
            yield ""
            yield from _table(self._ended)
        found = list(self._found.values())
        for one in found[:MOST_FAILURES]:
            place = (
                f" ({_markdown(repository_path(one.origin.path, self._environment))}:{one.origin.line})"
                if one.origin
                else ""
            )
            yield f"\n**{one.level}: {_markdown(_on(one) + one.title)}**{place}"
            if one.text and one.text != one.title:
                yield from _fenced(one.text[:LONGEST])
        if len(found) > MOST_FAILURES:
            yield f"\n… and {len(found) - MOST_FAILURES} more"


def _table(ended: RunEnded) -> Iterator[str]:
    columns, rows, more = nodes_alike(ended.nodes)
    if not rows:
        return
    yield "| node | " + " | ".join(columns) + " |"
    yield "| --- |" + " ---: |" * len(columns)
    for label, numbers in rows:
        yield f"| {_markdown(label)} | " + " | ".join(f"{number:,}" for number in numbers) + " |"
    if more:
        yield f"\n… and {more} more nodes with other counts"


def _on(found: Annotation) -> str:
    return f"{listing(list(found.nodes), 60)}: " if found.nodes else ""


def _markdown(text: str) -> str:
    """Return a text on one line that Markdown shows as it is."""
    return re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", one_line(text)).replace("&", "&amp;")


def _fenced(text: str) -> Iterator[str]:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    yield from (fence, text, fence)


def escape_data(text: str) -> str:
    """Return a message as a workflow command has it."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(text: str) -> str:
    """Return a property's value as a workflow command has it."""
    return escape_data(text).replace(":", "%3A").replace(",", "%2C")


def repository_path(path: str, environment: Mapping[str, str]) -> str:
    """Return a file's path from the root of the repository, which is how GitHub finds the line.

    Args:
        path: of the file, from this folder or absolute.
        environment: GITHUB_WORKSPACE says where the checkout is; else the folder with `.git` above the file.
    """
    full = Path(path).resolve()
    workspace = environment.get("GITHUB_WORKSPACE")
    roots = [Path(workspace).resolve()] if workspace else []
    roots += [folder for folder in full.parents if (folder / ".git").exists()][:1]
    root = next((root for root in [*roots, Path.cwd()] if full.is_relative_to(root)), None)
    return full.relative_to(root).as_posix() if root else full.as_posix()


REPORTER = ReporterKind(
    name="github", summary="annotations at the playbook's lines, and the job's summary", make=GitHub
)
