"""One node's walk through a play: its tasks in order, gathered into batches until the controller is needed."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from hivectl.engine import alone, batches, meeting, unreachable
from hivectl.engine.blocks import do_block
from hivectl.engine.events import Status
from hivectl.engine.failures import (
    CauseElsewhereError,
    HostEnded,
    NodeGoneError,
    PlayEnded,
    StepFailedError,
    WalkEnded,
    failure,
)
from hivectl.engine.group import Stop
from hivectl.engine.handlers import NodeHandlers
from hivectl.engine.inclusion import do_role, include
from hivectl.engine.outcome import FACTS_OF, conclude, may_notify, result_of, settle_iteration
from hivectl.engine.pending import (
    FactsNeeded,
    NotKnownYet,
    OtherFactsNeeded,
    OtherNodeNeeded,
    UnobservedNeeded,
)
from hivectl.engine.recall import Recalled, looks
from hivectl.engine.replay import replay
from hivectl.engine.state import StepEnd
from hivectl.engine.steps import Iteration, Step, StepOptions, make_step, throttle_of
from hivectl.engine.watching import UNOBSERVED
from hivectl.helper.operations import Facts, Item
from hivectl.model.errors import HivectlError
from hivectl.model.playbook import Block, Entry, Include, Task, after, flatten
from hivectl.modules.setup import groups_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hivectl.engine.group import Group
    from hivectl.engine.journal import Record
    from hivectl.engine.positions import Order
    from hivectl.engine.state import RunState
    from hivectl.engine.watching import Watcher
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
        handlers: what tasks have notified.
        roles_done: what is left of roles that shall be done once: key -> the tasks of each use.
        leaving: what is done now is done although the play has ended.
        heard: the last failure of the group that this node knows of, since a rescue or `always` section answers it.
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
        self.handlers = NodeHandlers(self)
        self.heard: Stop | None = None
        self.leaving = False
        self._current: Task | None = None
        self.roles_done: dict[str, list[frozenset[int]]] = {}
        self._sent: list[Step] = []
        # how many operations so many of the pending steps have
        self._operations = 0
        self._counted = 0

    @property
    def unsent(self) -> list[Step]:
        """The steps of the last batch that are not concluded."""
        return self._sent

    async def go(self) -> None:
        """Do the play on the node; failures end up in the run's state, never here."""
        state, group = self.state, self.group
        try:
            await self.handlers.take_up_owed()
            await self._facts_of_play()
            for section in group.play.sections:
                await self._section(section)
            await self.flush()
        except StepFailedError as error:
            await self._forced_handlers()
            stop = Stop(f"{self.node}: {error.task.name}", error.task, error.result)
            self._leave(f"{error.task.name}: {error.reason}", stop, error.task)
        except NodeGoneError as error:
            state.gone(self.node, error)
            stop = self._told_gone(error)
            group.failure(stop, self.heard)
            self._leave(error.reason, stop, self._current)
        except CauseElsewhereError as error:
            await self._forced_handlers()
            task = self._current or next(iter(state.plan.tasks.values()))
            self._leave(f"stopped, since {error.cause} failed", Stop(error.cause, task, {}), task)
        except HostEnded:
            pass
        except PlayEnded as ended:
            group.ended = True
            group.whole_play_ended = group.whole_play_ended or ended.whole_play
        finally:
            self.drop_pending()
            group.positions.finish(self.node)

    def _leave(self, reason: str, stop: Stop, last: Task | None) -> None:
        self.group.leave(self.node, stop, self.heard)
        self.state.drop(self.node, reason, cause=stop.cause, skipped=self._remaining(last))

    async def _facts_of_play(self) -> None:
        """Ask for what the play wants to know before its first task."""
        play = self.group.play
        try:
            if play.gather_facts:
                await self.gather(groups_of(play.gather_subset or ("all",)))
            while groups := self.variables.read_files():
                await self._gather_ahead(groups)
        except NodeGoneError as error:
            if not (play.ignore_unreachable and error.unreachable):
                raise
            self.state.say(f"its facts are not known: {error.reason}", node=self.node)

    async def _forced_handlers(self) -> None:
        """Run what was notified although the node has failed, where the play says so."""
        if not self.group.play.force_handlers:
            return
        self.drop_pending()
        self.heard, self.leaving = self.group.stop, True
        self.handlers.running = False
        try:
            await self.handlers.run(self._order)
            await self.flush()
        except WalkEnded as error:
            self.state.say(f"handlers of {self.group.play.name} ended early: {error}", node=self.node)

    @property
    def _order(self) -> Order:
        """The place of the task that is being done."""
        return (0,) if self._current is None else self._current.order

    # -- tasks and blocks

    async def _section(self, section: tuple[Entry, ...]) -> None:
        await self.do(section)
        if section:
            await self.await_notifiers()
            end = after(max((task.order for task in flatten(section)), default=self._order))
            if not self.pending:
                await self.end_of(section, "before handlers")
            await self.handlers.run(end)

    async def await_notifiers(self) -> None:
        """Send what is pending where it may notify handlers that are to run next, or nodes go side by side."""
        if self.group.play.linear or self.state.record is not None or any(map(may_notify, self.pending)):
            await self.flush()

    async def end_of(self, entries: tuple[Entry, ...], before: str) -> None:
        """Say that tasks are done, and hear what became of them elsewhere where nodes go side by side."""
        end = after(max((task.order for task in flatten(entries)), default=self._order))
        if not self.handlers.running:
            self.group.positions.advance(self.node, end)
            if self.group.play.linear:
                await meeting.reach(self, end, before)
                meeting.check_stop(self)

    async def do(self, entries: Iterable[Entry]) -> None:
        """Do tasks and blocks in order; the last ones may still be pending when this returns."""
        for entry in entries:
            if isinstance(entry, Task):
                await self._task(entry)
            elif isinstance(entry, Block):
                await self.flush()
                await do_block(self, entry)
            elif isinstance(entry, Include):
                await include(self, entry)
            else:
                await do_role(self, entry)

    async def arrive(self, task: Task, *, for_all: bool = False) -> str | None:
        """Come to a task, waiting for others where that must be; return its key, or None where tags leave it out."""
        group, in_handlers = self.group, self.handlers.running
        if not in_handlers:
            if not self.state.plan.tags.wants(task):
                return None
            self._current = group.at[self.node] = task
            if not self.pending:
                group.positions.advance(self.node, task.order)
        if group.ended and not self.leaving:
            raise PlayEnded(whole_play=group.whole_play_ended)
        if group.play.linear or for_all or task.needs:
            await self.flush()
            await meeting.together(self, task, for_all=for_all)
        return f"h{self.handlers.round}.{task.key}" if in_handlers else task.key

    async def _task(self, task: Task) -> None:
        for_all = task.run_once or self._concerns_all(task)
        key = await self.arrive(task, for_all=for_all)
        if key is None:
            return
        if task.module == "meta":
            if task.arguments.get("free_form") not in alone.GO_ON:
                await self.flush()
            await alone.meta(self, task, key)
        elif for_all:
            await meeting.meet(self, task, key)
        elif not await replay(self, task, key):
            step = await self.prepare(task, key)
            if step is not None:
                await self.take(step)

    def _concerns_all(self, task: Task) -> bool:
        module = self.state.workshop.find_module(task.module)
        return module.group is not None or module.once

    # -- steps

    async def prepare(self, task: Task, key: str) -> Step | None:
        """Make a task ready, asking nodes for what its templates need; None when it failed and may."""
        self._sent = []
        step = await self._prepare(task, key)
        if step is not None and self.state.watcher is not None:
            await self._watched(step, self.state.watcher)
        return step

    async def _prepare(self, task: Task, key: str) -> Step | None:
        while True:
            try:
                return self._made(task, key)
            except UnobservedNeeded as unknown:
                return await self._unobserved(task, key, unknown)
            except FactsNeeded as needed:
                await self.flush()
                try:
                    await self._gather_ahead(needed.groups)
                except NodeGoneError as error:
                    await unreachable.pass_over_task(self, task, key, error)
                    return None
            except OtherFactsNeeded as other:
                await self.flush()
                await self.gather(other.groups, other.node)
            except OtherNodeNeeded as other:
                await self.flush()
                self.group.positions.advance(self.node, task.order)
                with self.state.activity.doing(self.node, f"waits for {other.node} before {task.name}"):
                    await self.group.positions.reached(other.node, after(other.task))
            except NotKnownYet:
                if not self.pending:
                    self.variables.take_back()
                await self.flush()
            except HivectlError as error:
                if self.pending:
                    # what comes before it happens before it fails, and may change what it sees
                    await self.flush()
                    continue
                await self._fail_unprepared(task, key, error)
                return None

    def _made(self, task: Task, key: str) -> Step:
        if self.variables.frames:
            self.state.entitle(self.group.play, task, self.node)
        scope = self.variables.for_task(task)
        return make_step(self.state.workshop, task, self.node, key, scope, alone.decide)

    async def _watched(self, step: Step, watcher: Watcher) -> None:
        try:
            watcher.prepared(step)
        except NodeGoneError:
            # what comes before it is as it was planned
            await self.flush()
            raise

    async def _unobserved(self, task: Task, key: str, unknown: UnobservedNeeded) -> Step:
        """Return a step of which a plan knows nothing: what it needs is known only when the plan is applied."""
        scope = self.variables.for_task(task)
        outcome: Result = {"changed": False, "skipped": True, UNOBSERVED: True, "msg": str(unknown)}
        if task.module == "set_fact":
            self.variables.unobserve(*map(str, task.arguments), since=unknown.since)
        return Step(
            key=key,
            node=self.node,
            actor=self.node,
            task=task,
            module=self.state.workshop.find_module(task.module),
            options=StepOptions(check=True, no_log=task.keywords.get("no_log", False) is not False),
            iterations=[Iteration(index=0, scope=scope, outcome=outcome)],
            scope=scope,
        )

    async def _fail_unprepared(self, task: Task, key: str, error: HivectlError) -> None:
        scope = self.variables.for_task(task)
        ignore = task.keywords.get("ignore_errors") is True
        step = Step(
            key=key,
            node=self.node,
            actor=self.node,
            task=task,
            module=self.state.workshop.find_module(task.module),
            # what a template of `no_log` says is not known: it is taken for yes
            options=StepOptions(ignore_errors=ignore, no_log=task.keywords.get("no_log", False) is not False),
            iterations=[Iteration(index=0, scope=scope, outcome=failure(error))],
            scope=scope,
        )
        await conclude(self, step)

    async def take(self, step: Step) -> None:
        """Queue a step, or do it at once where it cannot travel with its neighbours."""
        settled = True
        for iteration in step.iterations:
            if iteration.outcome is None:
                settled = False
                break
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
                self.remember(step.task, *result_of(step), queued=True)
            else:
                self.variables.expect(step.task)
            if not settled and (step.needs_verdict or self._is_full()):
                await self.flush()
        else:
            await self.flush()
            await alone.attempt(self, step)

    def _may_travel(self, step: Step) -> bool:
        return (
            step.in_batches
            and step.actor == self.node
            and not step.scattered
            and not step.task.uses
            and not step.options.throttle
            and not step.attempts_several
            and not step.item_by_item
        )

    def _same_rights(self, step: Step) -> bool:
        for other in self.pending:
            for iteration in other.iterations:
                if iteration.outcome is None:
                    return other.options.become == step.options.become
        return True

    def _is_full(self) -> bool:
        while self._counted < len(self.pending):
            self._operations += sum(len(one.operations) for one in self.pending[self._counted].iterations)
            self._counted += 1
        return self._operations >= BATCH_OPERATIONS

    # -- batches

    def drop_pending(self) -> None:
        """Forget what is queued: it will not be done."""
        self.pending.clear()
        self._operations = self._counted = 0
        self.handlers.put_back()
        self.variables.take_back()

    async def flush(self) -> None:
        """Send what is pending in one batch, and conclude its steps in order."""
        if not self.pending:
            return
        steps, self.pending = self.pending, []
        self._operations = self._counted = 0
        await unreachable.send(self, steps)

    async def send(self, steps: list[Step], *, uses: Mapping[str, int] | None = None) -> None:
        """Carry out steps of one user's rights and conclude each in order.

        Raises:
            StepFailedError: the first that failed without leave; those behind it were not done.
            NodeGoneError: the node is gone.
        """
        state = self.state
        places = batches.places_of(steps)
        if state.watcher is not None:
            places = state.watcher.places(places)
        if not places:
            for step in steps:
                self._settle(step)
                await conclude(self, step)
            return
        actor = steps[0].actor if len(steps) == 1 else self.node
        resumed = self.begun_before(steps)
        self.doubt(steps)
        if steps[0].options.throttle:
            state.limits.know(throttle_of(steps[0].task), steps[0].options.throttle)
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
                        if state.watcher is not None:
                            state.watcher.saw(place, result)
                        place.iteration.results.append(result)
                        if place.last:
                            await self._conclude_next(waiting, clock, result.held)
                            if waiting:
                                state.begin(self.group.play, self.node, waiting[0].task)
                                state.activity.now_doing(actor, waiting[0].task.name)
                while waiting:
                    await self._conclude_next(waiting, clock)

    async def _conclude_next(self, waiting: list[Step], clock: batches.Clock, held: float = 0.0) -> None:
        step = waiting.pop(0)
        step.seconds = clock.lap(held)
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

    def doubt(self, steps: list[Step]) -> None:
        """Mark the steps that an earlier attempt at this run may have begun."""
        if (record := self.state.record) is not None:
            for step in steps:
                step.uncertain = step.key in self._left_open(record)

    def may_repeat(self, task: Task, key: str) -> bool:
        """Tell whether a task only looks or decides, so that doing it again undoes nothing that came behind it."""
        module = self.state.workshop.find_module(task.module)
        if module.operations is None:
            return module.decide is not None
        try:
            step = self._made(task, key)
        except (NotKnownYet, HivectlError):
            return False
        return all(looks(operation) for one in step.iterations for operation in one.operations)

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

    async def _gather_ahead(self, needed: tuple[str, ...]) -> None:
        """Ask for facts that are needed now, and in the same turn for those that the play will need."""
        known = self.state.scopes.memory(self.node).facts.groups
        await self.gather(self.state.facts_ahead.with_those_ahead(needed, self.group, known))

    async def gather(self, groups: tuple[str, ...], node: str | None = None) -> None:
        """Ask this node, or another one, for facts.

        Raises:
            NodeGoneError: this node does not tell; what another one does not tell is undefined.
        """
        if not groups:
            return
        state, asked = self.state, node or self.node
        item = Item(
            key="facts", step=0, chain=0, operation=Facts(groups=groups, fact_path=self.group.play.fact_path)
        )
        try:
            with state.activity.doing(asked, "gathers facts"):
                async with state.limits.use({"forks": 1}):
                    result = await alone.operate(self, item, asked)
        except NodeGoneError:
            if asked == self.node:
                raise
            result = {}
        for text in result.get("warnings", ()):
            state.say(text, node=asked)
        state.scopes.memory(asked).facts.add(result.get("ansible_facts", {}), groups)
        self.variables.changed()

    def remember(self, task: Task, result: Result, outcomes: list[Result], *, queued: bool = False) -> None:
        """Let later tasks see a result and the facts that came with it; `queued`: tasks before it may still fail."""
        for outcome in outcomes:
            if facts := outcome.get("ansible_facts"):
                if (other := outcome.get(FACTS_OF, self.node)) != self.node:
                    self.state.scopes.give(other, facts, as_facts=task.module == "setup")
                elif task.module == "setup":
                    self.variables.add_facts(facts, ())
                elif task.module == "include_vars":
                    self.variables.include(facts, queued=queued)
                else:
                    self.variables.put(facts, queued=queued)
                    if outcome.get("_ansible_facts_cacheable") and not queued:
                        self.variables.add_facts(facts, ())
        self.variables.arrived(task, result, queued=queued)
        if result.get(UNOBSERVED) and task.register:
            self.variables.unobserve(task.register, since=task.name)
        self.results[task.number] = result

    # -- what is left

    def _remaining(self, last: Task | None) -> int:
        """Return how many tasks are behind the failed one, or the one that the node had come to before."""
        order = self._order if last is None or last.handler else min(last.order, self._order)
        sections = self.group.play.sections
        behind = (task for one in sections for task in flatten(one, self.state.plan.tags.wants))
        return sum(1 for task in behind if task.order > order)

    def _told_gone(self, error: NodeGoneError) -> Stop:
        """Tell at which task the node was lost."""
        sent = self._sent[0] if self._sent else None
        task = sent.task if sent else self._current
        result: Result = {"changed": False, "unreachable": error.unreachable, "msg": error.reason}
        self.drop_pending()
        if task is None:
            task = next(iter(self.state.plan.tasks.values()))
            return Stop(f"{self.node}: {error.reason}", task, result)
        status = Status.UNREACHABLE if error.unreachable else Status.FAILED
        key = sent.key if sent else task.key
        end = StepEnd(key=key, status=status, result=result, reason=error.reason)
        self.state.finished(self.group.play, self.node, task, end)
        return Stop(f"{self.node}: {task.name}", task, result)
