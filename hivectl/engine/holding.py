"""The reservation of a run: taken before anything is sent, renewed while it runs, given back at the end."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from typing import TYPE_CHECKING

from hivectl.drivers.errors import FenceError
from hivectl.engine.events import Message, Waiting
from hivectl.helper.operations import Fence
from hivectl.model.errors import HivectlError
from hivectl.model.records import record
from hivectl.reservations.base import (
    TIME_TO_LIVE,
    Asked,
    Grant,
    HeldError,
    NotReservedError,
    ReservationLostError,
    UnavailableError,
    described,
    moment,
    over,
)
from hivectl.reservations.schedule import DEFAULT_PRIORITY
from hivectl.store.keys import kept_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from hivectl.engine.events import Event
    from hivectl.reservations.base import Holder, Queued, Reservations

RENEW_EVERY = 15.0
# the store's clock and ours may differ by a little: no renewing without a breath
LEAST_PAUSE = 0.05
ASK_EVERY = 1.0
WORD_EVERY = 5.0
# nothing new is said more rarely: logs of CI are read by people
SAME_WORD_EVERY = 60.0
# seconds before its end at which a run is warned
WARN_BEFORE = 300.0


@record(frozen=False)
class Holding:
    """What a run holds.

    Attributes:
        grant: None when the run only looks, and holds nothing.
        lost: why it holds its nodes no longer.
    """

    grant: Grant | None = None
    lost: str | None = None

    def fence(self, node: str) -> Fence | None:
        """Return the proof that the run holds a node; None where nothing is held.

        Raises:
            FenceError: the reservation was lost.
        """
        if self.lost is not None:
            raise FenceError(self.lost, node=node)
        if self.grant is None or node not in self.grant.tokens:
            return None
        return Fence(
            store=self.grant.store,
            token=self.grant.tokens[node],
            owner=f"{self.grant.owner} ({self.grant.reservation})",
            # a node believes it no longer than that without hearing again
            time_to_live=self.grant.time_to_live or TIME_TO_LIVE,
        )

    async def extend(self, reservations: Reservations, node: str) -> None:
        """Hold one more node; raises HeldError, ReservationLostError."""
        if self.grant is not None and node not in self.grant.tokens:
            self.grant = await reservations.extend(self.grant, [node])


@record(kw_only=True)
class Claim:
    """What a block needs to hold.

    Attributes:
        nodes: all that it may touch.
        reason: for people.
        wait: seconds to wait for nodes that others hold; None: do not wait.
        under: (reservation, token) of a reservation that holds them already; None: one for this block alone.
        duration: seconds that it may take at most; None: as long as it takes.
        priority: 1 to 10, 10 first.
    """

    nodes: Sequence[str]
    reason: str
    wait: float | None = None
    under: tuple[str, str] | None = None
    duration: float | None = None
    priority: int = DEFAULT_PRIORITY


@contextlib.asynccontextmanager
async def hold(
    reservations: Reservations,
    claim: Claim,
    *,
    emit: Callable[[Event], None],
    on_loss: Callable[[str], None],
    clean: Callable[[Grant], Awaitable[Mapping[str, str]]] | None = None,
) -> AsyncIterator[Holding]:
    """Hold nodes while the block runs.

    Args:
        reservations: the lab's.
        claim: what is needed.
        emit: told who holds what while it waits, and when the end is near.
        on_loss: called once when the reservation is lost, or behind the block when it turns out to be.
        clean: cleans up after holders who did not; returns node -> why it could not.

    Raises:
        NotReservedError: the nodes cannot be had.
    """
    grant, ours = await _claim(reservations, claim, emit)
    holding = Holding(grant)
    renewing = asyncio.ensure_future(keep(reservations, holding, emit, on_loss))
    try:
        if ours and grant.dirty and clean is not None and (failed := await clean(grant)):
            raise UnavailableError({node: f"is quarantined: {reason}" for node, reason in failed.items()})
        yield holding
    finally:
        renewing.cancel()
        await asyncio.wait([renewing])
        ending = _give_back if ours else _ask_once_more
        known = holding.lost is not None
        if ours or not known:
            await ending(reservations, holding, emit)
        if holding.lost is not None and not known:
            on_loss(holding.lost)


async def _give_back(reservations: Reservations, holding: Holding, emit: Callable[[Event], None]) -> None:
    assert holding.grant is not None
    reservation = holding.grant.reservation
    try:
        if not await asyncio.shield(reservations.release(holding.grant)) and holding.lost is None:
            holding.lost = over(reservation)
    except HivectlError as error:
        # no reason to hide what the block has come to
        text = f"reservation {reservation} cannot be given back: {error.message}; it ends with this process"
        emit(Message(time=time.time(), level="warning", text=text))


async def _ask_once_more(reservations: Reservations, holding: Holding, emit: Callable[[Event], None]) -> None:
    """Hear of a loss since the last renewal: what the block did behind it was done to somebody else's nodes."""
    assert holding.grant is not None
    try:
        await asyncio.shield(reservations.renew(holding.grant))
    except ReservationLostError as error:
        holding.lost = error.message
    except HivectlError as error:
        text = f"nobody can say whether reservation {holding.grant.reservation} stood to the end: {error.message}"
        emit(Message(time=time.time(), level="warning", text=text))


async def _claim(
    reservations: Reservations, claim: Claim, emit: Callable[[Event], None]
) -> tuple[Grant, bool]:
    """Return the grant, and whether it is the block's own."""
    if claim.under is not None:
        return await reservations.adopt(*claim.under, claim.nodes), False
    asked = Asked(
        nodes=tuple(dict.fromkeys(claim.nodes)),
        reason=claim.reason,
        duration=claim.duration,
        time_to_live=TIME_TO_LIVE,
        priority=claim.priority,
        wait=claim.wait is not None,
        # who cannot be reached is told of by the run, and the others go on
        reachable=False,
    )
    try:
        found = await reservations.ask(asked)
    except HeldError as error:
        if (own := own_reservation(error.holders)) is None:
            raise
        return await reservations.adopt(*own, claim.nodes), False
    if isinstance(found, Grant):
        return found, True
    if (own := own_reservation(found.holders)) is not None:
        await reservations.withdraw(found)
        return await reservations.adopt(*own, claim.nodes), False
    return await wait_for(reservations, found, claim.wait or 0.0, emit), True


def own_reservation(holders: Sequence[Holder]) -> tuple[str, str] | None:
    """Return the one reservation that holds what is needed, if this user has made it."""
    held_by = {holder.reservation for holder in holders}
    if len(held_by) != 1:
        return None
    reservation = held_by.pop()
    key = kept_key(reservation)
    return None if key is None else (reservation, key)


async def wait_for(
    reservations: Reservations, queued: Queued, seconds: float, emit: Callable[[Event], None]
) -> Grant:
    """Stand in the queue, and say every few seconds for what; withdraws when the time is over, or when cancelled.

    Raises:
        NotReservedError: the nodes were not to be had in time.
        ReservationLostError: an admin has ended the wish.
    """
    deadline = time.monotonic() + seconds
    said, last = -math.inf, ""
    try:
        while True:
            silent = time.monotonic() - said
            if silent >= WORD_EVERY and ((what := describe(queued)) != last or silent >= SAME_WORD_EVERY):
                said, last = time.monotonic(), what
                emit(Waiting(time=time.time(), what=(what,)))
            left = deadline - time.monotonic()
            if left <= 0:
                await reservations.withdraw(queued)
                raise gave_up(queued, seconds)
            await asyncio.sleep(min(ASK_EVERY, left))
            found = await reservations.poll(queued.reservation, queued.key)
            if isinstance(found, Grant):
                return found
            queued = found
    except asyncio.CancelledError:
        await asyncio.shield(reservations.withdraw(queued))
        raise


def describe(queued: Queued) -> str:
    """Say what is waited for."""
    parts = [described(holder) for holder in queued.holders[:3]]
    if len(queued.holders) > 3:
        parts.append(f"{len(queued.holders) - 3} more are held")
    if queued.position:
        parts.append(f"{queued.position} in the queue")
    parts.append(
        f"free by {moment(queued.starts)} at the latest"
        if queued.starts
        else "nobody can say when they are free"
    )
    return "; ".join(parts)


def gave_up(queued: Queued, seconds: float) -> NotReservedError:
    """Return the error of somebody who has waited for long enough."""
    if queued.holders:
        return HeldError(
            queued.holders, hint=f"waited for {round(seconds, 1):g} s; wait for longer with --wait"
        )
    return NotReservedError(
        f"the nodes were not free within {round(seconds, 1):g} s",
        hint="`hivectl status` shows who waits and who has booked",
    )


async def keep(
    reservations: Reservations,
    holding: Holding,
    emit: Callable[[Event], None],
    on_loss: Callable[[str], None],
) -> None:
    """Renew what is held until it is lost, which is told once; warn when its end is near."""
    assert holding.grant is not None
    renewed = time.monotonic()
    warned = False
    ends = holding.grant.ends
    while True:
        left = math.inf if ends is None else ends.timestamp() - time.time()
        # whoever has extended it is warned again
        warned = warned and left <= WARN_BEFORE
        if not warned and ends is not None and left <= WARN_BEFORE:
            warned = True
            text = (
                f"reservation {holding.grant.reservation} ends at {moment(ends)}: "
                f"`hivectl extend {holding.grant.reservation} --for 30m`"
            )
            emit(Message(time=time.time(), level="warning", text=text))
        # nothing is sent behind the end, which may come between two renewals
        await asyncio.sleep(max(LEAST_PAUSE, min(RENEW_EVERY, left)))
        try:
            ends = await reservations.renew(holding.grant)
            renewed = time.monotonic()
        except ReservationLostError as error:
            holding.lost = error.message
        except Exception as error:  # noqa: BLE001  # whatever keeps it from being renewed, it ends when its time is over
            if time.monotonic() - renewed + RENEW_EVERY >= TIME_TO_LIVE:
                holding.lost = f"reservation {holding.grant.reservation} could not be renewed: {error}"
        if holding.lost is not None:
            on_loss(holding.lost)
            return
