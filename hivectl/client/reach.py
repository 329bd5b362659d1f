"""What a hive or a node stands on: the lab, open connections, and the claim under which they are used."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import field
from typing import TYPE_CHECKING, Any

from hivectl.client.errors import ClosedError, HeldError, ReservationLostError
from hivectl.drivers.base import Capability
from hivectl.drivers.errors import FenceError
from hivectl.engine import fencing
from hivectl.engine.cleanup import clean_up
from hivectl.engine.context import NodeAccess
from hivectl.engine.events import Message, Waiting
from hivectl.engine.holding import Claim, Holding, hold, keep, own_reservation
from hivectl.engine.reserving import give_back, reserve
from hivectl.engine.sessions import Sessions
from hivectl.model.errors import HivectlError
from hivectl.model.records import record
from hivectl.reservations.base import TIME_TO_LIVE, Asked, Grant
from hivectl.reservations.schedule import DEFAULT_PRIORITY
from hivectl.store.health import HEALTHY, OFFLINE, NodeHealth
from hivectl.store.keys import given_key
from hivectl.store.process import owner
from hivectl.store.reservations import StoredReservations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from hivectl.drivers.session import NodeSession
    from hivectl.engine.events import Event
    from hivectl.engine.lab import Lab

# a node's `.hivelock` is told anew after so many seconds, before its time is over
FENCE_EVERY = TIME_TO_LIVE / 3


@record(kw_only=True)
class Wish:
    """How nodes are wanted.

    Attributes:
        reason: for people.
        wait: seconds to stand in the queue; None: do not.
        duration: seconds that they are needed at most; None: as long as it takes.
        priority: 1 to 10, 10 first.
        under: (reservation, token) that holds them already; None: that of HIVECTL_RESERVATION, the user's own, or
            a new one.
    """

    reason: str = ""
    wait: float | None = None
    duration: float | None = None
    priority: int = DEFAULT_PRIORITY
    under: tuple[str, str] | None = None


@record(frozen=False, kw_only=True)
class Borrowed:
    """A node that is held for calls of the moment, with how many of these there are."""

    stack: contextlib.AsyncExitStack
    holding: Holding
    users: int = 0
    lost: str | None = None


@record(frozen=False, kw_only=True)
class Told:
    """When a node heard of our fence."""

    at: float = -1e9
    token: int = -1
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Reach:
    """Connections and the claim of one hive, auxiliary hive or node; `close` ends both.

    Args:
        lab: the nodes' lab.
        wish: how nodes are wanted.
        tell: takes sentences for people: who is waited for, what is cleaned up.
    """

    def __init__(self, lab: Lab, wish: Wish, tell: Callable[[str], None]) -> None:
        self.lab = lab
        self.wish = wish
        self.closed = False
        self.tell = tell
        self._store = lab.open_store()
        self.reservations = StoredReservations(self._store, limit=lab.longest)
        self._sessions = Sessions(lab)
        self._holding: Holding | None = None
        self._ours = False
        self._keeping: asyncio.Task[None] | None = None
        self._borrowed: dict[str, Borrowed] = {}
        self._borrowing: dict[str, asyncio.Lock] = {}
        self._told: dict[str, Told] = {}
        self._working: dict[asyncio.Task[Any], str] = {}

    # -- holding

    @property
    def grant(self) -> Grant | None:
        """What is held for as long as this is open."""
        return self._holding.grant if self._holding else None

    async def take(self, nodes: Sequence[str]) -> None:
        """Hold nodes until `close`, under the reservation that is given or the user's own, else under a new one.

        Raises:
            NotReservedError: they cannot be had; it names who holds which.
        """
        grant = await self._adopted(nodes)
        self._ours = grant is None
        if grant is None:
            wish = self.wish
            asked = Asked(
                nodes=tuple(nodes),
                reason=wish.reason,
                priority=wish.priority,
                duration=wish.duration,
                time_to_live=TIME_TO_LIVE,
                wait=wish.wait is not None,
                cleanup=True,
            )
            try:
                found = await reserve(self.lab, asked, patience=wish.wait, emit=self._hear, look=False)
            except HeldError as error:
                raise self._held(error) from None
            assert isinstance(found, Grant)  # only what is booked is not
            grant = found
        self._holding = Holding(grant)
        self._keeping = asyncio.ensure_future(keep(self.reservations, self._holding, self._hear, self._lose))

    async def _adopted(self, nodes: Sequence[str]) -> Grant | None:
        key = self.wish.under or given_key(None)
        if key is None:
            holders = await asyncio.to_thread(self.reservations.holders, nodes)
            if len(holders) < len(nodes):
                return None
            key = own_reservation(list(holders.values()))
        return None if key is None else await self.reservations.adopt(*key, nodes)

    def _held(self, error: HeldError) -> HeldError:
        """Return the error with what to write in Python."""
        waited = self.wish.wait
        hint = "wait for it with wait=True" if waited is None else f"waited for {waited:g} s; try again"
        return HeldError(error.holders, hint=hint)

    async def saw(self, nodes: Mapping[str, str]) -> None:
        """Remember how nodes were seen: node -> why it is offline, "" where it is there."""
        states = {node: (OFFLINE, why) if why else (HEALTHY, "") for node, why in nodes.items()}
        await asyncio.to_thread(NodeHealth(self._store).saw, states)

    async def leave(self, nodes: Sequence[str]) -> None:
        """Give some of the nodes back; those of a reservation that was there before are only left alone."""
        if self._holding is not None and self._holding.grant is not None and self._ours:
            self._holding.grant = await asyncio.to_thread(
                self.reservations.leave_now, self._holding.grant, nodes
            )

    def _lose(self, reason: str) -> None:
        for task in tuple(self._working):
            task.cancel()
        self.tell(f"error: {reason}")

    def lost(self, node: str) -> str | None:
        """Return why a node is held no longer; None when it is, or was not."""
        if self._holding is not None:
            return self._holding.lost
        borrowed = self._borrowed.get(node)
        return borrowed.lost if borrowed else None

    def borrowed(self) -> set[str]:
        """Return the nodes that are held for calls of the moment."""
        return set(self._borrowed)

    # -- using

    @contextlib.asynccontextmanager
    async def using(self, node: str) -> AsyncIterator[NodeSession]:
        """Give a node's session to a block that runs under the claim.

        Raises:
            HeldError: somebody else holds it.
            ReservationLostError: the reservation was lost, before or while the block ran.
            ClosedError: this was closed.
        """
        if self.closed:
            raise ClosedError("it was given back already", hint="make a new Hive or Node")
        async with contextlib.AsyncExitStack() as stack:
            if self._holding is None:
                await stack.enter_async_context(self._borrowing_of(node))
            task = asyncio.current_task()
            assert task is not None
            nested = task in self._working
            if not nested:
                self._working[task] = node
            try:
                self._must_hold(node)
                yield await self._sessions.of(node)
            except asyncio.CancelledError:
                reason = self.lost(node)
                if reason is None or nested:
                    raise
                task.uncancel()
                raise ReservationLostError(reason, node=node) from None
            except FenceError as error:
                raise ReservationLostError(error.message, node=node, hint=error.hint) from error
            finally:
                if not nested:
                    del self._working[task]

    def _must_hold(self, node: str) -> None:
        if (reason := self.lost(node)) is not None:
            raise ReservationLostError(reason, node=node, hint="make a new Hive")

    @contextlib.asynccontextmanager
    async def _borrowing_of(self, node: str) -> AsyncIterator[None]:
        """Hold a node for a block; blocks at the same time share one claim."""
        lock = self._borrowing.setdefault(node, asyncio.Lock())
        async with lock:
            borrowed = self._borrowed.get(node)
            if borrowed is None:
                borrowed = await self._borrow(node)
            borrowed.users += 1
        try:
            yield
        finally:
            borrowed.users -= 1
            if not borrowed.users:
                await asyncio.shield(asyncio.ensure_future(self._return(node, borrowed, lock)))
        if borrowed.holding.lost is not None:
            raise ReservationLostError(borrowed.holding.lost, node=node)

    async def _borrow(self, node: str) -> Borrowed:
        stack = contextlib.AsyncExitStack()
        claim = Claim(
            nodes=(node,),
            reason=self.wish.reason,
            wait=self.wish.wait,
            under=self.wish.under or given_key(None),
            duration=self.wish.duration,
            priority=self.wish.priority,
        )
        claimed = hold(
            self.reservations,
            claim,
            emit=self._hear,
            on_loss=lambda reason: self._lose_borrowed(node, reason),
            clean=lambda grant: clean_up(self.lab, self._store, grant, sorted(grant.dirty)),
        )
        try:
            holding = await stack.enter_async_context(claimed)
        except HeldError as error:
            raise self._held(error) from None
        borrowed = self._borrowed[node] = Borrowed(stack=stack, holding=holding)
        return borrowed

    async def _return(self, node: str, borrowed: Borrowed, lock: asyncio.Lock) -> None:
        async with lock:
            if borrowed.users or self._borrowed.get(node) is not borrowed:
                return
            try:
                await self._unlock(node)
            finally:
                del self._borrowed[node]
                await borrowed.stack.aclose()

    def _lose_borrowed(self, node: str, reason: str) -> None:
        if (borrowed := self._borrowed.get(node)) is not None:
            borrowed.lost = reason
        for task, used in tuple(self._working.items()):
            if used == node:
                task.cancel()

    # -- the node's own lock

    async def fenced(self, node: str, session: NodeSession) -> None:
        """Have the node know that it is ours: it refuses whoever has lost it; raises FenceError."""
        holding = self._holding_of(node)
        if holding is None or (fence := holding.fence(node)) is None:
            return
        told = self._told.setdefault(node, Told())
        async with told.lock:
            if told.token == fence.token and time.monotonic() - told.at < FENCE_EVERY:
                return
            connection: Any = await session.connection()
            if Capability.REPL in connection.capabilities and connection.repl.background is not None:
                return  # nobody else reaches a board that we are connected to; a word would interrupt its program
            if connection.capabilities & {Capability.RUN, Capability.REPL}:
                await fencing.take(connection, fence)
            told.at, told.token = time.monotonic(), fence.token

    @contextlib.asynccontextmanager
    async def holding(self, node: str) -> AsyncIterator[NodeSession]:
        """Give a node's session to a block, as `using` does, the node knowing that it is ours."""
        async with self.using(node) as session:
            await self.fenced(node, session)
            yield session

    def access(self, node: str, session: NodeSession) -> NodeAccess:
        """Return a module's way to a node."""
        holding = self._holding_of(node) or Holding()

        async def opened() -> NodeSession:
            return session

        return NodeAccess(
            open=opened,
            fence=lambda: holding.fence(node),
            say=lambda text: self.tell(f"{node}: {text}"),
            power=lambda: self._sessions.power(node),
            plug=lambda: self._sessions.plug(node),
            quarantine=lambda reason: NodeHealth(self._store).quarantine([node], reason, owner()),
            board=self._sessions.board(node),
        )

    def _holding_of(self, node: str) -> Holding | None:
        borrowed = self._borrowed.get(node)
        return self._holding or (borrowed.holding if borrowed else None)

    async def _unlock(self, node: str) -> None:
        told = self._told.pop(node, None)
        holding = self._holding_of(node)
        if told is None or holding is None or holding.lost is not None:
            return
        fence = holding.fence(node)
        opened = dict(self._sessions.opened())
        if fence is None or node not in opened:
            return
        if why := await fencing.give_back(opened[node].opened(), fence):
            self.tell(f"{node}: {why}")

    # -- the end

    async def close(self) -> None:
        """Give everything back; calling it again does nothing."""
        if self.closed:
            return
        self.closed = True
        for task in tuple(self._working):
            if task is not asyncio.current_task():
                task.cancel()
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])
        try:
            if self._holding is not None:
                await asyncio.gather(*(self._unlock(node) for node in tuple(self._told)))
            await self._sessions.close()
        finally:
            try:
                await self._release()
            finally:
                self._store.close()

    async def _release(self) -> None:
        grant = self.grant
        if grant is None or not self._ours or self._holding is None or self._holding.lost is not None:
            return
        try:
            await give_back(self.lab, grant.reservation, grant.key, emit=self._hear)
        except HivectlError as error:
            # no reason to hide what the block has come to
            self.tell(f"reservation {grant.reservation} cannot be given back: {error.message}")

    def _hear(self, event: Event) -> None:
        if isinstance(event, Waiting):
            for what in event.what:
                self.tell(f"waiting: {what}")
        elif isinstance(event, Message):
            self.tell(f"{event.node}: {event.text}" if event.node else event.text)
