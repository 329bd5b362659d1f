"""Includes and roles within one node's walk: which tasks are taken in, with which variables, and whether again."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from hivectl.engine.failures import RoleEnded, failure
from hivectl.engine.outcome import items_of
from hivectl.model.errors import HivectlError
from hivectl.model.playbook import flatten
from hivectl.model.variables import Layer

if TYPE_CHECKING:
    from hivectl.engine.expansion import Expanded
    from hivectl.engine.steps import Iteration, Step
    from hivectl.engine.walk import Walk
    from hivectl.model.playbook import Include, RoleTasks


async def include(walk: Walk, entry: Include) -> None:
    """Take in the tasks of a file or role, once for each item of a loop.

    What a known file or role brings is queued behind what waits to be sent: it costs no turn with the node.
    """
    task = entry.task
    key = await walk.arrive(task, for_all=task.run_once)
    if key is None:
        return
    if task.run_once and not walk.handlers.running:
        meeting = walk.group.meeting(f"{key} {task.number}", task)
        if walk.node != meeting.nodes[0]:
            return
    step = await walk.prepare(task, key)
    if step is None:
        return
    found = [(one, expanded) for one in step.iterations if (expanded := _expanded(walk, entry, step, one))]
    await walk.take(step)
    for iteration, expanded in found:
        frame = _frame(entry, iteration)
        if expanded.handlers:
            await walk.handlers.add(expanded.handlers, walk.variables.frames + frame)
        for role in expanded.imported:
            walk.variables.publish(role)
        if expanded.role is not None and iteration.parameters.public:
            walk.variables.publish(expanded.role)
        with walk.variables.inside(frame) if frame else nullcontext():
            await walk.do(expanded.entries)


def _expanded(walk: Walk, entry: Include, step: Step, iteration: Iteration) -> Expanded | None:
    """Return what an iteration takes in; None where it is skipped or has failed."""
    outcome = iteration.outcome
    if outcome is None or outcome.get("skipped") or outcome.get("failed"):
        return None
    try:
        expanded = walk.state.expansions.of(entry, iteration, looped=step.looped)
    except HivectlError as error:
        iteration.outcome = {**outcome, **failure(error)}
        return None
    if expanded.number is not None and expanded.number not in walk.group.taken_in:
        tasks = walk.group.taken_in[expanded.number] = tuple(flatten(expanded.entries))
        walk.group.learn(tasks)
    return expanded


def _frame(entry: Include, iteration: Iteration) -> tuple[Layer, ...]:
    """Return the variables that an include gives to what it takes in."""
    layers = []
    if iteration.given:
        layers.append(Layer("loop", iteration.given, data=True))
    if entry.variables:
        layers.append(Layer("include", entry.variables))
    return tuple(layers)


async def do_role(walk: Walk, entry: RoleTasks) -> None:
    """Do a role's tasks, unless that is done once and this node has done so in this play, with the same parameters."""
    uses = walk.roles_done.setdefault(entry.key, [])
    if not entry.again and any(_was_done(walk, numbers) for numbers in uses):
        return
    uses.append(frozenset(task.number for task in flatten(entry.body)))
    try:
        await walk.do(entry.body)
    except RoleEnded:
        return


def _was_done(walk: Walk, numbers: frozenset[int]) -> bool:
    """Tell whether any of these tasks was not skipped; what is queued will be done."""
    for step in walk.pending:
        if step.task.number in numbers and any(
            one.outcome is None or not one.outcome.get("skipped") for one in step.iterations
        ):
            return True
    return any(
        not all(item.get("skipped") for item in items_of(walk.state.plan.tasks[number], walk.results[number]))
        for number in numbers
        if number in walk.results
    )
