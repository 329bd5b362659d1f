"""A node and its ways: the first connection that can, kept open, opened again when it broke."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

from hivectl.drivers.errors import (
    AddressError,
    CapabilityError,
    ConnectionLostError,
    ConnectTimeoutError,
    HostKeyError,
    NodeError,
    UnreachableError,
)
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from hivectl.drivers.base import Capability, Connection, Driver, Stream, StreamAddress, Target

FIRST_DELAY = 0.25
LONGEST_DELAY = 10.0
RECONNECT_DEADLINE = 300.0
# seconds for a board whose power was switched to be there again
RECOVERY_DEADLINE = 60.0
# a board that hangs accepts nothing, says nothing or breaks off; one that refuses a login is well
RECOVERABLE = (AddressError, ConnectTimeoutError, ConnectionLostError)
# seconds that a way which failed is left alone, while one that comes after it is open and will do
LEFT_ALONE = 60.0


@record
class Candidate:
    """One way to a node.

    Attributes:
        driver: how.
        target: where it shall connect to.
        refusal: why this way does less than its driver can, and what helps; None where nothing is known.
    """

    driver: Driver
    target: Target
    refusal: str | None = None


@record
class Failed:
    """A way that could not be opened.

    Attributes:
        name: of the connection.
        driver: by name.
        error: why.
    """

    name: str
    driver: str
    error: UnreachableError


class NodeSession:
    """Everything that is open to one node.

    Args:
        node: the node's name.
        candidates: its connections, in the order in which they are tried.
        jitter: gives a number from 0 to 1, so that a hundred nodes do not come back in the same instant.
        recover: brings a node back that does not answer, by its power; asked once, then the node is waited for.
    """

    def __init__(
        self,
        node: str,
        candidates: Sequence[Candidate],
        *,
        jitter: Callable[[], float] = random.random,
        recover: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.node = node
        self._candidates = tuple(candidates)
        self._open: dict[int, Connection] = {}
        # one for each candidate: a slow way does not hold up those who need another one that is open
        self._locks = [asyncio.Lock() for _ in self._candidates]
        self._jitter = jitter
        self._recover = recover
        # candidate -> when it could not be opened
        self._failed: dict[int, float] = {}
        self._errors: dict[int, UnreachableError] = {}
        self._reached = False

    @property
    def reached(self) -> bool:
        """Whether it has ever been connected: a node that was there is waited for when it is not."""
        return self._reached

    @property
    def python(self) -> str:
        """The interpreter that the inventory names for the way that is open; python3 where it says nothing."""
        targets = (self._candidates[index].target for index in sorted(self._open))
        return next(
            (str(one.attributes.python) for one in targets if hasattr(one.attributes, "python")), "python3"
        )

    @property
    def used(self) -> bool:
        """Whether there is anything to close."""
        return bool(self._open)

    async def connection(self, *needed: Capability) -> Connection:
        """Return the first connection that can do all of `needed`, opening it when it is not open.

        Raises:
            CapabilityError: no connection of the node could ever do that.
            UnreachableError: none that could can be opened; its leaf, if all failed for the same cause.
        """
        if len(self._candidates) > 1 and (repl := self._open_repl(needed)) is not None:
            return repl
        reasons: list[tuple[Candidate, NodeError]] = []
        for index, candidate in enumerate(self._candidates):
            lacking = self._lacking(candidate, candidate.driver.capabilities, needed)
            if lacking is not None:
                reasons.append((candidate, lacking))
                continue
            if self._failed and (other := self._instead(index, needed)) is not None:
                return other
            try:
                connection = await self._opened(index)
            except UnreachableError as error:
                self._failed[index] = time.monotonic()
                self._errors[index] = error
                reasons.append((candidate, error))
                continue
            lacking = self._lacking(candidate, connection.capabilities, needed)
            if lacking is None:
                return connection
            reasons.append((candidate, lacking))
        failure = self._failure(reasons)
        if self._recover is None or not isinstance(failure, RECOVERABLE):
            raise failure
        recover, self._recover = self._recover, None
        await recover()
        return await self.reconnect(*needed, deadline=RECOVERY_DEADLINE)

    async def reconnect(self, *needed: Capability, deadline: float = RECONNECT_DEADLINE) -> Connection:
        """Drop what is open and connect again, as often as it takes: the node is coming back.

        A changed host key ends it at once; a refused login does not, since hosts refuse logins while they boot.

        Args:
            needed: what the connection must be able to do.
            deadline: seconds after which the last failure is raised.

        Raises:
            CapabilityError, UnreachableError: as `connection`, when the time is up.
        """
        end = time.monotonic() + deadline
        await self.close()
        delay = FIRST_DELAY
        while True:
            try:
                return await self.connection(*needed)
            except HostKeyError:
                raise
            except UnreachableError:
                # between half the delay and all of it
                pause = delay * (1 + self._jitter()) / 2
                if time.monotonic() + pause >= end:
                    raise
                await asyncio.sleep(pause)
                delay = min(2 * delay, LONGEST_DELAY)

    async def open_terminal(self) -> Stream:
        """Open a board's own terminal for a person, by the first way that can; nothing is typed, nothing interrupted.

        Raises:
            CapabilityError: no way to the node leads to a board's terminal.
            UnreachableError, StreamError: none that could can be opened.
        """
        await self.close()
        reasons: list[tuple[Candidate, NodeError]] = []
        for candidate in self._candidates:
            open_terminal = getattr(candidate.driver, "open_terminal", None)
            if open_terminal is None:
                said = f"{candidate.target.connection} ({candidate.driver.name}) has no terminal for people"
                reasons.append((candidate, CapabilityError(said, node=self.node)))
                continue
            try:
                found: Stream = await open_terminal(candidate.target)
            except UnreachableError as error:
                reasons.append((candidate, error))
                continue
            return found
        raise self._failure(reasons)

    async def open_stream(self, address: StreamAddress) -> Stream:
        """Open a serial port of this node: what `on:` gives to another node's `Target.open_stream`."""
        from hivectl.drivers.base import Capability

        return await (await self.connection(Capability.STREAM)).open_stream(address)

    async def open_line(self) -> Stream:
        """Open the node's own serial line, for whoever speaks with its program; its REPL there is closed first.

        Raises:
            CapabilityError: no connection of the node is a serial line.
            NodeError: it cannot be opened.
        """
        for index, candidate in enumerate(self._candidates):
            opener: Callable[[Target], Awaitable[Stream]] | None = getattr(
                candidate.driver, "open_line", None
            )
            if opener is None:
                continue
            async with self._locks[index]:
                if (connection := self._open.pop(index, None)) is not None:
                    await connection.close()
                return await opener(candidate.target)
        raise CapabilityError(
            "no connection of the node is a serial line",
            node=self.node,
            hint="give it a connection `{driver: serial, serial_number: ...}`",
        )

    def opened(self) -> tuple[Connection, ...]:
        """Return the connections that are open now."""
        return tuple(connection for connection in self._open.values() if not connection.closed)

    def failed(self) -> tuple[Failed, ...]:
        """Return the ways that could not be opened when they were last tried."""
        ways = ((self._candidates[index], error) for index, error in sorted(self._errors.items()))
        return tuple(Failed(way.target.connection, way.driver.name, error) for way, error in ways)

    async def close(self) -> None:
        """Close every connection; calling it again does nothing."""
        connections = tuple(self._open.values())
        self._open.clear()
        self._failed.clear()
        if len(connections) == 1:
            await connections[0].close()
            return
        async with asyncio.TaskGroup() as group:
            for connection in connections:
                group.create_task(connection.close())

    async def _opened(self, index: int) -> Connection:
        async with self._locks[index]:
            connection = self._open.get(index)
            if connection is not None and not connection.closed:
                return connection
            if connection is not None:
                del self._open[index]
                await connection.close()
            candidate = self._candidates[index]
            self._open[index] = await candidate.driver.connect(candidate.target)
            self._reached = True
            self._errors.pop(index, None)
            return self._open[index]

    def _open_repl(self, needed: Sequence[Capability]) -> Connection | None:
        """Return an open connection to a board's REPL that will do: a board has one REPL, whatever leads to it."""
        for connection in self._open.values():
            able = connection.capabilities
            if "repl" in able and not connection.closed and able.issuperset(needed):
                return connection
        return None

    def _instead(self, index: int, needed: Sequence[Capability]) -> Connection | None:
        """Return an open connection that comes after one which could not be opened a short while ago."""
        failed = self._failed.get(index)
        if failed is None or time.monotonic() - failed > LEFT_ALONE:
            return None
        later = (other for other in sorted(self._open) if other > index and not self._open[other].closed)
        return next(
            (self._open[other] for other in later if self._open[other].capabilities.issuperset(needed)), None
        )

    def _lacking(
        self, candidate: Candidate, offered: frozenset[Capability], needed: Sequence[Capability]
    ) -> CapabilityError | None:
        lacking = [capability for capability in needed if capability not in offered]
        if not lacking:
            return None
        able = ", ".join(sorted(offered)) or "nothing"
        return CapabilityError(
            f"{candidate.target.connection} ({candidate.driver.name}) cannot {' or '.join(lacking)}, it can: {able}",
            node=self.node,
            hint=candidate.refusal,
        )

    def _failure(self, reasons: Sequence[tuple[Candidate, NodeError]]) -> NodeError:
        if not reasons:
            return CapabilityError("the node has no connection", node=self.node)
        if len(reasons) == 1:
            return reasons[0][1]
        unreachable = [error for _, error in reasons if isinstance(error, UnreachableError)]
        kinds: set[type[NodeError]] = {type(error) for error in unreachable} or {CapabilityError}
        kind = kinds.pop() if len(kinds) == 1 else UnreachableError
        told = "; ".join(f"{candidate.target.connection}: {error.message}" for candidate, error in reasons)
        hints = dict.fromkeys(error.hint for _, error in reasons if error.hint)
        return kind(f"no connection can be used: {told}", node=self.node, hint="; ".join(hints) or None)
