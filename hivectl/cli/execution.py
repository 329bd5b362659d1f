"""What `hivectl exec` prints: the output of each node, that of many that said the same once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from hivectl.cli.errors import say, say_faults, worst
from hivectl.cli.running import run
from hivectl.cli.streams import WatchedStream
from hivectl.engine.adhoc import execute
from hivectl.engine.events import Message, Waiting
from hivectl.model.errors import ExitCode, HivectlError
from hivectl.report.names import listing
from hivectl.report.text import count, harmless

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hivectl.drivers.base import Completed
    from hivectl.engine.adhoc import Execution, Outcome
    from hivectl.engine.events import Event
    from hivectl.engine.lab import Lab


def execute_and_show(lab: Lab, nodes: Sequence[str], execution: Execution) -> int:
    """Run a command on nodes and print what it said; returns the exit code."""
    progress = _Progress(len(nodes))

    def say_what_is_waited_for(event: Event) -> None:
        if isinstance(event, Waiting):
            for what in event.what:
                say(f"waiting: {harmless(what)}")
        elif isinstance(event, Message):
            say(f"{event.level}: {harmless(event.text)}")

    try:
        outcomes = run(execute(lab, nodes, execution, done=progress.done, emit=say_what_is_waited_for))
    finally:
        progress.clear()
    if len(outcomes) == 1:
        _show_one(outcomes[0])
    else:
        _show_many(outcomes)
    return worst(code_of(outcome) for outcome in outcomes)


def code_of(outcome: Outcome[Completed]) -> ExitCode:
    """Return what a node's outcome means for the exit code."""
    if outcome.error is not None:
        return outcome.error.exit_code
    assert outcome.value is not None
    return ExitCode.FAILED if outcome.value.rc else ExitCode.DONE


class _Progress:
    """One line on a terminal that says how many nodes are done."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._shown = total > 1 and sys.stderr.isatty()
        self._draw()

    def done(self, _outcome: object) -> None:
        self._done += 1
        self._draw()

    def _draw(self) -> None:
        if self._shown:
            print(f"\r{self._done} of {count(self._total, 'node')}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self._shown:
            # erase the line: ECMA-48, EL
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _show_one(outcome: Outcome[Completed]) -> None:
    """Print one node's output as it is, for pipes; on a terminal what would steer that is made visible."""
    if outcome.value is not None:
        _copy(outcome.value.stdout, to_stderr=False)
        _copy(outcome.value.stderr, to_stderr=True)
    _say_end([outcome])


def _copy(data: bytes, *, to_stderr: bool) -> None:
    stream = sys.stderr if to_stderr else sys.stdout
    watched: object = stream
    if stream.isatty():
        stream.write(harmless(data.decode(errors="surrogateescape")))
    elif isinstance(watched, WatchedStream):
        watched.write_bytes(data)
    else:
        stream.buffer.write(data)
    stream.flush()


def _show_many(outcomes: Sequence[Outcome[Completed]]) -> None:
    """Print each different output once, below the names of the nodes that gave it."""
    groups: dict[tuple[bytes, bytes, int], list[str]] = {}
    for outcome in outcomes:
        if outcome.value is not None:
            value = outcome.value
            groups.setdefault((value.stdout, value.stderr, value.rc), []).append(outcome.node)
    for (stdout, stderr, rc), nodes in groups.items():
        note = f"  (exit {rc})" if rc else ""
        print(f"{listing(nodes, 70)}:{note}")
        for line in (*_lines(stdout), *(f"stderr | {line}" for line in _lines(stderr))):
            print(f"  {line}".rstrip())
    sys.stdout.flush()
    _say_end(outcomes)


def _lines(data: bytes) -> list[str]:
    text = harmless(data.decode(errors="surrogateescape"))
    return text.rstrip("\n").split("\n") if text.strip() else []


def _say_end(outcomes: Iterable[Outcome[Completed]]) -> None:
    """Say on standard error what went wrong, nodes with the same fault together."""
    faults: dict[str, HivectlError] = {}
    for outcome in outcomes:
        if outcome.error is not None:
            faults[outcome.node] = outcome.error
        elif outcome.value is not None and outcome.value.rc:
            faults[outcome.node] = HivectlError(f"the command ended with {outcome.value.rc}")
    say_faults(faults)
