"""One node's walk through a play: its tasks in order, gathered into batches until the controller is needed."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from hivectl.engine import alone, batches, meeting
from hivectl.engine.events import Status
from hivectl.engine.failures import (
    CauseElsewhereError,
    HostEnded,
    NodeGoneError,
    PlayEnded,
    StepFailedError,
    failure,
)
from hivectl.engine.handlers import notified_by
from hivectl.engine.outcome import conclude, result_of, settle_iteration
from hivectl.engine.pending import FactsNeeded, NotKnownYet, OtherNodeNeeded
from hivectl.engine.recall import Recalled
from hivectl.engine.replay import replay
from hivectl.engine.state import StepEnd
from hivectl.engine.steps import Iteration, Step, StepOptions, make_step
from hivectl.helper.operations import Facts, Item
from hivectl.model.errors import HivectlError
from hivectl.model.playbook import Block, Entry, Task

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hivectl.engine.group import Group
    from hivectl.engine.journal import Record
    from hivectl.engine.state import RunState
    from hivectl.modules.base import Result

# larger batches would keep results and progress from people for too long
BATCH_OPERATIONS = 500


class Walk:
    """One node in one group of a play.

    Attributes:
        run: what the node knows the run as.
        pending: steps that are ready and not yet sent, in order.
        results: task number -> result, of this play.
        rescuable: how many blocks with a rescue section are around.
        round: how often handlers have run: a handler may run again, under another key.
    """

    def __init__(self, state: RunState, group: Group, node: str) -> None:
        self.state = state
        self.group = group
        self.node = node
        # two nodes may be one machine, or act on the same one: it remembers each for itself
        self.run = f"{state.run}/{node}"
        self.variables = state.scopes.of(node, group)
        self.pending: list[Step] = []
        self.results: dict[int, Result] = {}
        self.rescuable = 0
        self.round = 0
        self._notified: dict[str, None] = {}
        self._in_handlers = False
        self._current = 0
        self._sent: list[Step] = []

    async def go(self) -> None:
        """Do the play on the node; failures end up in the run's state, never here."""
        state, group = self.state, self.group
        last = 0
        try:
            await self._take_up_owed_handlers()
            if group.play.gather_facts:
                await self._gather(self.variables.fact_groups())
            for section in group.play.sections:
                await self._entries(section)
                await self.flush()
                await self.run_handlers()
        except StepFailedError as error:
            last = error.task.number
            state.drop(self.node, f"{error.task.name}: {error.reason}", skipped=self._remaining(last))
        except NodeGoneError as error:
            (state.unreachable if error.unreachable else state.lost).add(self.node)
            self._told_gone(error)
            state.drop(self.node, error.reason, skipped=self._remaining(self._current))
        except CauseElsewhereError as error:
            state.drop(
                self.node, f"stopped, since {error.cause} failed", skipped=self._remaining(self._current)
            )
        except HostEnded:
            pass
        except PlayEnded as ended:
            group.ended = True
            group.whole_play_ended = group.whole_play_ended or ended.whole_play
        finally:
            group.positions.finish(self.node)

    # -- tasks and blocks

    async def _entries(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            if isinstance(entry, Task):
                await self._task(entry)
            else:
                await self.flush()
                await self._block(entry)

    async def _block(self, block: Block) -> None:
        """Do a block: its rescue after a failure, its always section whatever happened, after Ctrl-C too."""
        try:
            try:
                self.rescuable += bool(block.rescue)
                try:
                    await self._entries(block.body)
                    await self.flush()
                finally:
                    self.rescuable -= bool(block.rescue)
            except StepFailedError as error:
                self.pending.clear()
                if not block.rescue:
                    raise
                self.variables.put(
                    {"ansible_failed_task": {"name": error.task.name}, "ansible_failed_result": error.result}
                )
                await self._entries(block.rescue)
                await self.flush()
        except NodeGoneError:
            raise
        except asyncio.CancelledError:
            self.pending.clear()
            await self._always_when_stopped(block)
            raise
        except BaseException:
            self.pending.clear()
            await self._entries(block.always)
            await self.flush()
            raise
        await self._entries(block.always)
        await self.flush()

    async def _always_when_stopped(self, block: Block) -> None:
        try:
            async with asyncio.timeout(self.state.options.stop_after):
                await self._entries(block.always)
                await self.flush()
        except TimeoutError:
            self.state.say(
                f"`always` of {block.name} was cut off after {self.state.options.stop_after:.0f} s",
                node=self.node,
            )
        except (StepFailedError, NodeGoneError) as error:
            self.state.say(f"`always` of {block.name} ended early: {error}", node=self.node)

    async def _task(self, task: Task) -> None:
        state, group = self.state, self.group
        if not state.plan.tags.wants(task) and not self._in_handlers:
            return
        if not self._in_handlers:
            self._current = task.number
            if not self.pending:
                group.positions.advance(self.node, task.number)
        if group.ended:
            raise PlayEnded(whole_play=group.whole_play_ended)
        if group.play.linear or task.run_once or task.needs or self._is_group_task(task):
            await self.flush()
            await self._together(task)
        key = f"h{self.round}.{task.number}" if self._in_handlers else str(task.number)
        if await replay(self, task, key):
            return
        if task.module == "meta":
            await self.flush()
            await alone.meta(self, task, key)
            return
        if task.run_once or self._is_group_task(task):
            await meeting.meet(self, task, key)
            return
        step = await self.prepare(task, key)
        if step is not None:
            await self.take(step)

    def _is_group_task(self, task: Task) -> bool:
        return self.state.workshop.find_module(task.module).group is not None

    async def _together(self, task: Task) -> None:
        """Wait where the plan says so: for all nodes of the group, or for what the task needs."""
        group = self.group
        for needed in task.needs:
            self._check_needed(needed)
        if group.play.linear or task.run_once or self._is_group_task(task):
            if not self._in_handlers:
                group.positions.advance(self.node, task.number)
                behind = group.positions.behind(task.number)
                if behind:
                    names = ", ".join(behind[:3]) + ("…" if len(behind) > 3 else "")
                    with self.state.activity.doing(self.node, f"waits for {names} before {task.name}"):
                        await group.positions.all_reached(task.number)
                self.state.tally.join(group.nodes)
            if group.stopped:
                raise CauseElsewhereError(group.stopped)

    def _check_needed(self, needed: str) -> None:
        first = next((one for one in self.state.plan.tasks.values() if one.id == needed), None)
        broken = self.state.broken.get(first.number, {}) if first else {}
        if not broken:
            return
        # the same node's step where that node has it, otherwise all of them
        cause = broken.get(self.node) or next(iter(broken.values()))
        raise CauseElsewhereError(cause)

    # -- steps

    async def prepare(self, task: Task, key: str) -> Step | None:
        """Make a task ready, asking nodes for what its templates need; None when it failed and may."""
        self._sent = []
        while True:
            try:
                step = make_step(self.state.workshop, task, self.node, key, self.variables.for_task(task))
                alone.decide(step)
                return step
            except FactsNeeded as needed:
                await self.flush()
                await self._gather(needed.groups)
            except OtherNodeNeeded as other:
                await self.flush()
                self.group.positions.advance(self.node, task.number)
                with self.state.activity.doing(self.node, f"waits for {other.node} before {task.name}"):
                    await self.group.positions.reached(other.node, other.task + 1)
            except NotKnownYet:
                await self.flush()
            except HivectlError as error:
                if self.pending:
                    # what comes before it happens before it fails, and may change what it sees
                    await self.flush()
                    continue
                await self._fail_unprepared(task, key, error)
                return None

    async def _fail_unprepared(self, task: Task, key: str, error: HivectlError) -> None:
        scope = self.variables.for_task(task)
        ignore = task.keywords.get("ignore_errors") is True
        step = Step(
            key=key,
            node=self.node,
            actor=self.node,
            task=task,
            module=self.state.workshop.find_module(task.module),
            options=StepOptions(ignore_errors=ignore, no_log=task.keywords.get("no_log") is True),
            iterations=[Iteration(index=0, scope=scope, outcome=failure(error))],
            scope=scope,
        )
        await conclude(self, step)

    async def take(self, step: Step) -> None:
        """Queue a step, or do it at once where it cannot travel with its neighbours."""
        settled = all(iteration.outcome is not None for iteration in step.iterations)
        if settled and any(
            iteration.outcome and iteration.outcome.get("failed") for iteration in step.iterations
        ):
            await self.flush()
            await conclude(self, step)
        elif settled and not self.pending:
            await conclude(self, step)
        elif settled or self._may_travel(step):
            if self.pending and not settled and not self._same_rights(step):
                await self.flush()
            self.pending.append(step)
            if settled:
                self.remember(step.task, *result_of(step))
            else:
                self.variables.expect(step.task)
            if not settled and (step.needs_verdict or self._is_full()):
                await self.flush()
        else:
            await self.flush()
            await alone.attempt(self, step)

    def _may_travel(self, step: Step) -> bool:
        return (
            step.in_batches and step.actor == self.node and not step.task.uses and not step.attempts_several
        )

    def _same_rights(self, step: Step) -> bool:
        for other in self.pending:
            if any(iteration.outcome is None for iteration in other.iterations):
                return other.options.become == step.options.become
        return True

    def _is_full(self) -> bool:
        return (
            sum(len(one.operations) for step in self.pending for one in step.iterations) >= BATCH_OPERATIONS
        )

    # -- batches

    async def flush(self) -> None:
        """Send what is pending in one batch, and conclude its steps in order."""
        if not self.pending:
            return
        steps, self.pending = self.pending, []
        await self.send(steps)

    async def send(self, steps: list[Step], *, uses: Mapping[str, int] | None = None) -> None:
        """Carry out steps of one user's rights and conclude each in order.

        Raises:
            StepFailedError: the first that failed without leave; those behind it were not done.
            NodeGoneError: the node is gone.
        """
        state = self.state
        places = batches.places_of(steps)
        if not places:
            for step in steps:
                self._settle(step)
                await conclude(self, step)
            return
        actor = steps[0].actor if len(steps) == 1 else self.node
        resumed = self.begun_before(steps)
        state.journal.intent(
            self.node, [step.key for step in steps if any(one.operations for one in step.iterations)]
        )
        first = places[0].step
        with state.activity.doing(actor, f"waits for its turn with {first.task.name}"):
            async with state.limits.use({"forks": 1, **(uses or {})}):
                await state.journal.flush()
                state.activity.now_doing(actor, first.task.name)
                access = state.workshop.access(actor)
                clock = batches.Clock()
                self._sent = waiting = list(steps)
                state.begin(self.group.play, self.node, first.task)
                async with aclosing(
                    batches.carry_out(
                        self.run, access, steps, places, recalled=self.recalled(actor), resumed=resumed
                    )
                ) as stream:
                    async for place, result in stream:
                        while waiting[0] is not place.step:
                            await self._conclude_next(waiting, clock)
                        place.iteration.results.append(result)
                        if place.last:
                            await self._conclude_next(waiting, clock)
                            if waiting:
                                state.begin(self.group.play, self.node, waiting[0].task)
                                state.activity.now_doing(actor, waiting[0].task.name)
                while waiting:
                    await self._conclude_next(waiting, clock)

    async def _conclude_next(self, waiting: list[Step], clock: batches.Clock) -> None:
        step = waiting.pop(0)
        step.seconds = clock.lap()
        self._settle(step)
        await conclude(self, step)

    @staticmethod
    def _settle(step: Step) -> None:
        for iteration in step.iterations:
            if iteration.outcome is None:
                settle_iteration(step, iteration)

    def begun_before(self, steps: list[Step]) -> bool:
        """Tell whether an earlier attempt at this run may have begun any of these steps."""
        record = self.state.record
        if record is None:
            return False
        return any(step.key in self._left_open(record) for step in steps)

    def _left_open(self, record: Record) -> frozenset[str]:
        """Return the keys of steps of which nobody knows how they ended."""
        ended = {
            key
            for (node, key), step in record.steps.items()
            if node == self.node and step.status not in (Status.UNREACHABLE, Status.UNKNOWN)
        }
        return frozenset(record.intents.get(self.node, ())) - ended

    def recalled(self, actor: str) -> Recalled | None:
        """Return what an actor remembers of an earlier attempt at this run; None where nothing was left open."""
        record = self.state.record
        if record is None or not self._left_open(record):
            return None
        return self.state.recalled.setdefault((self.node, actor), Recalled())

    # -- facts and results

    async def _gather(self, groups: tuple[str, ...]) -> None:
        if not groups:
            return
        state = self.state
        with state.activity.doing(self.node, "gathers facts"):
            async with state.limits.use({"forks": 1}):
                results = await alone.operate(
                    self, Item(key="facts", step=0, chain=0, operation=Facts(groups=groups))
                )
        result: Result = results[0].result if results else {"failed": True, "msg": "the node said nothing"}
        if result.get("failed"):
            raise NodeGoneError(f"facts cannot be gathered: {result.get('msg')}", unreachable=True)
        self.variables.add_facts(result.get("ansible_facts", {}), groups)

    def remember(self, task: Task, result: Result, outcomes: list[Result]) -> None:
        """Let later tasks see a result and the facts that came with it."""
        for outcome in outcomes:
            if facts := outcome.get("ansible_facts"):
                if task.module == "setup":
                    self.variables.add_facts(facts, ())
                else:
                    self.variables.put(facts)
        self.variables.arrived(task, result)
        self.results[task.number] = result

    # -- handlers

    async def notify(self, task: Task) -> None:
        """Remember the handlers that a task notifies."""
        names = []
        for name in task.notify:
            handlers = notified_by(self.group.play, name)
            if not handlers:
                self.state.say(f"no handler is called `{name}` ({task.origin})", node=self.node)
            names += [handler.name for handler in handlers]
        self._notified.update(dict.fromkeys(names))
        if not self.state.options.check:
            await self.state.owed.owe(self.node, names)

    async def _take_up_owed_handlers(self) -> None:
        names = {handler.name for handler in self.group.play.handlers}
        self._notified.update(
            dict.fromkeys(name for name in self.state.owed.of_this_run(self.node) if name in names)
        )
        for name, run in self.state.owed.earlier(self.node).items():
            if name in names:
                self._notified[name] = None
                self.state.say(
                    f"handler {name} is still owed since run {run}: it runs now", level="info", node=self.node
                )

    async def run_handlers(self) -> None:
        """Run what was notified, in the order in which the play has its handlers, then forget it."""
        if self._in_handlers:
            return
        while due := [handler for handler in self.group.play.handlers if handler.name in self._notified]:
            self.round += 1
            self._in_handlers = True
            self._notified.clear()
            try:
                await self._entries(due)
                await self.flush()
            finally:
                self._in_handlers = False
            if not self.state.options.check:
                await self.state.owed.settle(
                    self.node, [handler.name for handler in due if handler.name not in self._notified]
                )

    # -- what is left

    def _remaining(self, after: int) -> int:
        return sum(
            1 for task in self.group.play.tasks() if task.number > after and self.state.plan.tags.wants(task)
        )

    def _told_gone(self, error: NodeGoneError) -> None:
        task = self.state.plan.tasks.get(self._current)
        if task is None:
            return
        status = Status.UNREACHABLE if error.unreachable else Status.FAILED
        result = {"changed": False, "unreachable": error.unreachable, "msg": error.reason}
        first = self._sent[0].task if self._sent else task
        key = self._sent[0].key if self._sent else f"{first.number}"
        self.pending.clear()
        end = StepEnd(key=key, status=status, result=result, reason=error.reason)
        self.state.finished(self.group.play, self.node, first, end)
