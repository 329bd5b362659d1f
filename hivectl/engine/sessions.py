"""The run's ways to its nodes: made when they are first needed, closed side by side."""

from __future__ import annotations

import asyncio
import shlex
from functools import partial
from typing import TYPE_CHECKING, Any

from hivectl.drivers.base import Capability, Command, Stream, StreamAddress, Target
from hivectl.drivers.registry import find_driver
from hivectl.drivers.session import Candidate, NodeSession
from hivectl.engine.plan import LOCALHOST
from hivectl.model.errors import HivectlError, InputError
from hivectl.model.inventory import connection_attributes, power_attributes
from hivectl.model.node_errors import NodeSettingsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from hivectl.drivers.base import Completed
    from hivectl.engine.lab import Lab
    from hivectl.flash.base import Plug
    from hivectl.model.inventory import ConnectionEntry
    from hivectl.power.base import Power
    from hivectl.virtual.registry import VirtualDevice

CLOSE_SECONDS = 10.0


class Sessions:
    """Node -> session, for one command.

    Args:
        lab: the nodes' lab.
        recover: brings a board back that does not answer; None: nobody's power is touched.
    """

    def __init__(self, lab: Lab, recover: Callable[[str], Awaitable[None]] | None = None) -> None:
        self._lab = lab
        self._recover = recover
        self._sessions: dict[str, NodeSession] = {}
        # of nodes whose virtual devices are being started
        self._starting: dict[str, asyncio.Task[NodeSession]] = {}
        self._virtual: dict[str, VirtualDevice] = {}

    async def of(self, node: str) -> NodeSession:
        """Return a node's session, its virtual device started; no connection is opened yet."""
        if (session := self._sessions.get(node)) is not None:
            return session
        found = self._lab.inventory.nodes.get(node)
        if found is None or all(entry.virtual is None for entry in found.connections):
            session = self._sessions[node] = self._made(node, {})
            return session
        task = self._starting.get(node)
        if task is None:
            task = self._starting[node] = asyncio.ensure_future(self._make(node))
        return await asyncio.shield(task)

    async def _make(self, node: str) -> NodeSession:
        """Start a node's virtual devices, and make its session."""
        started: dict[str, tuple[Mapping[str, Any], str | None]] = {}
        for entry in self._lab.inventory.nodes[node].connections:
            if entry.virtual is not None:
                device = await self._start(node, entry)
                overrides = await device.reach(entry.driver, origin=entry.origin)
                started[entry.name] = overrides, device.refusal
        session = self._sessions[node] = self._made(node, started)
        return session

    def _made(self, node: str, started: Mapping[str, tuple[Mapping[str, Any], str | None]]) -> NodeSession:
        """Return a node's session; `started`: connection -> its virtual device's attributes, and its refusal."""
        if node == LOCALHOST and node not in self._lab.inventory.nodes:
            driver = find_driver("local")
            target = Target(
                node=node, connection="local", attributes=driver.attributes(), state=self._lab.state
            )
            return NodeSession(node, [Candidate(driver=driver, target=target)])
        if node not in self._lab.inventory.nodes:
            raise InputError(f"there is no node {node} in the inventory")
        candidates = [
            self._candidate(node, entry, *started.get(entry.name, ({}, None)))
            for entry in self._lab.inventory.nodes[node].connections
        ]
        found = self._lab.inventory.nodes[node]
        if self._recover is None or found.power is None or found.board is None:
            # a computer without power loses what it was writing: that is for people to decide
            return NodeSession(node, candidates)
        return NodeSession(node, candidates, recover=partial(self._recover, node))

    def _candidate(
        self, node: str, entry: ConnectionEntry, overrides: Mapping[str, Any], refusal: str | None
    ) -> Candidate:
        inventory = self._lab.inventory
        driver = find_driver(entry.driver)
        try:
            attributes = connection_attributes(
                inventory, inventory.nodes[node], entry, driver.attributes, overrides=overrides
            )
        except InputError as error:
            raise NodeSettingsError(error.message, origin=error.origin, hint=error.hint) from error
        target = Target(
            node=node,
            connection=entry.name,
            attributes=attributes,
            state=self._lab.state,
            open_stream=self._through(entry.on) if entry.on else None,
        )
        return Candidate(driver=driver, target=target, refusal=refusal)

    def _through(self, node: str) -> Callable[[StreamAddress], Awaitable[Stream]]:
        async def open_stream(address: StreamAddress) -> Stream:
            return await (await self.of(node)).open_stream(address)

        return open_stream

    def power(self, node: str) -> Power:
        """Return a node's power; raises NoPowerError where the inventory says nothing of it."""
        from hivectl.power.base import NoPowerError
        from hivectl.power.control import NodePower
        from hivectl.power.registry import find_backend

        inventory = self._lab.inventory
        entry = inventory.nodes[node].power if node in inventory.nodes else None
        if entry is None:
            raise NoPowerError(
                "the inventory does not say how its power is switched",
                node=node,
                hint="write `power: {backend: ...}` at the node; `hivectl drivers` lists the backends",
            )
        backend = find_backend(entry.backend)
        attributes = power_attributes(inventory, inventory.nodes[node], entry, backend.attributes)
        return NodePower(node, backend, attributes, self)

    def board(self, node: str) -> str | None:
        """Return what kind of board a node is, by the name of its profile; None where the inventory does not say."""
        found = self._lab.inventory.nodes.get(node)
        if found is None:
            return None
        return found.board or next((entry.virtual for entry in found.connections if entry.virtual), None)

    async def plug(self, node: str) -> Plug:
        """Return where a node's board is plugged in.

        Raises:
            NoPlaceError: the inventory says nothing of its board, or it is plugged in elsewhere.
            UnknownBoardError: there is no such board.
        """
        from hivectl.engine.plugs import plug_of

        return await plug_of(self._lab, node, self._start)

    async def run(self, argv: Sequence[str], *, on: str | None, seconds: float) -> Completed:
        """Run a program on a node, or here: `hivectl.power.base.Reach`."""
        connection = await (await self.of(on or LOCALHOST)).connection(Capability.RUN)
        return await connection.run(Command(command=shlex.join(argv), timeout=seconds))

    async def _start(self, node: str, entry: ConnectionEntry) -> VirtualDevice:
        from hivectl.virtual.registry import start_virtual

        if node not in self._virtual:
            assert entry.virtual is not None
            folder = self._lab.state / "virtual" / node
            nodes = self._lab.inventory.nodes
            ways = nodes[node].connections
            # each has its own, which is the same in every run
            virtual = [name for name in nodes if any(way.virtual for way in nodes[name].connections)]
            self._virtual[node] = await start_virtual(
                entry.virtual,
                node,
                folder,
                origin=entry.origin,
                drivers=[way.driver for way in ways if way.virtual is not None],
                hub_port=f"1-{1 + virtual.index(node)}",
            )
        return self._virtual[node]

    def opened(self) -> list[tuple[str, NodeSession]]:
        """Return the sessions that were made."""
        return list(self._sessions.items())

    async def close(self) -> None:
        """Close every connection side by side, then end the virtual devices."""
        for task in self._starting.values():
            if not task.done():
                task.cancel()
        await asyncio.gather(*self._starting.values(), return_exceptions=True)
        faults = await asyncio.gather(
            *(_close(session) for _, session in self.opened() if session.used), return_exceptions=True
        )
        faults += await asyncio.gather(
            *(device.close() for device in self._virtual.values()), return_exceptions=True
        )
        for fault in faults:
            # a connection that cannot be closed is gone anyway; anything else is a fault of ours
            if isinstance(fault, BaseException) and not isinstance(
                fault, HivectlError | OSError | TimeoutError
            ):
                raise fault


async def _close(session: NodeSession) -> None:
    async with asyncio.timeout(CLOSE_SECONDS):
        await session.close()
