"""The reservation of a run: taken before anything is sent, renewed while it runs, given back at the end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hivectl.drivers.errors import FenceError
from hivectl.engine.events import Message, Waiting
from hivectl.helper.operations import Fence
from hivectl.model.errors import HivectlError
from hivectl.reservations.base import HeldError, ReservationLostError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from hivectl.engine.events import Event
    from hivectl.reservations.base import Grant, Reservations

TIME_TO_LIVE = 60.0
RENEW_EVERY = 15.0
ASK_EVERY = 1.0
WORD_EVERY = 5.0


@dataclass(slots=True)
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
            time_to_live=self.grant.time_to_live,
        )

    async def extend(self, reservations: Reservations, node: str) -> None:
        """Hold one more node; raises HeldError, ReservationLostError."""
        if self.grant is not None and node not in self.grant.tokens:
            self.grant = await reservations.extend(self.grant, [node])


@contextlib.asynccontextmanager
async def hold(
    reservations: Reservations,
    nodes: Sequence[str],
    *,
    reason: str,
    wait: float | None,
    emit: Callable[[Event], None],
    on_loss: Callable[[str], None],
) -> AsyncIterator[Holding]:
    """Hold nodes while the block runs.

    Args:
        reservations: the lab's.
        nodes: all that the block may touch.
        reason: for people.
        wait: seconds to wait for nodes that others hold; None: do not wait.
        emit: told who holds what while it waits.
        on_loss: called once when the reservation is lost.

    Raises:
        HeldError: others hold some of the nodes.
    """
    holding = Holding(await _take(reservations, nodes, reason, wait, emit))
    assert holding.grant is not None
    renewing = asyncio.ensure_future(_renew(reservations, holding, on_loss))
    try:
        yield holding
    finally:
        renewing.cancel()
        await asyncio.wait([renewing])
        try:
            await asyncio.shield(reservations.release(holding.grant))
        except HivectlError as error:
            # no reason to hide what the block has come to
            text = f"reservation {holding.grant.reservation} cannot be given back: {error.message}; it ends with this process"
            emit(Message(time=time.time(), level="warning", text=text))


async def _take(
    reservations: Reservations,
    nodes: Sequence[str],
    reason: str,
    wait: float | None,
    emit: Callable[[Event], None],
) -> Grant:
    deadline = time.monotonic() + (wait or 0.0)
    said = -WORD_EVERY
    while True:
        try:
            return await reservations.take(nodes, reason=reason, time_to_live=TIME_TO_LIVE)
        except HeldError as error:
            left = deadline - time.monotonic()
            if wait is None or left <= 0:
                raise
            if time.monotonic() - said >= WORD_EVERY:
                said = time.monotonic()
                emit(Waiting(time=time.time(), what=(error.message,)))
            await asyncio.sleep(min(ASK_EVERY, left))


async def _renew(reservations: Reservations, holding: Holding, on_loss: Callable[[str], None]) -> None:
    assert holding.grant is not None
    renewed = time.monotonic()
    while True:
        await asyncio.sleep(RENEW_EVERY)
        try:
            await reservations.renew(holding.grant)
            renewed = time.monotonic()
        except ReservationLostError as error:
            holding.lost = error.message
        except Exception as error:  # noqa: BLE001  # whatever keeps it from being renewed, it ends when its time is over
            if time.monotonic() - renewed + RENEW_EVERY >= TIME_TO_LIVE:
                holding.lost = f"reservation {holding.grant.reservation} could not be renewed: {error}"
        if holding.lost is not None:
            on_loss(holding.lost)
            return
