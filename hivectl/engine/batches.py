"""Carrying steps to a node in one round trip, and on through lost connections."""

from __future__ import annotations

import time
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hivectl.drivers.errors import ConnectionLostError, FenceError, HelperError, UnreachableError
from hivectl.engine.failures import NodeGoneError, failure
from hivectl.helper.operations import Batch, Item, ItemResult
from hivectl.model.errors import HivectlError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from hivectl.drivers.base import Capability, Connection
    from hivectl.drivers.session import NodeSession
    from hivectl.engine.context import NodeAccess
    from hivectl.engine.steps import Iteration, Step
    from hivectl.helper.operations import Become

RECONNECT_SECONDS = 60.0
RECONNECTS_IN_A_ROW = 3
UNKNOWN = "it was under way when the connection was lost, and nobody can tell whether it ended: look at the node, then apply again"


@dataclass(frozen=True, slots=True)
class Place:
    """Whose operation an item of a batch is; `last`: the last one of its step."""

    step: Step
    iteration: Iteration
    item: Item
    last: bool = False


def places_of(steps: Sequence[Step]) -> list[Place]:
    """Number the operations of steps as items of a batch."""
    places = []
    for number, step in enumerate(steps):
        # a condition on the result decides what failed, not the node
        lenient = step.options.ignore_errors or "failed_when" in step.task.keywords
        for chain, iteration in enumerate(step.iterations):
            if iteration.outcome is not None:
                continue
            for index, operation in enumerate(iteration.operations):
                item = Item(
                    key=f"{step.key}.{iteration.index}.{index}",
                    step=number,
                    chain=chain,
                    operation=operation,
                    check=step.options.check,
                    diff=step.options.diff,
                    ignore_failure=lenient,
                    deadline=step.options.timeout,
                )
                places.append(Place(step, iteration, item))
        if places and places[-1].step is step:
            places[-1] = replace(places[-1], last=True)
    return places


async def carry_out(
    run: str, access: NodeAccess, steps: Sequence[Step], places: list[Place], *, resumed: bool = False
) -> AsyncGenerator[tuple[Place, ItemResult], None]:
    """Send operations to a node in one batch and yield each result as it arrives, reconnecting where that is safe.

    Args:
        run: identity of the run.
        access: the way to the node.
        steps: all of one user's rights.
        places: their operations.
        resumed: an earlier attempt at this run may have begun them.

    Raises:
        NodeGoneError: the node cannot be reached any more, or somebody else holds it.
    """
    start, losses = 0, 0
    uncertain = resumed
    while start < len(places):
        try:
            first = start
            async with aclosing(_send(run, access, steps, places[first:], uncertain=uncertain)) as stream:
                async for index, result in stream:
                    # the rest of a failed chain is left out
                    start = first + index + 1
                    losses = 0
                    yield places[first + index], result
            # a node leaves what comes after a failed step; whoever still listens takes that step for no failure
            start = _end_of_step(places, start - 1)
        except FenceError as error:
            raise NodeGoneError(str(error), fence_lost=True) from error
        except ConnectionLostError as error:
            losses += 1
            if losses > RECONNECTS_IN_A_ROW:
                raise NodeGoneError(error.message, unreachable=True) from error
            access.say(f"the connection is lost ({error.message}); reconnecting")
            await _reconnect(await access.open())
            uncertain = True
        except UnreachableError as error:
            raise NodeGoneError(error.message, unreachable=True) from error
        except HivectlError as error:
            if start >= len(places):
                raise
            # the step that was under way has failed; where it may, those behind it are sent
            end = _end_of_step(places, start)
            for index in range(start, end):
                yield places[index], ItemResult(index=index, result=failure(error))
            start = end


async def _send(
    run: str, access: NodeAccess, steps: Sequence[Step], places: list[Place], *, uncertain: bool
) -> AsyncGenerator[tuple[int, ItemResult], None]:
    """Send operations once, less those that the node has done already if that is `uncertain`."""
    become = steps[0].options.become
    first = 0
    session = await access.open()
    connection = await session.connection(*_needed(places))
    if uncertain:
        known = await _what_happened(run, connection, places, become)
        for result in known:
            yield result.index, result
        first = len(known)
        if first == len(places):
            return
    batch = Batch(run=run, items=tuple(place.item for place in places[first:]), fence=access.fence())
    nothing = True
    async with aclosing(connection.operate(batch, become)) as stream:
        async for result in stream:
            nothing = False
            yield first + result.index, result
    if nothing:
        raise HelperError("the node did nothing, and did not say why")


def _end_of_step(places: Sequence[Place], index: int) -> int:
    """Return where the step of a place ends."""
    step = places[index].step
    while index < len(places) and places[index].step is step:
        index += 1
    return index


def _needed(places: Sequence[Place]) -> tuple[Capability, ...]:
    needed: set[Capability] = set()
    for place in places:
        needed |= place.step.module.capabilities
    return tuple(sorted(needed))


async def _reconnect(session: NodeSession) -> None:
    try:
        await session.reconnect(deadline=RECONNECT_SECONDS)
    except UnreachableError as error:
        raise NodeGoneError(error.message, unreachable=True) from error


async def _what_happened(
    run: str, connection: Connection, places: list[Place], become: Become | None
) -> list[ItemResult]:
    """Return results for what the node has done although its answer never came; the rest may be sent.

    Operations that may be repeated are simply sent again. Of others the node remembers the last one that it began,
    and whether it ended: everything before that one has ended.
    """
    if all(place.item.operation.idempotent for place in places):
        return []
    progress = await connection.progress(run, become)
    keys = [place.item.key for place in places]
    if progress.key is None or progress.key not in keys:
        return []
    reached = keys.index(progress.key)
    if not progress.ended:
        result = {"changed": True, "failed": True, "unknown": True, "msg": UNKNOWN}
    elif progress.rc:
        message = f"non-zero return code {progress.rc}"
        result = {**_done_unheard(), "rc": progress.rc, "failed": True, "msg": message}
    else:
        result = {**_done_unheard(), "rc": progress.rc}
    before = [ItemResult(index=index, result=_done_unheard()) for index in range(reached)]
    return [*before, ItemResult(index=reached, result=result)]


def _done_unheard() -> dict[str, object]:
    return {"changed": True, "msg": "done before the connection was lost; what it printed was lost with it"}


class Clock:
    """Measures the steps of a batch: each begins when the one before it ends."""

    def __init__(self) -> None:
        self._mark = time.monotonic()

    def lap(self) -> float:
        """Return the seconds since the last call."""
        before, self._mark = self._mark, time.monotonic()
        return self._mark - before
