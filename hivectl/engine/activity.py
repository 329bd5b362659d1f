"""What each node is busy with, for the word on what is waited for."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from hivectl.engine.events import Waiting
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hivectl.engine.events import Event

SHOWN = 5


@record(eq=False, frozen=False)
class _Entry:
    """Something that a node is busy with, and since when."""

    what: str | Callable[[], str]
    since: float


class Activity:
    """Knows what is going on, and says so when nothing has been heard for a while."""

    def __init__(self, emit: Callable[[Event], None], word_after: float) -> None:
        self._emit = emit
        self._word_after = word_after
        self._doing: dict[str, list[_Entry]] = {}
        self._heard = time.monotonic()

    def heard(self) -> None:
        """Say that something has just been told to people."""
        self._heard = time.monotonic()

    @contextlib.contextmanager
    def doing(self, node: str, what: str | Callable[[], str]) -> Iterator[None]:
        """Say what a node is busy with while the block runs; what changes meanwhile is asked for."""
        entry = _Entry(what, time.monotonic())
        entries = self._doing.setdefault(node, [])
        entries.append(entry)
        try:
            yield
        finally:
            entries.remove(entry)

    def now_doing(self, node: str, what: str) -> None:
        """Change what a node is busy with."""
        if entries := self._doing.get(node):
            entries[-1].what, entries[-1].since = what, time.monotonic()

    def lines(self) -> tuple[str, ...]:
        """Return what is going on, the longest first; nodes that do the same share a line."""
        now = time.monotonic()
        groups: dict[str, list[tuple[str, float]]] = {}
        for node, entries in self._doing.items():
            if entries:
                what = entries[-1].what
                text = what if isinstance(what, str) else what()
                groups.setdefault(text, []).append((node, now - entries[-1].since))
        lines = []
        for what, nodes in sorted(groups.items(), key=lambda group: -max(seconds for _, seconds in group[1])):
            names = ", ".join(node for node, _ in nodes[:3]) + (
                f" and {len(nodes) - 3} more" if len(nodes) > 3 else ""
            )
            lines.append(f"{names}: {what} ({max(seconds for _, seconds in nodes):.0f} s)")
        return tuple(lines[:SHOWN])

    async def watch(self) -> None:
        """Emit a word whenever nothing has been heard for `word_after` seconds; runs until cancelled."""
        while True:
            silence = time.monotonic() - self._heard
            if silence >= self._word_after:
                if lines := self.lines():
                    self._emit(Waiting(time=time.time(), what=lines))
                self._heard = time.monotonic()
                silence = 0.0
            await asyncio.sleep(self._word_after - silence)
