"""Steps that nodes do together: `run_once`, where one acts for all, and group modules, one step on all nodes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from hivectl.drivers.errors import UnreachableError
from hivectl.engine.failures import CauseElsewhereError, NodeGoneError, WalkEnded, failure
from hivectl.engine.outcome import conclude, settle_iteration
from hivectl.model.errors import HivectlError

if TYPE_CHECKING:
    from hivectl.engine.group import Meeting
    from hivectl.engine.walk import Walk
    from hivectl.model.playbook import Task


async def meet(walk: Walk, task: Task, key: str) -> None:
    """Do a task together with the other nodes that have arrived at it."""
    meeting = walk.group.meeting(key, task.number)
    if walk.state.workshop.find_module(task.module).group is not None:
        await _as_group(walk, task, key, meeting)
    elif walk.node == meeting.nodes[0]:
        await _for_all(walk, task, key, meeting)
    else:
        with walk.state.activity.doing(walk.node, f"waits for {meeting.nodes[0]} to do {task.name}"):
            await meeting.done.wait()
        if meeting.cause:
            raise CauseElsewhereError(meeting.cause)
        walk.remember(task, meeting.results[meeting.nodes[0]], [meeting.results[meeting.nodes[0]]])


async def _for_all(walk: Walk, task: Task, key: str, meeting: Meeting) -> None:
    try:
        step = await walk.prepare(task, key)
        if step is not None:
            await walk.take(step)
            await walk.flush()
        meeting.results[walk.node] = walk.results.get(task.number, {})
    except WalkEnded:
        meeting.cause = f"{walk.node}: {task.name}"
        raise
    finally:
        if walk.node not in meeting.results:
            meeting.cause = meeting.cause or f"{walk.node}: {task.name}"
        meeting.done.set()


async def _as_group(walk: Walk, task: Task, key: str, meeting: Meeting) -> None:
    try:
        step = await walk.prepare(task, key)
    except BaseException:
        meeting.bring(walk.node, None)
        raise
    taking_part = step is not None and step.iterations[0].skipped is None
    meeting.bring(walk.node, step if taking_part else None)
    if step is None:
        return
    if not taking_part:
        settle_iteration(step, step.iterations[0])
        await conclude(walk, step)
        return
    await meeting.ready.wait()
    if walk.node == next(iter(node for node in meeting.nodes if node in meeting.steps)):
        await _lead(walk, task, meeting)
    else:
        with walk.state.activity.doing(walk.node, f"takes part in {task.name}"):
            await meeting.done.wait()
    if meeting.cause:
        raise CauseElsewhereError(meeting.cause)
    settle_iteration(step, step.iterations[0], meeting.results[walk.node])
    await conclude(walk, step)


async def _lead(walk: Walk, task: Task, meeting: Meeting) -> None:
    state = walk.state
    contexts = {node: step.iterations[0].context for node, step in meeting.steps.items()}
    module = state.workshop.find_module(task.module)
    assert module.group is not None
    started = time.monotonic()
    try:
        for node in contexts:
            state.begin(walk.group.play, node, task)
        with state.activity.doing(walk.node, task.name):
            async with state.limits.use({"forks": 1, **task.uses}):
                parameters = meeting.steps[walk.node].iterations[0].parameters
                results = await module.group(
                    parameters, {node: one for node, one in contexts.items() if one is not None}
                )
        meeting.results.update(results)
    except UnreachableError as error:
        raise NodeGoneError(error.message, unreachable=True) from error
    except HivectlError as error:
        meeting.results.update({node: failure(error) for node in contexts})
    finally:
        for node, step in meeting.steps.items():
            step.seconds = time.monotonic() - started
            if node not in meeting.results:
                meeting.cause = f"{walk.node}: {task.name}"
        meeting.done.set()
