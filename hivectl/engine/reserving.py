"""Reservations for people and pipelines: asked for, waited for, looked at, cleaned up, given back."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from hivectl.drivers.errors import CapabilityError, NodeError
from hivectl.engine.adhoc import on_each
from hivectl.engine.cleanup import clean_up
from hivectl.engine.events import Message
from hivectl.engine.holding import wait_for
from hivectl.reservations.base import Grant, Queued
from hivectl.store.health import HEALTHY, NodeHealth
from hivectl.store.reservations import StoredReservations

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hivectl.drivers.session import NodeSession
    from hivectl.engine.events import Event
    from hivectl.engine.lab import Lab
    from hivectl.reservations.base import Asked
    from hivectl.store.base import Store

# seconds for a node to show that it is there, before it is handed over
LOOK_SECONDS = 15.0
LOOK_FORKS = 50


async def reserve(
    lab: Lab,
    asked: Asked,
    *,
    patience: float | None,
    emit: Callable[[Event], None],
    look: bool = True,
) -> Grant | Queued:
    """Reserve nodes that are there and clean, or book them.

    Args:
        lab: the nodes' lab.
        asked: what is wanted; `wait` is set by `patience`.
        patience: seconds to stand in the queue; None: do not.
        emit: hears what is waited for, and which nodes are left out.
        look: see that each node answers before it is handed over.

    Raises:
        NotReservedError: it cannot be had.
        InputError: nobody could have that.
    """
    with contextlib.closing(lab.open_store()) as store:
        reservations = StoredReservations(store, limit=lab.longest)
        found = await reservations.ask(asked)
        if isinstance(found, Queued) and not found.position:
            return found
        end = time.monotonic() + (patience or 0.0)
        while True:
            if isinstance(found, Queued):
                found = await wait_for(reservations, found, max(0.0, end - time.monotonic()), emit)
            try:
                unfit = await _unfit(lab, store, found) if look else {}
                if not unfit:
                    return await _cleaned(lab, store, reservations, found, emit)
            except BaseException:
                await asyncio.shield(reservations.release(found))
                raise
            for node, reason in unfit.items():
                emit(Message(time=time.time(), level="warning", text=f"left out: {reason}", node=node))
            found = await asyncio.to_thread(
                reservations.exchange_now, found, unfit, wait=patience is not None
            )


async def _unfit(lab: Lab, store: Store, grant: Grant) -> dict[str, str]:
    """Return the granted nodes that do not answer, each with why; all are remembered as they were seen."""
    nodes = [
        node
        for node in grant.tokens
        if node in lab.inventory.nodes
        # a virtual device is started by whoever uses it
        and not any(entry.virtual for entry in lab.inventory.nodes[node].connections)
    ]

    async def look(_node: str, session: NodeSession) -> None:
        async with asyncio.timeout(LOOK_SECONDS):
            await session.connection()

    async def one(node: str, session: NodeSession) -> str | None:
        try:
            await look(node, session)
        except TimeoutError:
            return f"did not answer within {LOOK_SECONDS:g} s"
        except CapabilityError:
            return None
        except NodeError as error:
            return error.message
        return None

    seen = await on_each(lab, nodes, one, forks=LOOK_FORKS)
    unfit = {
        outcome.node: outcome.value or (outcome.error.message if outcome.error else "")
        for outcome in seen
        if outcome.value or outcome.error
    }
    states = {node: (("offline", unfit[node]) if node in unfit else (HEALTHY, "")) for node in nodes}
    await asyncio.to_thread(NodeHealth(store).saw, states)
    return unfit


async def _cleaned(
    lab: Lab, store: Store, reservations: StoredReservations, grant: Grant, emit: Callable[[Event], None]
) -> Grant:
    """Clean up after those who did not; a node that cannot be cleaned is quarantined and not handed over."""
    if not grant.dirty:
        return grant
    text = f"cleaning up after a holder who did not: {', '.join(sorted(grant.dirty))}"
    emit(Message(time=time.time(), level="info", text=text))
    failed = await clean_up(lab, store, grant, sorted(grant.dirty))
    if failed:
        replaced = await asyncio.to_thread(reservations.exchange_now, grant, failed, wait=False)
        assert isinstance(replaced, Grant)
        return await _cleaned(lab, store, reservations, replaced, emit)
    return await reservations.adopt(grant.reservation, grant.key, tuple(grant.tokens))


async def give_back(
    lab: Lab, reservation: str, key: str | None, *, emit: Callable[[Event], None]
) -> Sequence[str]:
    """End a reservation, its nodes cleaned up before; returns the nodes that are free now.

    Args:
        lab: the nodes' lab.
        reservation: its id.
        key: the owner's token; None: as an admin.
        emit: hears what is cleaned up, and what could not be.

    Raises:
        UnknownReservationError, NotYoursError: it is over, or another's.
    """
    with contextlib.closing(lab.open_store()) as store:
        reservations = StoredReservations(store, limit=lab.longest)
        if key is not None:
            grant = await asyncio.to_thread(reservations.look_up_now, reservation, key)
            if grant is not None and grant.cleanup:
                failed = await clean_up(lab, store, grant, list(grant.tokens))
                for node, reason in failed.items():
                    text = f"quarantined: {reason}"
                    emit(Message(time=time.time(), level="warning", text=text, node=node))
        return await asyncio.to_thread(reservations.end_now, reservation, key)
