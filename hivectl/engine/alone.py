"""Steps that do not travel in a batch: procedures, retries, delegated steps, `meta`, decisions of the controller."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from hivectl.drivers.errors import ConnectionLostError, FenceError, UnreachableError
from hivectl.engine import batches
from hivectl.engine import unreachable as passing
from hivectl.engine.blame import blamed
from hivectl.engine.events import Status
from hivectl.engine.failures import (
    HostEnded,
    NodeGoneError,
    PlayEnded,
    RoleEnded,
    WalkEnded,
    failure,
    gone,
)
from hivectl.engine.fitting import hinted
from hivectl.engine.judge import holds
from hivectl.engine.loops import breaks, control_of
from hivectl.engine.meeting import reach
from hivectl.engine.outcome import NO_CHECK_MODE, conclude, settle_iteration
from hivectl.engine.recall import UNKNOWN
from hivectl.engine.state import StepEnd
from hivectl.engine.steps import throttle_of
from hivectl.helper.operations import Batch
from hivectl.model.errors import HivectlError
from hivectl.model.node_errors import NodeSettingsError
from hivectl.model.playbook import after
from hivectl.model.secret_tags import SecretSourceError
from hivectl.model.variables import Layer

if TYPE_CHECKING:
    from hivectl.drivers.session import NodeSession
    from hivectl.engine.context import NodeAccess
    from hivectl.engine.steps import Iteration, Step
    from hivectl.engine.walk import Walk
    from hivectl.engine.watching import Watcher
    from hivectl.helper.operations import Item, ItemResult
    from hivectl.model.playbook import Task
    from hivectl.modules.base import Result

ENDS: dict[str, type[WalkEnded]] = {"end_host": HostEnded, "end_role": RoleEnded}
# what one node says of these is so for all: none may have gone on, and none goes on before all have heard it
CONCERNS_ALL = frozenset({"end_play", "end_batch", "clear_host_errors"})

# these end no batch: handlers that run follow what is queued
GO_ON = frozenset({"flush_handlers", "noop"})


def decide(step: Step, iteration: Iteration) -> None:
    """Settle what the controller can decide: conditions that do not hold, and what needs no node."""
    if iteration.skipped is not None:
        settle_iteration(step, iteration)
    elif step.module.decide is not None:
        # where it may be tried several times, this only finds out what must be asked for first
        result = _decided(step, iteration)
        if not step.attempts_several and not pauses(step):
            settle_iteration(step, iteration, result)


def _decided(step: Step, iteration: Iteration) -> Result:
    assert step.module.decide is not None
    assert iteration.context is not None
    try:
        with blamed(step.module):
            return step.module.decide(iteration.parameters, iteration.context)
    except HivectlError as error:
        return failure(error)


async def operate(walk: Walk, item: Item, node: str) -> Result:
    """Carry out one operation that no task asks for, such as gathering facts; raises NodeGoneError."""
    access = walk.state.workshop.access(node)
    session = await _opened(access)
    try:
        try:
            results = await _operated(walk, item, access, session)
        except ConnectionLostError:
            if not session.reached:
                raise
            await batches.reconnect(session)
            results = await _operated(walk, item, access, session)
    except HivectlError as error:
        raise gone(error) from error
    if results[0].result.get("failed"):
        raise NodeGoneError(f"{item.key}: {results[0].result.get('msg')}")
    return results[0].result


async def _opened(access: NodeAccess) -> NodeSession:
    """Return a node's session; its attributes may be wrong, its virtual device may not start."""
    try:
        return await access.open()
    except HivectlError as error:
        raise gone(error) from error


async def _operated(walk: Walk, item: Item, access: NodeAccess, session: NodeSession) -> list[ItemResult]:
    connection = await session.connection()
    batch = Batch(run=walk.run, items=(item,), fence=access.fence())
    async with aclosing(connection.operate(batch)) as results:
        return [result async for result in results]


async def attempt(walk: Walk, step: Step) -> None:
    """Do a step by itself, each item of its loop as often as it may be tried."""
    state = walk.state
    if step.in_batches and not (step.attempts_several or step.scattered or step.item_by_item):
        await passing.send(walk, [step], uses=step.uses)
        return
    started = time.monotonic()
    walk.doubt([step])
    state.journal.intent(walk.node, [step.key])
    await state.journal.flush()
    state.begin(walk.group.play, walk.node, step.task)
    resumed = walk.begun_before([step])
    if step.options.throttle:
        state.limits.know(throttle_of(step.task), step.options.throttle)
    for iteration in list(step.iterations):
        if iteration.outcome is None:
            await _pause(walk, step, iteration)
            try:
                await _try(walk, step, iteration, resumed=resumed)
            except NodeGoneError as error:
                if not passing.may_pass(step.options, error):
                    raise
                step.seconds = time.monotonic() - started
                await passing.pass_over(walk, step, error)
                return
        if step.item_by_item and _leaves(step, iteration):
            del step.iterations[iteration.index + 1 :]
            break
    step.seconds = time.monotonic() - started
    await conclude(walk, step)


async def _pause(walk: Walk, step: Step, iteration: Iteration) -> None:
    """Wait as long as `loop_control` says before each item but the first."""
    if iteration.index and pauses(step):
        seconds = control_of(step.task, step.scope).pause
        waits = f"pauses {seconds:g} s before the next item of {step.task.name}"
        with walk.state.activity.doing(iteration.actor, waits):
            await asyncio.sleep(seconds)


def _leaves(step: Step, iteration: Iteration) -> bool:
    """Tell whether `break_when` ends the loop behind an item; a condition that is wrong fails the item."""
    try:
        return breaks(step.task, iteration)
    except HivectlError as error:
        assert iteration.outcome is not None
        iteration.outcome.update(failure(error))
        return True


def pauses(step: Step) -> bool:
    """Tell whether a step waits between the items of its loop."""
    control = step.task.keywords.get("loop_control") if step.looped else None
    return bool(control and control.get("pause"))


async def _try(walk: Walk, step: Step, iteration: Iteration, *, resumed: bool) -> None:
    task, options = step.task, step.options
    outcome: Result = {}
    for number in range(1, options.retries + 2):
        with walk.state.activity.doing(iteration.actor, f"waits for its turn with {task.name}"):
            async with walk.state.limits.use({"forks": 1, **step.uses}):
                walk.state.activity.now_doing(iteration.actor, task.name)
                iteration.results.clear()
                iteration.outcome = None
                result = await _once(walk, step, iteration, resumed=resumed and number == 1)
        outcome = settle_iteration(step, iteration, result, attempts=number if options.retries else 0)
        if options.retries:
            outcome["attempts"] = number
        if not options.retries or _satisfied(task, iteration, outcome):
            return
        if number <= options.retries:
            left = options.retries + 1 - number
            walk.state.say(
                f"{task.name}: not yet, {left} more {'try' if left == 1 else 'tries'}",
                level="info",
                node=walk.node,
            )
            waits = f"waits {options.delay:g} s to try {task.name} again"
            with walk.state.activity.doing(iteration.actor, waits):
                await asyncio.sleep(options.delay)
    if options.retries:
        # Ansible counts the tries after the first where none was the last that was needed
        outcome["attempts"] = options.retries
    if "until" in task.keywords and not outcome.get("failed"):
        outcome.update(failed=True, msg=f"`until` did not become true in {options.retries + 1} attempts")


def _satisfied(task: Task, iteration: Iteration, outcome: Result) -> bool:
    if "until" not in task.keywords or outcome.get("skipped"):
        return not outcome.get("failed")
    scope = iteration.scope
    if task.register:
        scope = scope.child(Layer("result", {task.register: outcome}, data=True))
    try:
        return holds(task.keywords["until"], scope, task)
    except HivectlError as error:
        if outcome.get("failed"):
            return False  # why it failed says more than a condition that finds nothing to look at
        outcome.update(failure(error))
        return True


async def _once(walk: Walk, step: Step, iteration: Iteration, *, resumed: bool) -> Result | None:
    """Do one attempt; None: the results of operations are in the iteration."""
    if step.module.decide is not None:
        return _decided(step, iteration)
    if step.module.procedure is None:
        access = walk.state.workshop.access(iteration.actor)
        places = [place for place in batches.places_of([step]) if place.iteration is iteration]
        watcher = walk.state.watcher
        if watcher is not None:
            places = watcher.places(places)
        stream = batches.carry_out(
            walk.run, access, [step], places, recalled=walk.recalled(iteration.actor), resumed=resumed
        )
        async with aclosing(stream) as results:
            async for place, result in results:
                if watcher is not None:
                    watcher.saw(place, result)
                place.iteration.results.append(result)
        return None
    if resumed and not step.module.repeatable and (found := await _verified(step, iteration)) is not None:
        return found
    if step.options.check and step.module.check_mode == "none":
        return {"changed": False, "skipped": True, "msg": NO_CHECK_MODE}
    if (watcher := walk.state.watcher) is not None:
        return await _watched(step, iteration, watcher)
    return await _procedure(step, iteration)


async def _verified(step: Step, iteration: Iteration) -> Result | None:
    """Find out what became of a procedure whose end nobody heard of; None: it may be done again."""
    unknown: Result = {"changed": True, "failed": True, "unknown": True, "msg": UNKNOWN}
    if step.module.verify is None:
        return unknown
    assert iteration.context is not None
    try:
        with blamed(step.module):
            return await step.module.verify(iteration.parameters, iteration.context)
    except HivectlError as error:
        return {**unknown, "msg": f"{UNKNOWN}: {error.message}"}


async def _watched(step: Step, iteration: Iteration, watcher: Watcher) -> Result:
    """Do a procedure after a check of it, since no operation of its own is looked at first."""
    assert iteration.context is not None
    if step.options.check:
        result = await _procedure(step, iteration)
        watcher.procedure(step, iteration.index, result)
        return result
    if step.module.check_mode == "full":
        context = iteration.context
        iteration.context = replace(context, check=True)
        try:
            watcher.procedure(step, iteration.index, await _procedure(step, iteration))
        finally:
            iteration.context = context
    return await _procedure(step, iteration)


async def _procedure(step: Step, iteration: Iteration) -> Result:
    assert step.module.procedure is not None
    assert iteration.context is not None
    try:
        async with asyncio.timeout(step.options.timeout):
            try:
                with blamed(step.module):
                    return await step.module.procedure(iteration.parameters, iteration.context)
            except ConnectionLostError as error:
                session = await iteration.context.access.open()
                if not step.module.repeatable or not session.reached:
                    raise
                iteration.context.say(f"the connection is lost ({error.message}); reconnecting")
                await batches.reconnect(session)
                with blamed(step.module):
                    return await step.module.procedure(iteration.parameters, iteration.context)
    except TimeoutError:
        return {
            "changed": False,
            "failed": True,
            "msg": f"did not finish in {step.options.timeout:g} s",
            "timedout": True,
        }
    except (FenceError, UnreachableError, NodeSettingsError, SecretSourceError) as error:
        raise gone(error) from error
    except HivectlError as error:
        return failure(hinted(error, step.module))


async def _reset(walk: Walk) -> None:
    session = await _opened(walk.state.workshop.access(walk.node))
    if session.reached:  # else there is nothing to reset yet
        await batches.reconnect(session)


async def meta(walk: Walk, task: Task, key: str) -> None:
    """Do what `meta` asks of the engine itself."""
    concerns_all = task.arguments.get("free_form") in CONCERNS_ALL and not walk.handlers.running
    if concerns_all:
        await reach(walk, task.order, f"before {task.name}")
    step = await walk.prepare(task, key)
    if step is None:
        return
    iteration = step.iterations[0]
    action = (
        "noop"
        if iteration.skipped is not None or iteration.parameters is None
        else iteration.parameters.free_form
    )
    status = Status.OK if iteration.skipped is None else Status.SKIPPED
    if action not in ("flush_handlers", "noop"):
        end = StepEnd(key=key, status=status, result={"changed": False, "msg": action})
        walk.state.finished(walk.group.play, walk.node, task, end)
    # as a handler it is done now, and no longer owed
    walk.results[task.number] = {"changed": False}
    if action == "flush_handlers":
        await walk.await_notifiers()
        await walk.handlers.run(task.order)
    elif action in ENDS:
        raise ENDS[action]
    elif action in ("end_play", "end_batch"):
        walk.group.ended = True
        walk.group.whole_play_ended = walk.group.whole_play_ended or action == "end_play"
    elif action == "clear_facts":
        walk.variables.clear_facts()
    elif action == "clear_host_errors":
        walk.state.forgive()
    elif action == "reset_connection":
        await _reset(walk)
    if concerns_all:
        await reach(walk, after(task.order), f"before what follows {task.name}")
    if walk.group.ended:
        raise PlayEnded(whole_play=walk.group.whole_play_ended)
