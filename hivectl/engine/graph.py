"""A directed acyclic graph of anything that can be a dictionary key; it knows nothing of nodes or tasks."""

from __future__ import annotations

from collections import deque
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

Vertex = TypeVar("Vertex", bound="Hashable")


class CycleFoundError(ValueError, Generic[Vertex]):
    """The graph has a cycle: `vertices` in order, the first one repeated at the end."""

    def __init__(self, vertices: tuple[Vertex, ...]) -> None:
        super().__init__(" -> ".join(str(vertex) for vertex in vertices))
        self.vertices = vertices


class Graph(Generic[Vertex]):
    """Vertices in the order in which they were added, and edges from what comes first to what waits for it."""

    def __init__(self) -> None:
        self._successors: dict[Vertex, dict[Vertex, None]] = {}
        self._predecessors: dict[Vertex, dict[Vertex, None]] = {}

    def add(self, vertex: Vertex) -> None:
        """Add a vertex; adding it again does nothing."""
        self._successors.setdefault(vertex, {})
        self._predecessors.setdefault(vertex, {})

    def connect(self, first: Vertex, then: Vertex) -> None:
        """Let `then` wait for `first`; both are added where they are missing."""
        self.add(first)
        self.add(then)
        self._successors[first][then] = None
        self._predecessors[then][first] = None

    def __iter__(self) -> Iterator[Vertex]:
        return iter(self._successors)

    def __len__(self) -> int:
        return len(self._successors)

    def __contains__(self, vertex: object) -> bool:
        return vertex in self._successors

    def edges(self) -> Iterator[tuple[Vertex, Vertex]]:
        """Yield every edge once."""
        for first, then in self._successors.items():
            for vertex in then:
                yield first, vertex

    def predecessors(self, vertex: Vertex) -> tuple[Vertex, ...]:
        """Return what `vertex` waits for directly."""
        return tuple(self._predecessors[vertex])

    def successors(self, vertex: Vertex) -> tuple[Vertex, ...]:
        """Return what waits for `vertex` directly."""
        return tuple(self._successors[vertex])

    def downstream(self, vertices: Iterable[Vertex]) -> tuple[Vertex, ...]:
        """Return everything that waits for any of `vertices`, however far, nearest first."""
        return self._reach(vertices, self._successors)

    def upstream(self, vertices: Iterable[Vertex]) -> tuple[Vertex, ...]:
        """Return everything that any of `vertices` waits for, however far, nearest first."""
        return self._reach(vertices, self._predecessors)

    @staticmethod
    def _reach(vertices: Iterable[Vertex], step: dict[Vertex, dict[Vertex, None]]) -> tuple[Vertex, ...]:
        start = list(vertices)
        seen: dict[Vertex, None] = {}
        queue = deque(start)
        while queue:
            for following in step[queue.popleft()]:
                if following not in seen:
                    seen[following] = None
                    queue.append(following)
        return tuple(seen)

    def order(self) -> tuple[Vertex, ...]:
        """Return all vertices, each after everything it waits for.

        Raises:
            CycleFoundError: when there is no such order.
        """
        try:
            return tuple(TopologicalSorter(self._predecessors).static_order())
        except CycleError as error:
            # graphlib lists each vertex before the one that waits for it
            raise CycleFoundError(tuple(error.args[1])) from None

    def generations(self) -> tuple[tuple[Vertex, ...], ...]:
        """Return the vertices in layers: each waits only for earlier layers.

        Raises:
            CycleFoundError: when the graph has a cycle.
        """
        depth: dict[Vertex, int] = {}
        for vertex in self.order():
            depth[vertex] = 1 + max((depth[first] for first in self._predecessors[vertex]), default=-1)
        layers: list[list[Vertex]] = [[] for _ in range(1 + max(depth.values(), default=-1))]
        for vertex in self._successors:
            layers[depth[vertex]].append(vertex)
        return tuple(tuple(layer) for layer in layers)
