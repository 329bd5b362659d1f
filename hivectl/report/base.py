"""What a reporter is, and where its lines go."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Protocol, TextIO, TypeAlias

from hivectl.model.errors import HivectlError
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from hivectl.engine.events import Event

# A piece of a line and its style: "" or one of STYLES.
Piece: TypeAlias = tuple[str, str]
Line: TypeAlias = tuple[Piece, ...]

# style -> what rich calls it
STYLES: Mapping[str, str] = {
    "ok": "green",
    "changed": "yellow",
    "failed": "bold red",
    "unreachable": "bold red",
    "skipped": "cyan",
    "rescued": "magenta",
    "ignored": "magenta",
    "unknown": "bold yellow",
    "unobserved": "yellow",
    "warning": "bold yellow",
    "dim": "dim",
    "bold": "bold",
    "removed": "red",
    "added": "green",
    "hunk": "cyan",
}


class ReportError(HivectlError):
    """A report could not be written."""


class Reporter(Protocol):
    """A listener to a run's events which is told of the time and of the end."""

    def __call__(self, event: Event) -> None:
        """Take one event; never raises: a fault of writing is kept for `close`."""
        ...

    def tick(self, now: float) -> None:
        """Take note of the time (seconds since the epoch), some times a second, to show what is due."""
        ...

    def close(self) -> None:
        """Write what is left; raises ReportError when anything could not be written."""
        ...


class Output:
    """A text stream that may break in mid-run without breaking the run.

    Args:
        stream: where the text goes.
        what: its name, for people.
        owned: a file of ours, which is closed with the report.
        finish: puts a whole file in its place once it is closed.
    """

    def __init__(
        self, stream: TextIO, what: str, *, owned: bool = False, finish: Callable[[], object] | None = None
    ) -> None:
        self.stream = stream
        self.what = what
        self.owned = owned
        self.fault: OSError | None = None
        self._finish = finish

    def write(self, text: str) -> None:
        """Write and flush `text`; after a first fault nothing more is tried."""
        if self.fault is not None:
            return
        try:
            self.stream.write(text)
            self.stream.flush()
        except OSError as fault:
            self.fault = fault

    def close(self) -> None:
        """Close a file of ours; raise ReportError if something could not be written (a reader may go away)."""
        if self.owned:
            try:
                self.stream.close()
                if self._finish is not None and self.fault is None:
                    self._finish()
            except OSError as fault:
                self.fault = self.fault or fault
        if self.fault is not None and self.fault.errno != errno.EPIPE:
            raise ReportError(
                f"the report could not be written to {self.what}: {self.fault.strerror}",
                hint="the run itself is in the journal: see `hivectl runs`",
            )


@record(kw_only=True)
class Wishes:
    """What people want to be told, beyond what everybody is.

    Attributes:
        verbose: what steps that went well gave.
        command: what a run is gone on with, by `--resume` behind it.
    """

    verbose: bool = False
    command: str = "hivectl apply"


@record(kw_only=True)
class Destination:
    """Where a report goes.

    Attributes:
        environment: for NO_COLOR and TERM.
        wishes: of people.
    """

    output: Output
    environment: Mapping[str, str]
    wishes: Wishes = Wishes()

    @property
    def is_terminal(self) -> bool:
        """Whether colour and progress are wanted: a terminal that can, and no NO_COLOR (https://no-color.org)."""
        return (
            self.output.stream.isatty()
            and not self.environment.get("NO_COLOR")
            and self.environment.get("TERM", "") not in {"", "dumb"}
        )


@record(kw_only=True)
class ReporterKind:
    """What a file of this folder, or another package's entry point, offers as `REPORTER`.

    Attributes:
        people: it is for people and gives way: standard output goes to another report if that wants it.
        whole: half of its file would be of no use: it is put in its place when the run has ended.
    """

    name: str
    summary: str
    make: Callable[[Destination], Reporter]
    people: bool = False
    whole: bool = False


def text_of(lines: Iterable[Line]) -> str:
    """Return lines without their styles, each with its newline."""
    return "".join("".join(text for text, _ in line).rstrip() + "\n" for line in lines)
