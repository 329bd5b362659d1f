"""How far each node has come, and waiting for others: barriers, `run_once`, `hostvars` of another node."""

from __future__ import annotations

import asyncio
from dataclasses import field
from typing import TYPE_CHECKING, TypeAlias

from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Iterable

FINISHED = (1 << 60,)

Order: TypeAlias = tuple[int, ...]


@record(frozen=False)
class _Gate:
    """Opens when the nodes that are still behind have come as far."""

    behind: int
    open: asyncio.Event = field(default_factory=asyncio.Event)


class Positions:
    """The task that each node is about to do, by its place, which only ever grows."""

    def __init__(self, nodes: Iterable[str], start: Order) -> None:
        self._position = dict.fromkeys(nodes, start)
        self._gates: dict[Order, _Gate] = {}
        self._node_gates: dict[tuple[str, Order], _Gate] = {}

    def of(self, node: str) -> Order:
        """Return the task that a node is about to do; FINISHED for one that takes no part."""
        return self._position.get(node, FINISHED)

    def advance(self, node: str, order: Order) -> None:
        """Say that everything of a node before task `order` is done."""
        before = self._position[node]
        if order <= before:
            return
        self._position[node] = order
        for target in [target for target in self._gates if before < target <= order]:
            gate = self._gates[target]
            gate.behind -= 1
            if gate.behind == 0:
                gate.open.set()
                del self._gates[target]
        for key in [key for key in self._node_gates if key[0] == node and key[1] <= order]:
            self._node_gates.pop(key).open.set()

    def finish(self, node: str) -> None:
        """Say that a node takes no further part."""
        self.advance(node, FINISHED)

    async def all_reached(self, order: Order) -> None:
        """Return when every node has done everything before task `order`."""
        behind = len(self.behind(order))
        if behind:
            await self._gates.setdefault(order, _Gate(behind)).open.wait()

    async def reached(self, node: str, order: Order) -> None:
        """Return when one node has done everything before task `order`."""
        if self.of(node) < order:
            await self._node_gates.setdefault((node, order), _Gate(1)).open.wait()

    def behind(self, order: Order) -> tuple[str, ...]:
        """Return the nodes that have not come as far as task `order`."""
        return tuple(node for node, position in self._position.items() if position < order)
