"""Hives, for scripts and notebooks: what `hivectl.client.hives` does, without await."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, TextIO, TypeVar

from hivectl.client.calls import check_name
from hivectl.client.face import Face, blocking
from hivectl.client.hives import AsyncAuxHive, AsyncHive, Nodes
from hivectl.client.sync_nodes import Node

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType
    from typing import Unpack

    from hivectl.bitstream.evaluations import Evaluation
    from hivectl.bitstream.face import Wishes
    from hivectl.client.lab import Inventories
    from hivectl.client.nodes import AsyncNode
    from hivectl.client.tables import Table

H = TypeVar("H", bound="AsyncHive | AsyncAuxHive")


class HiveFace(Face[H]):
    """What a hive and an auxiliary hive have in common."""

    def __init__(self, behind: H) -> None:
        self._faces: dict[str, Node] = {}
        super().__init__(behind, owned=True)

    @property
    def nodes(self) -> Sequence[Node]:
        """The nodes, in order."""
        return [self._face(node) for node in self._behind.nodes]

    @property
    def closed(self) -> bool:
        """Whether it was given back."""
        return self._behind.closed

    def __getattr__(self, name: str) -> Node:
        """Return a node by its name."""
        check_name(name)
        return self._face(getattr(self._behind, name))

    def __getitem__(self, name: str) -> Node:
        """Return a node by its name or address; raises KeyError."""
        return self._face(self._behind[name])

    def __contains__(self, name: object) -> bool:
        """Whether a node is in it, by name or address, or itself."""
        return (name.name if isinstance(name, Node) else name) in self._behind

    def __iter__(self) -> Iterator[Node]:
        """Go through the nodes."""
        return iter(self.nodes)

    def __len__(self) -> int:
        """Return how many nodes there are."""
        return len(self._behind)

    def __repr__(self) -> str:
        """Return what it holds."""
        return repr(self._inner)

    def _repr_html_(self) -> str:
        """Return it as a table for notebooks."""
        return self._behind._repr_html_()

    def table(self) -> Table:
        """Return its nodes as a table; asks no node."""
        return self._behind.table()

    run_all = blocking(Nodes.run_all)

    run_all_seq = blocking(Nodes.run_all_seq)

    status = blocking(Nodes.status)

    def evaluate(
        self, files: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], **options: Unpack[Wishes]
    ) -> Iterator[Evaluation]:
        """Measure circuits on the nodes' FPGAs, and return each result as it comes.

        `for one in hive.evaluate("circuits/*.bin", window="1s"): print(one.name, one.board, one.value)`; leaving the
        loop early stops the boards.

        Args:
            files: bitstreams, .bin or .asc, or globs of them; one that is none fails alone.
            **options: as those of `hivectl.aio.Hive.evaluate`.

        Raises:
            InputError: what is asked makes no sense; nothing was measured.
            ReservationLostError: the nodes were lost meanwhile.
        """
        results = self._behind.evaluate(files, **options)

        async def following() -> Evaluation | None:
            return await anext(results, None)

        try:
            while (one := self._call(following())) is not None:
                yield one
        finally:
            self._call(results.aclose())

    close = blocking(Nodes.close)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give them back."""
        self.close()

    def _face(self, node: AsyncNode) -> Node:
        face = self._faces.get(node.name)
        if face is None:
            face = self._faces[node.name] = Node(node.name, _behind=node)
        return face


class Hive(HiveFace[AsyncHive]):
    """Nodes that are held together, all or none, from here until `close`, the end of `with`, or of the process.

    Args:
        nodes: a selector (a hive, a node, `kind=microscope` …), or several names, selectors and addresses.
        quorum: take whichever can be had and connected, at least so many; `accepted` and `rejected` tell which.
        wait: stand in the queue until they are free; or for how long, as `timeout` has it.
        timeout: how long to wait at most: seconds, or "10m".
        duration: how long they are needed at most; absent: until they are given back.
        priority: 1 to 10, 10 first.
        reason: for people.
        inventory: files or folders; absent: HIVECTL_INVENTORY, else ./inventory.
        show: write the quorum panel; absent: if a quorum is asked for.
        stream: where that goes; absent: standard output.

    Raises:
        InputError: the words mean no nodes.
        NotReservedError: they cannot be had; it names who holds which until when, and which do not answer.
        QuorumError: fewer than the quorum can.
    """

    def __init__(  # noqa: PLR0913  as many as there are ways to want nodes
        self,
        nodes: str | Iterable[str],
        *,
        quorum: int | None = None,
        wait: bool | float | str = False,
        timeout: float | str | None = None,
        duration: float | str | None = None,
        priority: int | None = None,
        reason: str = "",
        inventory: Inventories = None,
        show: bool | None = None,
        stream: TextIO | None = None,
    ) -> None:
        behind = AsyncHive(
            nodes,
            quorum=quorum,
            wait=wait,
            timeout=timeout,
            duration=duration,
            priority=priority,
            reason=reason,
            inventory=inventory,
            show=show,
            stream=stream,
        )
        super().__init__(behind)
        self._call(behind.open())

    @property
    def accepted(self) -> tuple[str, ...]:
        """The names of the nodes that it holds."""
        return self._behind.accepted

    @property
    def rejected(self) -> dict[str, str]:
        """Node -> why it could not be had; only with a quorum."""
        return self._behind.rejected

    @property
    def reservation(self) -> str:
        """The id of the reservation that it stands on."""
        return self._behind.reservation

    def __enter__(self) -> Self:
        """Return itself: it is held already."""
        return self


class AuxHive(HiveFace[AsyncAuxHive]):
    """Every node that nobody holds, as it is at each look; using one takes it for the call.

    Args:
        inventory: files or folders; absent: HIVECTL_INVENTORY, else ./inventory.
        reason: for people.
    """

    def __init__(self, *, inventory: Inventories = None, reason: str = "") -> None:
        super().__init__(AsyncAuxHive(inventory=inventory, reason=reason))

    def __enter__(self) -> Self:
        """Return itself."""
        return self
