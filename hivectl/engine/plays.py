"""Play after play, batch after batch: every node of a batch walks by itself."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from hivectl.engine.events import PlayStarted
from hivectl.engine.group import Group, make_group
from hivectl.engine.walk import Walk

if TYPE_CHECKING:
    from hivectl.engine.plan import PlannedPlay
    from hivectl.engine.state import RunState


async def run_plays(state: RunState) -> None:
    """Do all plays in order.

    A play begins when all nodes have done the one before it; a node that has failed takes no further part, and when
    a whole batch has failed, or a play says that one failure is fatal, nothing more is begun.
    """
    if not len(state.plan.graph) and state.plan.nodes and (state.plan.tags.only or state.plan.tags.skip):
        known = sorted({tag for task in state.plan.tasks.values() for tag in task.tags})
        state.say(f"no task has these tags; there are: {', '.join(known) or 'none'}")
    for planned in state.plan.plays:
        if not await _run_play(state, planned):
            return


async def _run_play(state: RunState, planned: PlannedPlay) -> bool:
    """Do one play; return whether the next one may begin."""
    if not planned.nodes:
        state.say(f"play {planned.play.name}: no node matches `{planned.play.hosts}`")
        return True
    for number, batch in enumerate(planned.batches, 1):
        alive = tuple(node for node in planned.nodes if node not in state.failures)
        nodes = tuple(node for node in batch if node not in state.failures)
        if not nodes:
            continue
        group = make_group(planned, number, alive, nodes)
        state.emit(
            PlayStarted(
                time=time.time(),
                play=planned.play.name,
                nodes=nodes,
                batch=number,
                batches=len(planned.batches),
            )
        )
        await _walk_all(state, group)
        if group.over or all(node in state.failures for node in nodes):
            return False
        if group.whole_play_ended:
            return True
    return True


async def _walk_all(state: RunState, group: Group) -> None:
    try:
        async with asyncio.TaskGroup() as tasks:
            for node in group.nodes:
                tasks.create_task(Walk(state, group, node).go(), name=f"walk {node}")
    except BaseExceptionGroup as errors:
        # walks end with nothing but a fault of ours, or of the journal that they all write to
        raise errors.exceptions[0] from errors
    state.tally.join(group.nodes)
