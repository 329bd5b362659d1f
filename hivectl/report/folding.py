"""From events to lines: many nodes that did the same are one line, a failure is shown at once.

A line waits until every node of the play has done the task, or until it has waited for `patience` seconds.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from hivectl.engine.events import (
    Message,
    NodeLost,
    PlayStarted,
    Reserved,
    RunEnded,
    RunStarted,
    Status,
    StepFinished,
    Waiting,
)
from hivectl.model.records import record
from hivectl.report.details import BAD, details
from hivectl.report.names import listing
from hivectl.report.summary import summary
from hivectl.report.text import count, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from hivectl.engine.events import Event, TaskInfo
    from hivectl.report.base import Line, Wishes

AT_ONCE = frozenset({Status.FAILED, Status.UNREACHABLE, Status.UNKNOWN})
STATUS_WIDTH = 12
# how people read a status
WORDS = {Status.UNOBSERVED: "unknown"}
INDENT = " " * (STATUS_WIDTH + 1)
MOST_WAITING = 3
MESSAGE = "message"


@record(frozen=False)
class Group:
    """Nodes that did the same and have not been shown yet.

    Attributes:
        since: when the first of them did.
        head: makes the line that names them.
        below: what stands below it.
        again: the first was shown already, with what stands below.
    """

    since: float
    head: Callable[[list[str]], Line]
    below: tuple[Line, ...]
    nodes: list[str] = field(default_factory=list)
    again: bool = False


class Folding:
    """Takes events and returns the lines that they complete."""

    def __init__(self, patience: float, wishes: Wishes) -> None:
        self._patience = patience
        self._wishes = wishes
        self._groups: dict[Hashable, Group] = {}
        self._shown: set[Hashable] = set()
        self._expected: set[str] = set()
        self._missing: dict[Hashable, set[str]] = {}
        # cause -> steps skipped because of it: as they were told one by one, and as their node was left out
        self._skipped: Counter[str] = Counter()
        self._left: dict[str, int] = {}
        # node -> the failure that a person has been told of
        self._blamed: dict[str, str] = {}
        self._mode = "apply"
        self._name_width = 4
        self._tasks: dict[int, tuple[TaskInfo, int]] = {}
        self._numbers: dict[Hashable, int] = {}

    def take(self, event: Event) -> list[Line]:
        """Return the lines that this event completes."""
        lines: list[Line] = []
        if isinstance(event, StepFinished):
            lines = self._finished(event)
        elif isinstance(event, RunStarted):
            lines = self._started(event)
        elif isinstance(event, Reserved):
            lines = []  # nothing that a person must know while it works
        elif isinstance(event, PlayStarted):
            lines = [*self.rest(), self._play(event)]
            self._expected = set(event.nodes)
            self._missing.clear()
        elif isinstance(event, NodeLost):
            lines = self._lost(event)
        elif isinstance(event, Message):
            lines = self._message(event)
        elif isinstance(event, Waiting):
            lines = [*self.rest(), *waiting_lines(event)]
        elif isinstance(event, RunEnded):
            skipped = {**self._skipped, **self._left}
            return [*self.rest(), *summary(event, skipped, mode=self._mode, command=self._wishes.command)]
        return [*lines, *self.due(event.time)]

    def due(self, now: float) -> list[Line]:
        """Return the lines that have waited long enough at `now`, in seconds since the epoch."""
        lines: list[Line] = []
        while self._groups:
            key = next(iter(self._groups))  # has waited longest
            if now - self._groups[key].since < self._patience:
                break
            lines += self._show(key)
        return lines

    def rest(self) -> list[Line]:
        """Return every line that still waits."""
        return [line for key in list(self._groups) for line in self._show(key)]

    def _started(self, event: RunStarted) -> list[Line]:
        self._mode = event.mode
        self._name_width = min(max(len(listing(event.nodes, 24)) + 1, 10), 28)
        verb = {"refresh": "look for drift from"}.get(event.mode, event.mode)
        what = f"{verb} {_near(event.playbook)} on {count(len(event.nodes), 'node')}"
        resumed = f", going on with run {event.resumed}" if event.resumed else ""
        return [((what, "bold"), (f"{resumed}  (run {event.run})", "dim"))]

    def _play(self, event: PlayStarted) -> Line:
        batch = f", batch {event.batch} of {event.batches}" if event.batches > 1 else ""
        return ((one_line(event.play), "bold"), (f"  {listing(event.nodes, 50)}{batch}", "dim"))

    def _word(self, event: StepFinished) -> str:
        if event.status is Status.CHANGED and self._mode != "apply":
            return "drifted" if self._mode == "refresh" else "would change"
        return WORDS.get(event.status, event.status)

    def _head(self, word: str, status: str, task: TaskInfo, note: str = "") -> Callable[[list[str]], Line]:
        name = one_line(task.name or task.module) + (" (handler)" if task.handler else "")

        def head(nodes: list[str]) -> Line:
            return (
                (f"{word:<{STATUS_WIDTH}} ", status),
                (f"{listing(nodes, 40):<{self._name_width}}  ", ""),
                (name, "" if status != "skipped" else "dim"),
                (note, "dim"),
            )

        return head

    def _finished(self, event: StepFinished) -> list[Line]:
        task_key = self._number_of(event.task)
        missing = self._missing.get(task_key)
        if missing is None:
            missing = self._missing[task_key] = set(self._expected)
        missing.discard(event.node)
        if event.cause is not None:
            self._skipped[event.cause] += 1
        else:
            below = details(event, verbose=self._wishes.verbose)
            note = f"  ({one_line(event.reason)})" if event.reason and event.status not in BAD else ""
            word = self._word(event)
            note += "  (drifted since it was applied)" if event.drifted and word != "drifted" else ""
            key = (task_key, word, note, below)
            if event.status in AT_ONCE:
                self._blamed[event.node] = event.task.name or event.task.module
            if (group := self._groups.get(key)) is not None:
                group.nodes.append(event.node)
            else:
                head = self._head(word, event.status, event.task, note)
                self._add(key, event.node, event.time, head, below)
            if event.status in AT_ONCE and key not in self._shown:
                # what led to it comes before it
                earlier = [
                    one for one, group in self._groups.items() if one != key and event.node in group.nodes
                ]
                return [line for one in (*earlier, key) for line in self._show(one)]
        return [] if missing else self._complete(task_key)

    def _complete(self, task_key: int) -> list[Line]:
        """Return the lines of a task that all nodes have done, behind what was said of these nodes meanwhile."""
        mine = [key for key in self._groups if key[0] == task_key]  # type: ignore[index]  # every key is a tuple
        said = [key for key in self._groups if key[0] == MESSAGE]  # type: ignore[index]  # likewise
        if said:
            nodes = {node for key in mine for node in self._groups[key].nodes}
            mine = [key for key in said if not nodes.isdisjoint(self._groups[key].nodes)] + mine
        return [line for key in mine for line in self._show(key)]

    def _number_of(self, task: TaskInfo) -> int:
        """Return a number that stands for a task: all of it is looked at only when it is first met."""
        known = self._tasks.get(id(task))
        if known is None:
            whole = (task.number, task.handler, task.play, task.name, task.origin)
            # the task is kept, so that no other one gets its address
            known = self._tasks[id(task)] = (task, self._numbers.setdefault(whole, len(self._numbers)))
        return known[1]

    def _lost(self, event: NodeLost) -> list[Line]:
        self._expected.discard(event.node)
        for missing in self._missing.values():
            missing.discard(event.node)
        told = event.node in self._blamed
        cause = f"{event.node}: {self._blamed.setdefault(event.node, event.reason)}"
        if event.skipped:
            self._left[cause] = event.skipped
        if told:
            return []
        reason = one_line(event.reason)

        def head(nodes: list[str]) -> Line:
            return (
                (f"{'left out':<{STATUS_WIDTH}} ", "failed"),
                (f"{listing(nodes, 40)}  ", ""),
                (reason, ""),
            )

        return self._at_first_sight(("lost", reason), event.node, event.time, head)

    def _message(self, event: Message) -> list[Line]:
        text = one_line(event.text, 2000)
        level = one_line(event.level)
        style = {"warning": "warning", "error": "failed"}.get(level, "dim")
        word = "" if level == "info" else f"{level}: "

        def head(nodes: list[str]) -> Line:
            where = f"{listing(nodes, 40)}: " if nodes else ""
            return ((word, style), (f"{where}{text}", "" if word else "dim"))

        if event.node is None:
            return [head([])]
        return self._at_first_sight((MESSAGE, level, text), event.node, event.time, head)

    def _at_first_sight(
        self, key: Hashable, node: str, now: float, head: Callable[[list[str]], Line]
    ) -> list[Line]:
        self._add(key, node, now, head, ())
        return [] if key in self._shown else self._show(key)

    def _add(
        self, key: Hashable, node: str, now: float, head: Callable[[list[str]], Line], below: tuple[Line, ...]
    ) -> None:
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(now, head, below, again=key in self._shown)
        group.nodes.append(node)

    def _show(self, key: Hashable) -> list[Line]:
        group = self._groups.pop(key)
        self._shown.add(key)
        head = group.head(group.nodes)
        if group.again and group.below:
            return [(*head, ("  (as above)", "dim"))]
        return [head, *(((INDENT, ""), *line) for line in group.below)]


def _near(path: str) -> str:
    """Return a path as a person in this folder would write it."""
    try:
        here = Path.cwd()
    except OSError:  # somebody has removed the folder
        return one_line(path)
    return one_line(path.removeprefix(f"{here}/"))


def waiting_lines(event: Waiting) -> list[Line]:
    """Return what is waited for, a few of many."""
    lines: list[Line] = [
        ((f"{'waiting':<{STATUS_WIDTH}} ", "dim"), (one_line(what), "")) for what in event.what[:MOST_WAITING]
    ]
    more = len(event.what) - MOST_WAITING
    return [*lines, ((f"{INDENT}… and {more} more", "dim"),)] if more > 0 else lines
