"""One run from its first word to its last: plan, reserve, carry out, journal, clean up, sum up."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import field, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hivectl.drivers.errors import HelperError
from hivectl.engine.activity import Activity
from hivectl.engine.context import NodeAccess
from hivectl.engine.drift import Bringing, Looking
from hivectl.engine.events import NodeSummary, Reserved, RunEnded, RunStarted
from hivectl.engine.expansion import Expansions
from hivectl.engine.facts_ahead import FactsAhead
from hivectl.engine.handlers import OwedHandlers
from hivectl.engine.holding import Claim, Holding, hold
from hivectl.engine.inputs import digests_of, written_files
from hivectl.engine.journal import Header, Journal, Record, new_run_id, read_journal
from hivectl.engine.lab import beside
from hivectl.engine.limits import Limits
from hivectl.engine.plan import LOCALHOST, Plan, Tags, build_plan, start_of
from hivectl.engine.plays import run_plays
from hivectl.engine.prompting import answered
from hivectl.engine.redactor import Redactor, find_secrets
from hivectl.engine.saved_plan import check_place, planned, refuse_other_plan, refuse_stale_inputs, write_plan
from hivectl.engine.scopes import Scopes
from hivectl.engine.sessions import Sessions
from hivectl.engine.state import RunState
from hivectl.engine.steps import Workshop
from hivectl.engine.validation import check_included, validate_playbook
from hivectl.engine.watching import Guard, Planner
from hivectl.model.errors import ExitCode, HivectlError, InputError
from hivectl.model.playbook_loader import load_playbook
from hivectl.model.records import record
from hivectl.model.selectors import select
from hivectl.model.templates import Templates
from hivectl.modules.registry import find_module, known_module, module_names
from hivectl.store.applied import Applied, AppliedRow
from hivectl.store.health import HEALTHY, OFFLINE, NodeHealth
from hivectl.store.history import History, NodeRun, RunRow
from hivectl.store.process import owner
from hivectl.store.reservations import StoredReservations

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hivectl.drivers.session import NodeSession
    from hivectl.engine.events import Listener
    from hivectl.engine.lab import Lab
    from hivectl.engine.options import RunOptions
    from hivectl.engine.watching import Watcher
    from hivectl.model.playbook import Playbook
    from hivectl.model.secret import Secret
    from hivectl.reservations.base import Grant
    from hivectl.store.base import Store

UNLOCK_SECONDS = 5.0
# without power, for a board that hangs: its capacitors are empty by then
OFF_SECONDS = 3.0


@record(frozen=False)
class Ending:
    """How a run ended, as far as that is not in its steps.

    Attributes:
        stop: "interrupted" or "terminated".
        lost: the reservation was lost.
    """

    stop: str | None = None
    lost: str | None = None
    errors: list[HivectlError] = field(default_factory=list)


async def run_playbook(lab: Lab, options: RunOptions, listeners: Sequence[Listener]) -> RunEnded:
    """Plan and run a playbook.

    A stop is delivered by cancelling the task that awaits this, with the message "interrupted" or "terminated":
    `always` sections run, nodes are given back, and the run ends with that status instead of raising.

    Args:
        lab: the inventory and the store.
        options: the command line's choices.
        listeners: see every event.

    Raises:
        Complaints: the files are wrong.
        HeldError: others hold some of the nodes.
        StoreError, JournalError: the lab's store or the journal cannot be used.
    """
    record = read_journal(lab.run_folder(), options.resume) if options.resume else None
    if options.out is not None:
        check_place(options.out)
    if options.plan is not None:
        refuse_stale_inputs(options.plan)
    if record is not None:
        options = _as_it_began(options, record)
    run = record.header.run if record else new_run_id()
    if (path := playbook_of(options, record)) is not None:
        lab = beside(lab, path)
    playbook, plan = prepare(lab, options, record, run=run)
    options = replace(options, answers=answered(playbook, options))
    with contextlib.closing(lab.open_store()) as database:
        header = _header(lab, options, playbook, run)
        if record is not None:
            _check_unchanged(record, header)
        if options.plan is not None:
            refuse_other_plan(options.plan, header.inputs, plan.nodes)
        journal = (
            Journal.reopen(lab.run_folder(), run) if record else Journal.create(lab.run_folder(), header)
        )
        try:
            going = _Run(lab, options, listeners, plan, journal, database, header, record)
            ended = await going.go()
        finally:
            journal.close()
    if options.out is not None and ended.exit_code == ExitCode.DONE:
        going.save(options.out)
    return ended


def prepare(
    lab: Lab, options: RunOptions, record: Record | None = None, *, run: str = ""
) -> tuple[Playbook, Plan]:
    """Load and check a playbook, and plan it for the run of that identity.

    Raises:
        Complaints: every fault in it.
        InputError: there is no playbook.
    """
    path = playbook_of(options, record)
    if path is None:
        raise InputError("no playbook is named", hint="for example `hivectl apply playbook.yml`")
    lab = beside(lab, path)
    playbook = load_playbook(path, known_module, module_names)
    validate_playbook(playbook, lab.inventory, options.extra_variables)
    plan = build_plan(
        playbook,
        lab.inventory,
        limit=options.limit,
        tags=Tags(options.tags, options.skip_tags, start_of(playbook, options.start_at)),
        free=lambda: _free(lab),
        seed=run,
        # what a run that is resumed has done already needs its files no more
        sources=record is None,
    )
    return playbook, plan


def playbook_of(options: RunOptions, record: Record | None) -> Path | None:
    """Return the playbook that is meant: the one that is named, or that of the run that is resumed."""
    return options.playbook or (Path(record.header.playbook) if record else None)


class _Run:
    """The parts of one run, and the order in which they begin and end."""

    def __init__(
        self,
        lab: Lab,
        options: RunOptions,
        listeners: Sequence[Listener],
        plan: Plan,
        journal: Journal,
        database: Store,
        header: Header,
        record: Record | None,
    ) -> None:
        self.started = time.time()
        self.lab = lab
        self.database = database
        self.plan = plan
        self.options = options
        self.journal = journal
        self.header = header
        self.record = record
        self.reservations = StoredReservations(database, limit=lab.longest)
        self.history = History(database)
        self.applied = Applied(database)
        self.sessions = Sessions(lab, None if options.check else self._recover)
        self.holding = Holding()
        self._extending = asyncio.Lock()
        self.ending = Ending()
        self._accesses: dict[str, NodeAccess] = {}
        redactor = Redactor(_secrets(lab, plan, options))
        templates = Templates(
            folder=plan.playbook.path.resolve().parent,
            allowed=plan.playbook.allowed,
            select=lambda expression: select(expression, lab.inventory),
            warn=lambda message: self.state.say(message, level="warning"),
            learn=redactor.learn,
        )
        self.state = RunState(
            run=header.run,
            plan=plan,
            options=options,
            scopes=Scopes(lab.inventory, plan.playbook, options, templates, header.run, redactor.learn),
            workshop=Workshop(
                options=options,
                run=header.run,
                folder=plan.playbook.path.resolve().parent,
                find_module=cache(find_module),
                access=self._access,
                redactor=redactor,
            ),
            sessions=self.sessions,
            journal=journal,
            listeners=listeners,
            limits=Limits({**lab.inventory.limits, "forks": options.forks}),
            redactor=redactor,
            owed=OwedHandlers(self.history, header.playbook, header.run),
            record=record,
            watcher=_watcher(options),
            drift=Looking(self.applied.steps(header.playbook)) if options.check else Bringing(),
        )
        self.state.expansions = Expansions(
            plan.playbook,
            plan.tasks,
            find_module=known_module,
            module_names=module_names,
            check=partial(check_included, lab.inventory, plan),
            learn=redactor.learn,
        )
        self.state.facts_ahead = FactsAhead(lab.inventory, plan.playbook.path.resolve().parent)
        self.state.activity = Activity(self.state.emit, options.word_after)

    def save(self, path: Path) -> None:
        """Save the plan that this run has made; raises PlanFileError."""
        assert isinstance(self.state.watcher, Planner)
        write_plan(
            path,
            planned(
                self.options,
                self.header,
                self.plan.nodes,
                self.state.workshop.files,
                self.state.watcher.steps,
            ),
        )

    async def go(self) -> RunEnded:
        """Carry the run out."""
        await self.state.owed.load()
        self._begin()
        watching = asyncio.ensure_future(self.state.activity.watch())
        try:
            async with contextlib.AsyncExitStack() as stack:
                nodes = [
                    node
                    for node in self.plan.nodes
                    if node != LOCALHOST or node in self.state.scopes.inventory.nodes
                ]
                if nodes and self._must_hold():
                    await self._hold(stack, nodes)
                stack.push_async_callback(self._let_go)
                await self._work()
        except asyncio.CancelledError as error:
            self._stopped(error)
        except HivectlError as error:
            await self._end("failed", error.exit_code, cause=error)
            raise
        except BaseException as error:
            await self._end("fault", ExitCode.FAULT, cause=error)
            raise
        finally:
            watching.cancel()
            await asyncio.wait([watching])
        return await self._end(*self._verdict())

    async def _work(self) -> None:
        work = asyncio.ensure_future(run_plays(self.state))
        self._working = work
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError as error:
            if self.ending.lost is None:
                self._stopped(error)
            work.cancel()
            await asyncio.wait([work])
        if work.done() and not work.cancelled() and (fault := work.exception()) is not None:
            raise fault

    def _stopped(self, error: asyncio.CancelledError) -> None:
        task = asyncio.current_task()
        assert task is not None
        if task.cancelling():
            # the stop has been heard; clean-up may wait and use timeouts again
            task.uncancel()
            self.ending.stop = str(error.args[0]) if error.args else "interrupted"

    async def _hold(self, stack: contextlib.AsyncExitStack, nodes: Sequence[str]) -> None:
        self.holding = await stack.enter_async_context(
            hold(
                self.reservations,
                Claim(
                    nodes=nodes,
                    reason=self.options.reason or f"{self.header.mode} {Path(self.header.playbook).name}",
                    wait=self.options.wait,
                    under=self.options.reservation,
                ),
                emit=self.state.emit,
                on_loss=self._lost,
                clean=self._clean,
            )
        )
        self._say_held()

    async def _clean(self, grant: Grant) -> Mapping[str, str]:
        from hivectl.engine.cleanup import clean_up  # which runs playbooks itself

        return await clean_up(self.lab, self.database, grant, sorted(grant.dirty))

    def _say_held(self) -> None:
        assert self.holding.grant is not None
        self.state.emit(
            Reserved(
                time=time.time(),
                reservation=self.holding.grant.reservation,
                nodes=tuple(self.holding.grant.tokens),
            )
        )

    def _lost(self, reason: str) -> None:
        self.ending.lost = reason
        self.state.say(reason, level="error")
        self._working.cancel()

    def _must_hold(self) -> bool:
        """A run that only looks holds nothing, unless a task acts even then."""
        acts = any(task.keywords.get("check_mode") not in (None, True) for task in self.plan.tasks.values())
        return not self.options.check or acts

    def _access(self, node: str) -> NodeAccess:
        if (known := self._accesses.get(node)) is not None:
            return known
        watcher = self.state.watcher
        access = self._accesses[node] = NodeAccess(
            open=lambda: self._open(node),
            fence=lambda: self.holding.fence(node),
            say=lambda text: self.state.say(text, level="info", node=node),
            power=lambda: self.sessions.power(node),
            partial=lambda key, data: self.state.partial(node, key, data),
            board=self.sessions.board(node),
            plug=lambda: self.sessions.plug(node),
            quarantine=lambda reason: self._quarantine(node, reason),
            touched=None if watcher is None else lambda: watcher.touched(node),
        )
        return access

    def _quarantine(self, node: str, reason: str) -> None:
        if node in self.state.scopes.inventory.nodes:
            NodeHealth(self.database).quarantine([node], reason, self.header.owner)
            self.state.say(f"is quarantined until `hivectl unquarantine {node}`: {reason}", node=node)

    async def _recover(self, node: str) -> None:
        """Switch the power of a board that hangs off and on."""
        self.holding.fence(node)
        self.state.say("does not answer: its power is switched off and on", node=node)
        await self.sessions.power(node).cycle(OFF_SECONDS)

    async def _open(self, node: str) -> NodeSession:
        """Return a node's session; one that only a template has named is held first."""
        grant = self.holding.grant
        if grant is not None and node not in grant.tokens and node in self.state.scopes.inventory.nodes:
            async with self._extending:
                await self.holding.extend(self.reservations, node)
            self._say_held()
        return await self.sessions.of(node)

    async def _let_go(self) -> None:
        """Give nodes back, side by side, and close what is open; each with a deadline of its own."""
        if self.holding.grant is not None and self.holding.lost is None:
            await asyncio.gather(*(self._unlock(node, session) for node, session in self.sessions.opened()))
        await self.sessions.close()

    async def _unlock(self, node: str, session: NodeSession) -> None:
        fence = self.holding.fence(node)
        if fence is None or node in self.state.unreachable:
            return
        try:
            async with asyncio.timeout(UNLOCK_SECONDS):
                for connection in session.opened():
                    await connection.unlock(fence)
        except HelperError:
            return  # no helper, no lock
        except (HivectlError, TimeoutError) as error:
            # the node's lock ends by itself when its time is over
            why = str(error) or "it does not answer"
            self.state.say(f"the node's lock stands for up to a minute: {why}", level="info", node=node)

    # -- words and rows

    def _begin(self) -> None:
        self.history.begin(
            RunRow(
                run=self.header.run,
                playbook=self.header.playbook,
                mode=self.header.mode,
                owner=self.header.owner,
                started=self.header.started,
                ended=None,
                status="running",
                exit_code=None,
                nodes=len(self.plan.nodes),
            )
        )
        self.state.emit(
            RunStarted(
                time=self.started,
                run=self.header.run,
                playbook=self.header.playbook,
                mode=self.header.mode,
                nodes=self.plan.nodes,
                steps=self.plan.steps,
                resumed=self.record.header.run if self.record else None,
            )
        )

    def _verdict(self) -> tuple[str, ExitCode]:
        state = self.state
        if self.ending.stop == "terminated":
            return "terminated", ExitCode.TERMINATED
        if self.ending.stop is not None:
            return "interrupted", ExitCode.INTERRUPTED
        if state.stale:
            return "failed", ExitCode.STALE_PLAN
        if self.ending.lost or state.lost:
            return "failed", ExitCode.NOT_RESERVED
        if state.unreachable:
            return "failed", ExitCode.UNREACHABLE
        return ("failed", ExitCode.FAILED) if state.failures else ("ok", ExitCode.DONE)

    async def _end(self, status: str, code: ExitCode, *, cause: BaseException | None = None) -> RunEnded:
        """Write down how the run ended and tell it; `cause`: what is raised, and told, behind it."""
        state = self.state
        await self.journal.settle()
        ended = RunEnded(
            time=time.time(),
            run=self.header.run,
            status=status,
            exit_code=int(code),
            seconds=time.time() - self.started,
            nodes=state.tally.summaries(self.plan.nodes),
            stats=state.stats.values,
            critical_path=state.tally.critical_path(),
            slowest=state.tally.slowest(),
            pending_handlers=state.owed.remaining() if not self.options.check else (),
            # a run that was refused has nothing to go on with; one whose nodes have not answered yet has
            resume=code is not ExitCode.DONE
            and self.options.plan is None
            and not self.options.check
            and (bool(state.tally.counts) or self.journal.intended),
            reason=self.ending.lost or "",
        )
        for write in (self._close_journal, self._close_history, self._close_health, self._close_drift):
            try:
                write(ended)
            except HivectlError as fault:
                # what has been done has been done: it is told all the same
                if cause is None:
                    state.say(str(fault), level="error")
                if code is ExitCode.DONE:
                    ended = replace(ended, status="failed", exit_code=int(fault.exit_code))
        if isinstance(state.watcher, Planner) and state.watcher.blind:
            nodes = ", ".join(sorted(state.watcher.blind))
            state.say(
                f"{nodes} cannot tell what they find: `apply --plan` will not notice what changes there"
            )
        state.emit(ended)
        return ended

    def _close_journal(self, ended: RunEnded) -> None:
        self.journal.close({"time": ended.time, "status": ended.status, "exit_code": ended.exit_code})

    def _close_health(self, _ended: RunEnded) -> None:
        reached = {node: (HEALTHY, "") for node, session in self.sessions.opened() if session.reached}
        gone = {node: (OFFLINE, self.state.failures.get(node, "")) for node in self.state.unreachable}
        known = self.state.scopes.inventory.nodes
        NodeHealth(self.database).saw(
            {node: seen for node, seen in (reached | gone).items() if node in known}
        )

    def _close_history(self, ended: RunEnded) -> None:
        self.history.end(
            self.header.run,
            ended=ended.time,
            status=ended.status,
            exit_code=ended.exit_code,
            nodes=[] if self.options.check else list(self._node_runs(ended)),
        )

    def _close_drift(self, ended: RunEnded) -> None:
        """Keep what was applied, or what a look has shown."""
        state, playbook = self.state, self.header.playbook
        bad = set(state.failures) | {
            node for node, one in ended.nodes.items() if one.failed or one.unreachable
        }
        # a run that was stopped, or that some tags were left out of, says nothing of what it has not done
        whole = self.ending.stop is None and self.ending.lost is None and state.plan.tags == Tags()
        done = frozenset(ended.nodes) - bad if whole else frozenset()
        if isinstance(state.drift, Bringing):
            before = self.applied.steps(playbook) if len(done) < len(ended.nodes) else {}
            rows = [
                (
                    AppliedRow(
                        node=node, playbook=playbook, run=self.header.run, at=ended.time, whole=node in done
                    ),
                    steps,
                )
                for node, steps in state.drift.steps(before, done)
            ]
            if rows:
                self.applied.put(rows)
        elif isinstance(state.drift, Looking):
            look = state.drift
            seen = {
                node: (look.drifted.get(node, ()), node in done)
                for node, one in ended.nodes.items()
                if look.knows(node) and one != NodeSummary()
            }
            if seen:
                self.applied.look(playbook, ended.time, seen)

    def _node_runs(self, ended: RunEnded) -> Iterator[NodeRun]:
        for node, summary in ended.nodes.items():
            if summary != NodeSummary():  # a run that was refused leaves the node's last one
                yield NodeRun(
                    node=node,
                    run=self.header.run,
                    status=_node_status(
                        summary, failed=node in self.state.failures, stopped=self.ending.stop is not None
                    ),
                    changed=summary.changed,
                    ended=ended.time,
                )


def _node_status(summary: NodeSummary, *, failed: bool, stopped: bool) -> str:
    if stopped:
        return "interrupted"
    if summary.unreachable:
        return "unreachable"
    if failed or summary.failed:
        return "failed"
    return "changed" if summary.changed else "ok"


def _watcher(options: RunOptions) -> Watcher | None:
    if options.plan is not None:
        return Guard(options.plan)
    return Planner(looking=options.out is not None) if options.mode in ("plan", "refresh") else None


def _free(lab: Lab) -> frozenset[str]:
    with contextlib.closing(lab.open_store()) as database:
        held = StoredReservations(database).holders()
    return frozenset(lab.inventory.nodes) - frozenset(held)


def _header(lab: Lab, options: RunOptions, playbook: Playbook, run: str) -> Header:
    return Header(
        run=run,
        playbook=str(playbook.path.resolve()),
        inventories=tuple(str(path.resolve()) for path in lab.inventory.paths),
        mode=options.mode,
        owner=owner(),
        started=time.time(),
        inputs=digests_of(written_files(playbook, lab.inventory)),
        options={
            **({"plan": options.plan.run} if options.plan else {}),
            "limit": options.limit,
            "tags": sorted(options.tags),
            "skip_tags": sorted(options.skip_tags),
            **({"start_at": options.start_at} if options.start_at else {}),
            "variables": {
                name: value
                for name, value in options.extra_variables.items()
                if not any(find_secrets([value]))
            },
            "secret_variables": sorted(
                name for name, value in options.extra_variables.items() if any(find_secrets([value]))
            ),
        },
    )


def _as_it_began(options: RunOptions, record: Record) -> RunOptions:
    """Return the options with those of the run that is resumed where the command line has none."""
    began = record.header.options
    return replace(
        options,
        limit=options.limit if options.limit is not None else began["limit"],
        tags=options.tags or frozenset(began["tags"]),
        skip_tags=options.skip_tags or frozenset(began["skip_tags"]),
        start_at=options.start_at or began.get("start_at"),
        extra_variables={**began["variables"], **options.extra_variables},
    )


def _check_unchanged(record: Record, header: Header) -> None:
    if record.header.options.get("plan"):
        raise InputError(
            f"run {header.run} applied a saved plan, which is over: nodes are not what it saw any more",
            hint="plan again",
        )
    if record.status == "ok":
        raise InputError(f"run {header.run} is done: there is nothing to resume", hint="apply afresh")
    changed = [path for path, digest in header.inputs.items() if record.header.inputs.get(path) != digest]
    if changed or len(header.inputs) != len(record.header.inputs):
        what = ", ".join(changed) or "the set of files"
        raise InputError(f"run {header.run} cannot go on: {what} has changed since", hint="apply afresh")
    if dict(header.options) != dict(record.header.options):
        had = ", ".join(f"{name} {value}" for name, value in record.header.options.items() if value)
        raise InputError(
            f"run {header.run} had other options ({had or 'none'})",
            hint="give the same ones, or apply afresh",
        )


def _secrets(lab: Lab, plan: Plan, options: RunOptions) -> Iterator[Secret]:
    """Find every secret that the files and the command line hold, without revealing any."""
    inventory = lab.inventory
    roots: list[Any] = [inventory.variables, options.extra_variables, options.become_password]
    roots += [dict(answers) for answers in options.answers.values()]
    roots += [hive.variables for hive in inventory.hives.values()]
    for node in inventory.nodes.values():
        roots.append(node.variables)
        roots += [connection.attributes for connection in node.connections]
    for play in plan.playbook.plays:
        roots.append(play.variables)
    used = [*(role for play in plan.playbook.plays for role in play.roles)]
    used += [task.role for task in plan.tasks.values() if task.role is not None]
    for role in {id(role): role for role in used}.values():
        roots += [role.defaults, role.variables, role.parameters]
    for task in plan.tasks.values():
        roots += [task.arguments, task.keywords, *task.variables, *task.environment]
    return find_secrets(roots)
