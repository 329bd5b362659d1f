"""On a terminal: lines that stay, and below them a few that show what happens now."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeAlias

from rich.console import Console, Group
from rich.live import Live as RichLive
from rich.text import Text

from hivectl.engine.events import (
    NodeLost,
    PlayStarted,
    RunEnded,
    RunStarted,
    StepFinished,
    StepStarted,
    Waiting,
)
from hivectl.report.base import STYLES
from hivectl.report.folding import INDENT, Folding
from hivectl.report.names import listing
from hivectl.report.text import duration, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import RenderableType

    from hivectl.engine.events import Event, TaskInfo
    from hivectl.report.base import Destination, Line

PATIENCE = 0.6
# seconds between two drawings: quick enough for the eye, and little work for 1,000 nodes
DRAWING_INTERVAL = 0.1
MOST_RUNNING = 4
MOST_WAITING = 2
BAR_WIDTH = 30
# columns for what stands below a step, on however small a terminal
NARROWEST = 20

TaskKey: TypeAlias = "tuple[int, bool, str, str]"


def styled(line: Line) -> Text:
    """Return a line as rich draws it; no markup is ever read from it."""
    text = Text(no_wrap=False)
    for piece, style in line:
        text.append(piece, STYLES.get(style, ""))
    return text


def wrapped(line: Line, console: Console) -> Sequence[Text]:
    """Return a line as wide as the terminal: what stands below a step goes on where it began."""
    if not line or line[0] != (INDENT, ""):
        return (styled(line),)
    room = max(console.width - len(INDENT), NARROWEST)
    return [Text(INDENT).append_text(part) for part in styled(line[1:]).wrap(console, room)]


class Progress:
    """Counts what runs and what is done; drawing costs the same for 10 nodes and for 1,000."""

    def __init__(self) -> None:
        self.play = ""
        self.steps = 0
        self.finished = 0
        self.began = 0.0
        self.bad: set[str] = set()
        self.running: dict[TaskKey, dict[str, None]] = {}
        self.waiting: tuple[str, ...] = ()

    def take(self, event: Event) -> None:
        """Count one event."""
        if isinstance(event, RunStarted):
            self.steps, self.began = event.steps, event.time
        elif isinstance(event, PlayStarted):
            self.play = one_line(event.play, 60)
        elif isinstance(event, StepStarted):
            self.running.setdefault(_key(event.task), {})[event.node] = None
            self.waiting = ()
        elif isinstance(event, StepFinished):
            self._finish(event)
        elif isinstance(event, NodeLost):
            self.bad.add(event.node)
            self.finished += event.skipped
            for nodes in self.running.values():
                nodes.pop(event.node, None)
        elif isinstance(event, Waiting):
            self.waiting = event.what

    def _finish(self, event: StepFinished) -> None:
        self.finished += 1
        self.waiting = ()
        if event.status in {"failed", "unreachable"}:
            self.bad.add(event.node)
        key = _key(event.task)
        nodes = self.running.get(key)
        if nodes is not None:
            nodes.pop(event.node, None)
            if not nodes:
                del self.running[key]

    def draw(self, now: float) -> list[Line]:
        """Return the lines as they are at `now`."""
        total = max(self.steps, self.finished)
        full = BAR_WIDTH * self.finished // total if total else 0
        failed: Line = ((f"   {len(self.bad)} in trouble", "failed"),) if self.bad else ()
        lines: list[Line] = [
            (
                (" " + "━" * full, "ok"),
                ("━" * (BAR_WIDTH - full), "dim"),
                (f"  {self.finished:,}/{total:,} steps", ""),
                *failed,
                (f"   {duration(max(now - self.began, 0.0))}", "dim"),
                (f"   {self.play}", "dim"),
            )
        ]
        running = [(key, nodes) for key, nodes in self.running.items() if nodes]
        for number, (key, nodes) in enumerate(running[:MOST_RUNNING]):
            lines.append(
                (
                    (" running  " if number == 0 else " " * 10, "dim"),
                    (f"{key[3]}  ", ""),
                    (listing(nodes, 40), "dim"),
                )
            )
        if len(running) > MOST_RUNNING:
            lines.append(((f"{'':10}… and {len(running) - MOST_RUNNING} more tasks", "dim"),))
        for number, what in enumerate(self.waiting[:MOST_WAITING]):
            lines.append(((" waiting  " if number == 0 else " " * 10, "warning"), (one_line(what, 200), "")))
        if len(self.waiting) > MOST_WAITING:
            lines.append(((f"{'':10}… and {len(self.waiting) - MOST_WAITING} more", "dim"),))
        return lines


def _key(task: TaskInfo) -> TaskKey:
    return (task.number, task.handler, task.play, one_line(task.name or task.module, 60))


class Live:
    """Draws `Progress` below the lines of `Folding`."""

    def __init__(self, destination: Destination) -> None:
        self._output = destination.output
        self._folding = Folding(PATIENCE, destination.wishes)
        self._progress = Progress()
        self._console = Console(
            file=destination.output.stream, highlight=False, markup=False, emoji=False, soft_wrap=False
        )
        self._live: RichLive | None = None
        self._drawn = 0.0

    def __call__(self, event: Event) -> None:
        """Print what the event completes, and draw again if it is time."""
        self._progress.take(event)
        # what is waited for is drawn below, where it also goes away again
        lines = [] if isinstance(event, Waiting) else self._folding.take(event)
        if isinstance(event, RunStarted):
            self._guarded(lambda: self._start(event.time))
        elif isinstance(event, RunEnded):
            self._guarded(self._stop)
        self._print(lines)
        self._draw(event.time)

    def tick(self, now: float) -> None:
        """Print what has waited long enough, and draw again."""
        self._print(self._folding.due(now))
        self._draw(now)

    def close(self) -> None:
        """Take the progress away, print what is left; raises ReportError when writing failed."""
        self._guarded(self._stop)
        self._print(self._folding.rest())
        self._output.close()

    def _start(self, now: float) -> None:
        self._live = RichLive(
            self._region(now),
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def _stop(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def _region(self, now: float) -> RenderableType:
        texts = [styled(line) for line in self._progress.draw(now)]
        for text in texts:
            text.no_wrap, text.overflow = True, "ellipsis"
        return Group(*texts)

    def _print(self, lines: list[Line]) -> None:
        if not lines:
            return
        texts = [text for line in lines for text in wrapped(line, self._console)]
        self._guarded(lambda: self._console.print(Text("\n").join(texts)))

    def _draw(self, now: float) -> None:
        # the clock of the events may stand still in tests and jump in life; drawing goes by its own
        if self._live is None or time.monotonic() - self._drawn < DRAWING_INTERVAL:
            return
        live, self._drawn = self._live, time.monotonic()
        self._guarded(lambda: live.update(self._region(now), refresh=True))

    def _guarded(self, action: Callable[[], None]) -> None:
        """Draw unless the terminal is gone, which must not end the run."""
        if self._output.fault is not None:
            return
        try:
            action()
        except OSError as fault:
            self._output.fault = fault
