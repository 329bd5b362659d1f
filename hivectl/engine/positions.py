"""How far each node has come, and waiting for others: barriers, `run_once`, `hostvars` of another node."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

FINISHED = 1 << 60


@dataclass(slots=True)
class _Gate:
    """Opens when the nodes that are still behind have come as far."""

    behind: int
    open: asyncio.Event = field(default_factory=asyncio.Event)


class Positions:
    """The task that each node is about to do, by its number, which only ever grows."""

    def __init__(self, nodes: Iterable[str], start: int) -> None:
        self._position = dict.fromkeys(nodes, start)
        self._gates: dict[int, _Gate] = {}
        self._node_gates: dict[tuple[str, int], _Gate] = {}

    def of(self, node: str) -> int:
        """Return the task that a node is about to do; FINISHED for one that takes no part."""
        return self._position.get(node, FINISHED)

    def advance(self, node: str, number: int) -> None:
        """Say that everything of a node before task `number` is done."""
        before = self._position[node]
        if number <= before:
            return
        self._position[node] = number
        for target in [target for target in self._gates if before < target <= number]:
            gate = self._gates[target]
            gate.behind -= 1
            if gate.behind == 0:
                gate.open.set()
                del self._gates[target]
        for key in [key for key in self._node_gates if key[0] == node and key[1] <= number]:
            self._node_gates.pop(key).open.set()

    def finish(self, node: str) -> None:
        """Say that a node takes no further part."""
        self.advance(node, FINISHED)

    async def all_reached(self, number: int) -> None:
        """Return when every node has done everything before task `number`."""
        behind = len(self.behind(number))
        if behind:
            await self._gates.setdefault(number, _Gate(behind)).open.wait()

    async def reached(self, node: str, number: int) -> None:
        """Return when one node has done everything before task `number`."""
        if self.of(node) < number:
            await self._node_gates.setdefault((node, number), _Gate(1)).open.wait()

    def behind(self, number: int) -> tuple[str, ...]:
        """Return the nodes that have not come as far as task `number`."""
        return tuple(node for node, position in self._position.items() if position < number)
