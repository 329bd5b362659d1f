"""Carrying steps to a node in one round trip, and on through lost connections."""

from __future__ import annotations

import time
from contextlib import aclosing
from typing import TYPE_CHECKING

from hivectl.drivers.errors import CapabilityError, FenceError, HelperError, HostKeyError, UnreachableError
from hivectl.engine.failures import failure, gone
from hivectl.engine.fitting import hinted
from hivectl.engine.recall import happened, recall
from hivectl.helper.operations import Batch, Item, ItemResult
from hivectl.model.errors import HivectlError
from hivectl.model.node_errors import NodeSettingsError
from hivectl.model.records import record
from hivectl.model.secret_tags import SecretSourceError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from hivectl.drivers.base import Capability, Connection
    from hivectl.drivers.session import NodeSession
    from hivectl.engine.context import NodeAccess
    from hivectl.engine.recall import Recalled
    from hivectl.engine.steps import Iteration, Step
    from hivectl.modules.base import Result

RECONNECT_SECONDS = 60.0
RECONNECTS_IN_A_ROW = 3


@record
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
        waiting = [one for one in step.iterations if one.outcome is None]
        end = next((one for one in reversed(waiting) if one.operations), None)
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
                last = iteration is end and index == len(iteration.operations) - 1
                places.append(Place(step, iteration, item, last))
    return places


async def carry_out(
    run: str,
    access: NodeAccess,
    steps: Sequence[Step],
    places: list[Place],
    *,
    recalled: Recalled | None = None,
    resumed: bool = False,
) -> AsyncGenerator[tuple[Place, ItemResult], None]:
    """Send operations to a node in one batch and yield each result as it arrives, reconnecting where that is safe.

    Args:
        run: identity of the run.
        access: the way to the node.
        steps: all of one user's rights.
        places: their operations.
        recalled: takes what the node remembers of an earlier attempt at this run, before it is sent anything.
        resumed: that attempt may have begun these steps.

    Raises:
        NodeGoneError: the node cannot be reached any more, or somebody else holds it.
    """
    start, losses = 0, 0
    limit = len(places)
    lost = False
    known: dict[str, Result] = {}
    while start < len(places):
        # what the node can do was sent up to there
        limit = limit if start < limit else len(places)
        try:
            known |= await _known(
                run, access, steps, places[start:], recalled, resumed=resumed, lost=lost, reach=limit - start
            )
            resumed = lost = False
            if (result := known.get(places[start].item.key)) is not None:
                start += 1
                yield places[start - 1], ItemResult(index=start - 1, result=result)
                continue
            first = start
            end = next((i for i in range(first, limit) if places[i].item.key in known), limit)
            async with aclosing(_send(run, access, steps, places[first:end])) as stream:
                async for one in stream:
                    # the rest of a failed chain is left out
                    start = first + one.index + 1
                    losses = 0
                    yield places[start - 1], one
            if start < end:
                # a node leaves what comes after a failed step; whoever still listens takes that step for no failure
                start = _end_of_step(places, start - 1)
        except (FenceError, NodeSettingsError, SecretSourceError) as error:
            raise gone(error) from error
        except UnreachableError as error:
            losses += 1
            await _again(access, error, losses)
            lost = True
            for place in places[start:]:
                place.step.uncertain = True
        except HivectlError as error:
            if start >= len(places):
                raise
            if (able := await _able(error, access, places, start)) > start:
                # what comes before a step that the node cannot do is sent without it
                limit = able
                continue
            error = hinted(error, places[start].step.module)
            # the step that was under way has failed; where it may, those behind it are sent
            end = _end_of_step(places, start)
            for index in range(start, end):
                yield places[index], ItemResult(index=index, result=failure(error))
            start = end


async def _again(access: NodeAccess, error: UnreachableError, losses: int) -> None:
    """Connect anew where that may help; raises NodeGoneError."""
    session = await _session(access)
    if losses > RECONNECTS_IN_A_ROW or not session.reached or isinstance(error, HostKeyError):
        raise gone(error) from error
    access.say(f"the connection is lost ({error.message}); reconnecting")
    await reconnect(session)


async def _known(
    run: str,
    access: NodeAccess,
    steps: Sequence[Step],
    places: list[Place],
    recalled: Recalled | None,
    *,
    resumed: bool,
    lost: bool,
    reach: int,
) -> dict[str, Result]:
    """Return what is known of operations that may have been begun: by an earlier attempt, or before a loss.

    `reach`: so many of them are sent next.
    """
    become = steps[0].options.become
    progress = None
    if recalled is not None and recalled.progress is None:
        recalled.progress = await recall(run, access, await _connection(access, places[:reach]), become)
    if recalled is not None and resumed:
        progress = recalled.progress
    if lost and not all(place.item.operation.idempotent for place in places):
        progress = await recall(run, access, await _connection(access, places[:reach]), become)
    return {} if progress is None else happened(places, progress, resumed=not lost)


async def _session(access: NodeAccess) -> NodeSession:
    """Return the way to the node; raises NodeGoneError where its virtual device cannot be had."""
    try:
        return await access.open()
    except (UnreachableError, NodeSettingsError) as error:
        raise gone(error) from error


async def _able(error: HivectlError, access: NodeAccess, places: list[Place], start: int) -> int:
    """Return where the first step begins that has no way to the node; `start` where that was not the error."""
    if not isinstance(error, CapabilityError):
        return start
    end = start
    while end < len(places):
        try:
            await _connection(access, places[start : _end_of_step(places, end)])
        except CapabilityError:
            return end
        end = _end_of_step(places, end)
    return start


async def _connection(access: NodeAccess, places: list[Place]) -> Connection:
    session = await access.open()
    try:
        return await session.connection(*_needed(places))
    except CapabilityError:
        alternative = _alternative(places)
        if alternative is None:
            raise
        return await session.connection(*alternative)


async def _send(
    run: str, access: NodeAccess, steps: Sequence[Step], places: list[Place]
) -> AsyncGenerator[ItemResult, None]:
    """Send operations once."""
    connection = await _connection(access, places)
    touched = access.touched() if access.touched is not None else ()
    batch = Batch(run=run, items=tuple(place.item for place in places), fence=access.fence(), touched=touched)
    nothing = True
    async with aclosing(connection.operate(batch, steps[0].options.become)) as stream:
        async for result in stream:
            nothing = False
            yield result
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


def _alternative(places: list[Place]) -> tuple[Capability, ...] | None:
    """Return what does as well for all of a batch; None where it has nothing that asks for less."""
    modules = {id(place.step.module): place.step.module for place in places}.values()
    if not any(module.alternative for module in modules):
        return None
    return tuple(
        sorted(frozenset().union(*(module.alternative or module.capabilities for module in modules)))
    )


async def reconnect(session: NodeSession) -> None:
    """Connect anew; raises NodeGoneError."""
    try:
        await session.reconnect(deadline=RECONNECT_SECONDS)
    except UnreachableError as error:
        raise gone(error) from error


class Clock:
    """Measures the steps of a batch: each begins when the one before it ends."""

    def __init__(self) -> None:
        self._mark = time.monotonic()

    def lap(self, held: float = 0.0) -> float:
        """Return the seconds since the last call; `held`: for so many the node has kept the end to itself."""
        before = self._mark
        # a node that claims to have kept it since before that is not believed
        self._mark = max(before, time.monotonic() - max(0.0, held))
        return self._mark - before
