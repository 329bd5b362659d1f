"""Hives, asynchronously: nodes that are taken together, and those that nobody has taken."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, Self, TextIO

from hivectl.client.calls import check_name
from hivectl.client.errors import BusyError, ClosedError, HeldError, NotReservedError, QuorumError
from hivectl.client.kinds import is_board
from hivectl.client.lab import by_address, chosen, free_nodes, open_reach
from hivectl.client.nodes import AsyncNode
from hivectl.client.results import Results
from hivectl.client.tables import Table, quorum_panel
from hivectl.model.errors import HivectlError, InputError
from hivectl.model.suggestions import nearest
from hivectl.reservations.base import UnavailableError, described

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
    from types import TracebackType
    from typing import Unpack

    from hivectl.bitstream.evaluations import Evaluation
    from hivectl.bitstream.face import Wishes
    from hivectl.client.lab import Inventories
    from hivectl.client.output import Output
    from hivectl.client.reach import Reach
    from hivectl.reservations.base import Holder

__all__ = ["AsyncAuxHive", "AsyncHive"]

# seconds for a node to connect, when a quorum is asked for: one that does not answer is rejected
CONNECTING = 20.0
STATUS_SECONDS = 20.0


class Nodes:
    """What hives have in common: their nodes by name, attribute and address, and what is done on all of them."""

    _reach: Reach
    _made: dict[str, AsyncNode]

    @property
    def closed(self) -> bool:
        """Whether it was given back."""
        return self._reach.closed

    def _names(self) -> Sequence[str]:
        raise NotImplementedError

    def _node(self, name: str) -> AsyncNode:
        raise NotImplementedError

    @property
    def nodes(self) -> Sequence[AsyncNode]:
        """The nodes, in order."""
        return [self._node(name) for name in self._names()]

    def __getattr__(self, name: str) -> AsyncNode:
        """Return a node by its name."""
        check_name(name)
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(error.args[0]) from None

    def __getitem__(self, name: str) -> AsyncNode:
        """Return a node by its name or address; raises KeyError."""
        names = self._names()
        if name in names:
            return self._node(name)
        at = by_address(self._reach.lab, name)
        if at in names:
            assert at is not None
            return self._node(at)
        raise KeyError(self._why_not(name, names))

    def _why_not(self, name: str, names: Sequence[str]) -> str:
        best = nearest(name, names)
        hint = f", did you mean {best}?" if best else ""
        return f"{name} is not in this hive{hint}; it has: {', '.join(names[:20]) or 'nothing'}"

    def __contains__(self, name: object) -> bool:
        """Whether a node is in it, by name or address, or itself."""
        if isinstance(name, AsyncNode):
            name = name.name
        if not isinstance(name, str):
            return False
        names = self._names()
        return name in names or by_address(self._reach.lab, name) in names

    def __iter__(self) -> Iterator[AsyncNode]:
        """Go through the nodes."""
        return iter(self.nodes)

    def __len__(self) -> int:
        """Return how many nodes there are."""
        return len(self._names())

    async def run_all(
        self, command: str, *, timeout: float | None = None, check: bool = False, new_shell: bool = False
    ) -> Results:
        """Run a command on every node side by side; no node waits for another.

        Args:
            command: for the default shell of each.
            timeout: seconds on each.
            check: raise RunAllError unless all did it.
            new_shell: in a new shell of each, as `exec`.
        """
        return await self._on_all(_runs(command, timeout, new_shell=new_shell), check=check)

    async def run_all_seq(
        self,
        command: str,
        delay: float = 0.0,
        *,
        timeout: float | None = None,
        check: bool = False,
        new_shell: bool = False,
    ) -> Results:
        """Run a command on one node after the other.

        Args:
            command: for the default shell of each.
            delay: seconds between the end on one node and the beginning on the next.
            timeout: seconds on each.
            check: raise RunAllError unless all did it.
            new_shell: in a new shell of each, as `exec`.
        """
        work = _runs(command, timeout, new_shell=new_shell)
        outputs: dict[str, Output] = {}
        errors: dict[str, HivectlError] = {}
        for number, node in enumerate(self.nodes):
            if number and delay > 0:
                await asyncio.sleep(delay)
            try:
                outputs[node.name] = await work(node)
            except HivectlError as error:
                errors[node.name] = error
        results = Results(outputs, errors)
        return results.check() if check else results

    def evaluate(
        self, files: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], **options: Unpack[Wishes]
    ) -> AsyncGenerator[Evaluation]:
        """Measure circuits on the nodes' FPGAs, and return each result as it comes.

        `async for one in hive.evaluate("circuits/*.bin", window="1s"): print(one.name, one.board, one.value)`

        Args:
            files: bitstreams, .bin or .asc, or globs of them; one that is none fails alone.
            **options: `measure`, `window` (seconds, or "100ms") or `cycles`, `samples`, `rate`, `repeats`, `each` (each
                circuit on every node, not on whichever is free), `boards` (file or glob -> nodes), `expect` (file or
                glob -> value), `tolerance`, `cache`, `protocol`, `firmware`, `patience`: as the module `evaluate`.

        Raises:
            InputError: what is asked makes no sense; nothing was measured.
            ReservationLostError: the nodes were lost meanwhile.
        """
        from hivectl.client.evaluating import evaluate

        return evaluate(self._reach, tuple(self._names()), files, options)

    async def status(self) -> Table:
        """Ask every node for its host name and uptime; returns a table with who holds it."""

        async def look(node: AsyncNode) -> Output:
            return await node.exec(node.status_command, timeout=STATUS_SECONDS)

        answers = await self._on_all(look, check=False)
        lab = self._reach.lab
        holders = await asyncio.to_thread(self._reach.reservations.holders, tuple(self._names()))
        rows = [
            self._row(name, lab.inventory.nodes[name].driver, answers, holders.get(name))
            for name in answers.keys() | answers.errors.keys()
        ]
        order = {name: place for place, name in enumerate(self._names())}
        rows.sort(key=lambda row: order.get(row["node"], 0))
        return Table(("node", "driver", "state", "host", "uptime", "holder", "reason"), rows)

    @staticmethod
    def _row(name: str, driver: str, answers: Results, holder: Holder | None) -> dict[str, Any]:
        row: dict[str, Any] = {"node": name, "driver": driver}
        error = answers.errors.get(name)
        if isinstance(error, BusyError):
            row |= {"state": "busy", "host": "", "uptime": f"{error.program} runs"}
        elif error is not None:
            row |= {"state": "error", "host": "", "uptime": str(error)}
        else:
            host, _, uptime = answers[name].strip().partition("\n")
            row |= {"state": "ok" if answers[name].ok else "failed", "host": host, "uptime": uptime.strip()}
        return row | {"holder": holder.owner if holder else None, "reason": holder.reason if holder else None}

    async def close(self) -> None:
        """Give the nodes back; programs and shells that run on them go on. Calling it again does nothing."""
        await asyncio.gather(*(node.close() for node in self._made.values()), return_exceptions=True)
        await self._reach.close()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give them back."""
        await self.close()

    async def _on_all(self, work: Callable[[AsyncNode], Awaitable[Output]], *, check: bool) -> Results:
        outputs: dict[str, Output] = {}
        errors: dict[str, HivectlError] = {}

        async def one(node: AsyncNode) -> None:
            try:
                outputs[node.name] = await work(node)
            except HivectlError as error:
                errors[node.name] = error

        nodes = self.nodes
        async with asyncio.TaskGroup() as group:
            for node in nodes:
                group.create_task(one(node))
        order = [node.name for node in nodes]
        results = Results(
            {name: outputs[name] for name in order if name in outputs},
            {name: errors[name] for name in order if name in errors},
        )
        return results.check() if check else results


def _runs(
    command: str, timeout: float | None, *, new_shell: bool
) -> Callable[[AsyncNode], Awaitable[Output]]:
    async def run(node: AsyncNode) -> Output:
        way = node.exec if new_shell else node.defshell
        return await way(command, timeout=timeout)

    return run


class AsyncHive(Nodes):
    """Nodes that are held together, all or none: `async with Hive("hive1") as hive`.

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
        words = nodes if isinstance(nodes, str) else list(nodes)
        title = words if isinstance(words, str) else ", ".join(map(str, words))
        self._title = title
        self._reach = open_reach(
            inventory,
            reason=reason or f"Hive {title[:60]}",
            wait=wait,
            timeout=timeout,
            duration=duration,
            priority=priority,
        )
        self._wanted = chosen(self._reach.lab, words)
        if quorum is not None and not 1 <= quorum <= len(self._wanted):
            raise InputError(f"a quorum of {quorum} of {len(self._wanted)} nodes cannot be")
        self._quorum = quorum
        self._show = quorum is not None if show is None else show
        self._stream = stream
        self._rejected: dict[str, str] = {}
        self._made: dict[str, AsyncNode] = {}

    @property
    def accepted(self) -> tuple[str, ...]:
        """The names of the nodes that it holds."""
        return tuple(self._made)

    @property
    def rejected(self) -> dict[str, str]:
        """Node -> why it could not be had; only with a quorum."""
        return dict(self._rejected)

    @property
    def reservation(self) -> str:
        """The id of the reservation that it stands on."""
        return self._reach.grant.reservation if self._reach.grant else ""

    def _names(self) -> Sequence[str]:
        return tuple(self._made)

    def _node(self, name: str) -> AsyncNode:
        return self._made[name]

    def _why_not(self, name: str, names: Sequence[str]) -> str:
        if name in self._rejected:
            return f"{name} was rejected: {self._rejected[name]}"
        return super()._why_not(name, names)

    def __repr__(self) -> str:
        """Return what it holds."""
        state = "closed" if self.closed else self.reservation or "not taken"
        rejected = f", rejected {', '.join(self._rejected)}" if self._rejected else ""
        return f"<Hive {self._title}: {', '.join(self._made) or 'no nodes'} ({state}){rejected}>"

    def _repr_html_(self) -> str:
        """Return it as a table for notebooks."""
        return self.table()._repr_html_()

    def table(self) -> Table:
        """Return its nodes as a table; asks no node."""
        lab = self._reach.lab
        rows = [
            {
                "node": name,
                "driver": lab.inventory.nodes[name].driver,
                "state": self._rejected.get(name) or ("closed" if self.closed else "held"),
                "reservation": None if name in self._rejected else self.reservation,
            }
            for name in (*self._made, *self._rejected)
        ]
        return Table(("node", "driver", "state", "reservation"), rows)

    async def open(self) -> AsyncHive:
        """Take the nodes; returns itself.

        Raises:
            NotReservedError: they cannot be had; it names who holds which until when.
            QuorumError: fewer than the quorum can.
        """
        if self.closed:
            raise ClosedError("the hive was given back already", hint="make a new one")
        if self._reach.grant is not None:
            return self
        try:
            if self._quorum is None:
                await self._take()
                names: Sequence[str] = self._wanted
            else:
                names = await self._gather(self._quorum)
        except BaseException:
            await asyncio.shield(self._reach.close())
            raise
        self._made = {name: AsyncNode(name, _reach=self._reach) for name in names}
        if self._show:
            self._write_panel()
        return self

    async def _take(self) -> None:
        """Take all nodes, and see that they are there and know who holds them."""
        await self._reach.take(self._wanted)
        lab = self._reach.lab
        # to connect to a board interrupts its program; virtual nodes are started by whoever uses them
        silent = await self._silent(
            name
            for name in self._wanted
            if not is_board(lab, name)
            and not any(one.virtual for one in lab.inventory.nodes[name].connections)
        )
        if silent:
            raise UnavailableError(
                {name: f"is offline: {why}" for name, why in silent.items()},
                hint=f"take those that answer: Hive(..., quorum={max(1, len(self._wanted) - len(silent))}), or leave them out",
            )

    def _write_panel(self) -> None:
        stream = self._stream or sys.stdout
        if stream is not None:
            stream.write(quorum_panel(self.accepted, self._rejected, self._quorum) + "\n")
            stream.flush()

    async def _gather(self, quorum: int) -> Sequence[str]:
        """Take what can be had, connect to all of it, and give back what does not answer."""
        left = list(self._wanted)
        while left:
            try:
                await self._reach.take(left)
                break
            except HeldError as error:
                # whose node it is stands beside it
                refused = {
                    holder.node: described(holder).removeprefix(f"{holder.node} ") for holder in error.holders
                }
            except UnavailableError as error:
                refused = dict(error.reasons)
            except NotReservedError as error:
                refused = dict.fromkeys(left, error.message)
            # what names no node of ours concerns them all, or this would go on for ever
            if not refused.keys() & set(left):
                refused = dict.fromkeys(left, next(iter(refused.values()), "not to be had"))
            self._rejected |= {name: refused[name] for name in left if name in refused}
            left = [name for name in left if name not in refused]
            if len(left) < quorum:
                break
        if len(left) >= quorum:
            silent = await self._silent(left)
            self._rejected |= silent
            left = [name for name in left if name not in silent]
            if silent and len(left) >= quorum:
                await self._reach.leave(tuple(silent))
        self._rejected = {name: self._rejected[name] for name in self._wanted if name in self._rejected}
        if len(left) < quorum:
            raise QuorumError(left, self._rejected, quorum)
        return left

    async def _silent(self, names: Iterable[str]) -> dict[str, str]:
        """Connect to nodes side by side; returns those that do not answer, with why. The lab remembers them as seen."""
        found: dict[str, str] = {}
        there: list[str] = []

        async def one(name: str) -> None:
            try:
                async with asyncio.timeout(CONNECTING):
                    await AsyncNode(name, _reach=self._reach).connect()
                there.append(name)
            except TimeoutError:
                found[name] = f"did not answer within {CONNECTING:g} s"
            except HivectlError as error:
                found[name] = error.message

        async with asyncio.TaskGroup() as group:
            for name in names:
                group.create_task(one(name))
        await self._reach.saw({**dict.fromkeys(there, ""), **found})
        return found

    async def __aenter__(self) -> Self:
        """Take the nodes."""
        await self.open()
        return self


class AsyncAuxHive(Nodes):
    """Every node that nobody holds, as it is at each look; using one takes it for the call.

    Args:
        inventory: files or folders; absent: HIVECTL_INVENTORY, else ./inventory.
        reason: for people.
    """

    def __init__(self, *, inventory: Inventories = None, reason: str = "") -> None:
        self._reach = open_reach(
            inventory, reason=reason or "AuxHive", wait=False, timeout=None, duration=None, priority=None
        )
        self._made: dict[str, AsyncNode] = {}

    def _names(self) -> Sequence[str]:
        ours = self._reach.borrowed()
        free = set(free_nodes(self._reach.lab)) | ours
        return [name for name in self._reach.lab.inventory.nodes if name in free]

    def _node(self, name: str) -> AsyncNode:
        if name not in self._made:
            self._made[name] = AsyncNode(name, _reach=self._reach)
        return self._made[name]

    def __getitem__(self, name: str) -> AsyncNode:
        """Return a free node by its name or address; raises HeldError when somebody holds it, KeyError."""
        try:
            return super().__getitem__(name)
        except KeyError:
            lab = self._reach.lab
            node = name if name in lab.inventory.nodes else by_address(lab, name)
            holder = self._reach.reservations.holders([node]).get(node) if node else None
            if holder is None:
                raise
            raise HeldError([holder], hint="it is in no auxiliary hive before it is given back") from None

    def __repr__(self) -> str:
        """Return what is free now."""
        names = ", ".join(self._names())
        return f"<AuxHive: {names or 'no node is free'}>"

    def _repr_html_(self) -> str:
        """Return it as a table for notebooks."""
        return self.table()._repr_html_()

    def table(self) -> Table:
        """Return the free nodes as a table; asks no node."""
        nodes = self._reach.lab.inventory.nodes
        rows = [{"node": name, "driver": nodes[name].driver, "state": "free"} for name in self._names()]
        return Table(("node", "driver", "state"), rows)

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self
