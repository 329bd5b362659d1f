"""Runs of a playbook as the engine does them, on nodes that are this machine, with every event and batch recorded."""

from __future__ import annotations

import asyncio
import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hivectl.drivers.registry import find_driver
from hivectl.engine import sessions
from hivectl.engine.events import Message, NodeLost, RunEnded, Status, StepFinished, Waiting
from hivectl.engine.lab import Lab, open_lab
from hivectl.engine.options import RunOptions
from hivectl.engine.run import run_playbook

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator
    from pathlib import Path

    import pytest

    from hivectl.drivers.base import Connection, Target
    from hivectl.engine.events import Event
    from hivectl.helper.operations import Batch, Become, ItemResult


class RecordingConnection:
    """A connection that notes each batch, and may lose itself in the middle of one."""

    def __init__(self, inner: Connection, bench: Bench, node: str) -> None:
        self._inner = inner
        self._bench = bench
        self._node = node

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def operate(self, batch: Batch, become: Become | None = None) -> AsyncGenerator[ItemResult]:
        self._bench.batches.setdefault(self._node, []).append(batch)
        self._bench.before_batch(self._node, batch)
        stream: Any = self._inner.operate(batch, become)
        try:
            async for result in stream:
                yield result
                self._bench.after_result(self._node, result)
        finally:
            await stream.aclose()


class RecordingDriver:
    """A driver whose connections are recorded."""

    def __init__(self, name: str, bench: Bench) -> None:
        self._inner = find_driver(name)
        self._bench = bench

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def connect(self, target: Target) -> Any:
        self._bench.before_connect(target.node)
        return RecordingConnection(await self._inner.connect(target), self._bench, target.node)


@dataclass
class Outcome:
    """One run."""

    ended: RunEnded
    events: list[Event]
    batches: dict[str, list[Batch]] = field(default_factory=dict)

    def steps(self, node: str | None = None) -> list[StepFinished]:
        return [
            event
            for event in self.events
            if isinstance(event, StepFinished) and (node is None or event.node == node)
        ]

    def names(self, node: str, *statuses: str) -> list[str]:
        """The tasks of a node that ended so (any, without statuses), in the order in which they ended."""
        return [
            event.task.name
            for event in self.steps(node)
            if not statuses or event.status in {Status(status) for status in statuses}
        ]

    def statuses(self, node: str) -> dict[str, str]:
        return {event.task.name: str(event.status) for event in self.steps(node)}

    def result(self, task: str, node: str = "n1") -> dict[str, Any]:
        [*_, last] = [event for event in self.steps(node) if event.task.name == task]
        return dict(last.result)

    def message(self, task: str, node: str = "n1") -> Any:
        return self.result(task, node)["msg"]

    def said(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Message)]

    def lost(self) -> dict[str, str]:
        return {event.node: event.reason for event in self.events if isinstance(event, NodeLost)}

    def waited(self) -> list[str]:
        return [line for event in self.events if isinstance(event, Waiting) for line in event.what]

    def count(self, node: str = "n1") -> int:
        """How many batches a node got."""
        return len(self.batches.get(node, []))


class Bench:
    """A lab of nodes that are this machine; `log` is a file that tasks write to, to tell in which order they ran."""

    def __init__(self, folder: Path, nodes: int = 1, more: str = "") -> None:
        self.folder = folder
        self.log = folder / "log"
        self.events: list[Event] = []
        self.batches: dict[str, list[Batch]] = {}
        self.inventory = folder / "lab.yml"
        self.nodes(nodes, more)

    def nodes(self, count: int, more: str = "") -> None:
        self.inventory.write_text(f"version: 1\nnodes:\n  n[1:{count}]: {{driver: local}}\n{more}")

    def before_batch(self, node: str, batch: Batch) -> None:
        """Overridden by tests that inject a fault."""

    def after_result(self, node: str, result: ItemResult) -> None:
        """Overridden by tests that inject a fault."""

    def before_connect(self, node: str) -> None:
        """Overridden by tests that inject a fault."""

    def listener(self, event: Event) -> None:
        """Take an event."""
        self.events.append(event)

    def write(self, text: str, name: str = "play.yml") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    def lab(self) -> Lab:
        return open_lab([self.inventory])

    async def start(self, playbook: str | None, **options: Any) -> RunEnded:
        """Run a playbook; `playbook` is its text."""
        path = None if playbook is None else self.write(playbook)
        chosen: dict[str, Any] = {"extra_variables": {"log": str(self.log)}, **options}
        for name in ("tags", "skip_tags"):
            chosen[name] = frozenset(chosen.get(name, ()))
        return await run_playbook(self.lab(), RunOptions(playbook=path, **chosen), [self.listener])

    def run(self, playbook: str | None, *, seconds: float = 60.0, **options: Any) -> Outcome:
        """Run a playbook to its end; what hangs fails after `seconds`."""
        self.events, self.batches = [], {}

        async def whole() -> RunEnded:
            async with asyncio.timeout(seconds):
                return await self.start(playbook, **options)

        ended = asyncio.run(whole())
        return Outcome(ended, self.events, self.batches)

    def lines(self) -> list[str]:
        """What tasks have written to the log, in order; the log is then empty."""
        lines = self.log.read_text().split("\n")[:-1] if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return lines


def make_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nodes: int = 1, more: str = "") -> Bench:
    """Make a bench with a home of its own, whose connections are recorded."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    bench = Bench(tmp_path, nodes, more)
    monkeypatch.setattr(sessions, "find_driver", lambda name: RecordingDriver(name, bench))
    return bench


def benches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Yield one."""
    yield make_bench(tmp_path, monkeypatch)
