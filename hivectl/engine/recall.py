"""What a node remembers of a run whose answers were lost: with a connection, or with the controller itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hivectl.drivers.base import Capability
from hivectl.helper.operations import Facts, Progress, Read, Run, Stat, Wait
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hivectl.drivers.base import Connection
    from hivectl.engine.batches import Place
    from hivectl.engine.context import NodeAccess
    from hivectl.helper.operations import Become, Operation
    from hivectl.modules.base import Result

ASK_EVERY = 0.5
UNKNOWN = "it was under way when the connection was lost, and nobody can tell whether it ended: look at the node, then apply afresh"


@record(frozen=False)
class Recalled:
    """What a node remembered of an earlier attempt at a run before anything of this attempt was sent to it."""

    progress: Progress | None = None


async def recall(
    run: str, access: NodeAccess, connection: Connection, become: Become | None = None
) -> Progress:
    """Ask a node what it has begun last; what is still at work there, although nobody listened, is waited for."""
    if not connection.capabilities & {Capability.RUN, Capability.REPL}:
        return Progress(run=run)  # files alone: nothing that must not be repeated
    progress = await connection.progress(run, become)
    if progress.running:
        access.say(
            "a command of this run still runs on the node, although nobody listened: waiting for its end"
        )
    while progress.running:
        await asyncio.sleep(ASK_EVERY)
        progress = await connection.progress(run, become)
    return progress


def happened(places: Sequence[Place], progress: Progress, *, resumed: bool = False) -> dict[str, Result]:
    """Return results, by the item's key, for what the node has done although its answer never came.

    Operations that may be repeated are simply sent again. Of others the node remembers the last one that it began,
    and whether it ended: everything before that one has ended. Only steps whose end nobody heard of count: what is
    done again on purpose has a new turn.

    Args:
        places: the operations.
        progress: what the node remembers.
        resumed: whoever resumes a run wants what failed to be done again; Ctrl-C is such a failure.
    """
    keys = [place.item.key for place in places]
    if progress.key is None or progress.key not in keys:
        return {}
    reached = keys.index(progress.key)
    if not places[reached].step.uncertain:
        return {}
    if not progress.ended:
        result: Result = {"changed": True, "failed": True, "unknown": True, "msg": UNKNOWN}
    elif progress.rc and resumed:
        return {place.item.key: _done_unheard() for place in places[:reached] if place.step.uncertain}
    elif progress.rc:
        message = f"non-zero return code {progress.rc}"
        result = {**_done_unheard(), "rc": progress.rc, "failed": True, "msg": message}
    else:
        result = {**_done_unheard(), "rc": progress.rc}
    before = {place.item.key: _done_unheard() for place in places[:reached] if place.step.uncertain}
    return {**before, progress.key: result}


LOOKING = (Facts, Read, Stat, Wait)


def looks(operation: Operation) -> bool:
    """Tell whether an operation changes nothing: what comes behind it is not undone when it is done once more."""
    return isinstance(operation, LOOKING) or (isinstance(operation, Run) and operation.observes)


def _done_unheard() -> Result:
    return {"changed": True, "msg": "done before the connection was lost; what it printed was lost with it"}
