"""Carrying steps to a node in one round trip, and on through lost connections."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hivectl.drivers.errors import (
    ConnectionLostError,
    FenceError,
    NodeError,
    UnreachableError,
)
from hivectl.engine.failures import NodeGoneError
from hivectl.helper.operations import Batch, Item, ItemResult

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from hivectl.drivers.base import Capability
    from hivectl.drivers.session import NodeSession
    from hivectl.engine.context import NodeAccess
    from hivectl.engine.steps import Iteration, Step

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
    become = steps[0].options.become
    start, losses = 0, 0
    uncertain = resumed
    while start < len(places):
        try:
            session = await access.open()
            connection = await session.connection(*_needed(places[start:]))
            if uncertain:
                async for known in _what_happened(run, session, places, start):
                    start += 1
                    yield known
                uncertain = False
                continue
            batch = Batch(run=run, items=tuple(place.item for place in places[start:]), fence=access.fence())
            first = start
            stream = connection.operate(batch, become)
            async for result in stream:
                place = places[first + result.index]
                start = first + result.index + 1
                losses = 0
                yield place, result
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
        except NodeError as error:
            if start >= len(places):
                raise
            # the batch ends here: the operation that was under way has failed
            place = places[start]
            yield (
                place,
                ItemResult(index=start, result={"changed": False, "failed": True, "msg": error.message}),
            )
            return
        else:
            return


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
    run: str, session: NodeSession, places: list[Place], start: int
) -> AsyncGenerator[tuple[Place, ItemResult], None]:
    """Yield results for what the node has done although its answer never came; the rest may be sent.

    Operations that may be repeated are simply sent again. Of others the node remembers the last one that it began,
    and whether it ended: everything before that one has ended.
    """
    if all(place.item.operation.idempotent for place in places[start:]):
        return
    connection = await session.connection()
    progress = await connection.progress(run, places[start].step.options.become)
    keys = [place.item.key for place in places]
    if progress.key is None or progress.key not in keys[start:]:
        return
    reached = keys.index(progress.key, start)
    for index in range(start, reached):
        yield places[index], ItemResult(index=index, result=_done_unheard())
    if not progress.ended:
        result = {"changed": True, "failed": True, "unknown": True, "msg": UNKNOWN}
    elif progress.rc:
        result = {
            **_done_unheard(),
            "rc": progress.rc,
            "failed": True,
            "msg": f"non-zero return code {progress.rc}",
        }
    else:
        result = {**_done_unheard(), "rc": progress.rc}
    yield places[reached], ItemResult(index=reached, result=result)


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
