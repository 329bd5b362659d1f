"""Where nodes wait for one another, and steps that they do together.

`run_once`: one acts for all. Group modules: one step on all nodes.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from hivectl.drivers.errors import FenceError, UnreachableError
from hivectl.engine import unreachable as passing
from hivectl.engine.blame import blamed
from hivectl.engine.failures import (
    CauseElsewhereError,
    FailedElsewhereError,
    NodeGoneError,
    StepFailedError,
    WalkEnded,
    failure,
)
from hivectl.engine.group import Stop
from hivectl.engine.outcome import NO_CHECK_MODE, conclude, items_of, settle_iteration
from hivectl.engine.replay import replay
from hivectl.model.errors import HivectlError

if TYPE_CHECKING:
    from hivectl.engine.group import Meeting
    from hivectl.engine.positions import Order
    from hivectl.engine.steps import Step
    from hivectl.engine.walk import Walk
    from hivectl.model.playbook import Task
    from hivectl.modules.base import Result


async def together(walk: Walk, task: Task, *, for_all: bool) -> None:
    """Wait where the plan says so: for all nodes of the group, or for what the task needs.

    Raises:
        CauseElsewhereError: what is waited for has failed.
    """
    for needed in task.needs:
        if cause := walk.state.missing(needed, walk.node):
            raise CauseElsewhereError(cause)
    if not walk.handlers.running:
        if walk.group.play.linear or for_all:
            await reach(walk, task.order, f"before {task.name}")
            walk.state.tally.join(walk.group.nodes)
    elif for_all:
        # whoever notifies a handler that one node runs for all has done so by then
        await reach(walk, walk.handlers.at, f"before {task.name}")
    check_stop(walk, besides=task)


async def reach(walk: Walk, order: Order, before: str) -> None:
    """Wait until every node of the group has done everything before a task."""
    positions = walk.group.positions
    positions.advance(walk.node, order)

    def what() -> str:
        behind = positions.behind(order)
        return f"waits for {', '.join(behind[:3])}{'…' if len(behind) > 3 else ''} {before}"

    if positions.behind(order):
        with walk.state.activity.doing(walk.node, what):
            await positions.all_reached(order)


def check_stop(walk: Walk, *, besides: Task | None = None) -> None:
    """Stop where another node's failure concerns all; raises FailedElsewhereError.

    Args:
        walk: of this node.
        besides: the task that is next: a failure of it is heard once all have done it.
    """
    stop = walk.group.stop
    if stop is not walk.heard and stop is not None and stop.task is not besides:
        raise FailedElsewhereError(stop.cause, stop.task, stop.result)


async def meet(walk: Walk, task: Task, key: str) -> None:
    """Do a task together with the other nodes that have arrived at it."""
    is_group = walk.state.workshop.find_module(task.module).group is not None
    if not walk.handlers.running:
        meeting = walk.group.meeting(f"{key} {task.number}", task)
    else:
        meeting = walk.group.meeting_of(f"{key} {walk.node}" if is_group else key, walk.node)
    if is_group:
        await _as_group(walk, task, key, meeting)
    elif walk.node == meeting.nodes[0]:
        await _for_all(walk, task, key, meeting)
    else:
        with walk.state.activity.doing(walk.node, f"waits for {meeting.nodes[0]} to do {task.name}"):
            await meeting.done.wait()
        if (stop := meeting.stop) is not None:
            raise FailedElsewhereError(stop.cause, stop.task, stop.result)
        result = meeting.results[meeting.nodes[0]]
        walk.remember(task, result, items_of(task, result))
        walk.state.did(walk.node, task)


async def _for_all(walk: Walk, task: Task, key: str, meeting: Meeting) -> None:
    result: Result = {}
    try:
        if not await replay(walk, task, key, of=walk.group.nodes):
            step = await walk.prepare(task, key)
            if step is not None:
                await walk.take(step)
                await walk.flush()
        meeting.results[walk.node] = walk.results.get(task.number, {})
    except StepFailedError as error:
        result = error.result
        raise
    finally:
        if walk.node not in meeting.results:
            meeting.stop = Stop(f"{walk.node}: {task.name}", task, result)
        meeting.done.set()


async def _as_group(walk: Walk, task: Task, key: str, meeting: Meeting) -> None:
    try:
        step = None if await replay(walk, task, key) else await walk.prepare(task, key)
    except BaseException:
        meeting.bring(walk.node, None)
        raise
    taking_part = (
        step is not None and step.iterations[0].skipped is None and step.iterations[0].outcome is None
    )
    meeting.bring(walk.node, step if taking_part else None)
    if step is None:
        return
    if not taking_part:
        if step.iterations[0].outcome is None:
            settle_iteration(step, step.iterations[0])
        await conclude(walk, step)
        return
    await meeting.ready.wait()
    if walk.node == next(iter(node for node in meeting.nodes if node in meeting.steps)):
        await _lead(walk, task, meeting)
    else:
        with walk.state.activity.doing(walk.node, f"takes part in {task.name}"):
            await meeting.done.wait()
    if (stop := meeting.stop) is not None:
        raise FailedElsewhereError(stop.cause, stop.task, stop.result)
    none: Result = {"changed": False, "failed": True, "msg": f"{task.module} gave no result for this node"}
    result = meeting.results.get(walk.node, none)
    if result.get("unreachable"):
        gone = NodeGoneError(str(result.get("msg", "it cannot be reached")), unreachable=True)
        if not passing.may_pass(step.options, gone):
            raise gone
        await passing.pass_over(walk, step, gone)
        return
    settle_iteration(step, step.iterations[0], result)
    await conclude(walk, step)


async def _lead(walk: Walk, task: Task, meeting: Meeting) -> None:
    started = time.monotonic()
    try:
        steps = {node: meeting.steps[node] for node in meeting.nodes if node in meeting.steps}
        meeting.results.update(await _act(walk, task, steps))
    except WalkEnded:
        meeting.stop = Stop(f"{walk.node}: {task.name}", task, {})
        raise
    except HivectlError as error:
        meeting.results.update({node: failure(error) for node in meeting.steps})
    finally:
        for step in meeting.steps.values():
            step.seconds = time.monotonic() - started
        meeting.done.set()


async def _act(walk: Walk, task: Task, steps: dict[str, Step]) -> dict[str, Result]:
    state = walk.state
    own = steps[walk.node]
    contexts = {node: step.iterations[0].context for node, step in steps.items()}
    act = own.module.group
    assert act is not None
    if own.options.check and own.module.check_mode == "none":
        return {node: {"changed": False, "skipped": True, "msg": NO_CHECK_MODE} for node in steps}
    for step in steps.values():
        state.journal.intent(step.node, [step.key])
    await state.journal.flush()
    for node in contexts:
        state.begin(walk.group.play, node, task)
    with state.activity.doing(walk.node, task.name):
        async with state.limits.use({"forks": 1, **task.uses}):
            try:
                async with asyncio.timeout(own.options.timeout):
                    known = {node: one for node, one in contexts.items() if one is not None}
                    with blamed(own.module):
                        return dict(await act(own.iterations[0].parameters, known))
            except TimeoutError:
                late = f"did not finish in {own.options.timeout:g} s"
                return {node: {"failed": True, "msg": late, "timedout": True} for node in steps}
            except FenceError as error:
                raise NodeGoneError(str(error), fence_lost=True) from error
            except UnreachableError as error:
                raise NodeGoneError(error.message, unreachable=True) from error
