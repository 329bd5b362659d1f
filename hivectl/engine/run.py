"""One run from its first word to its last: plan, reserve, carry out, journal, clean up, sum up."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from hivectl.engine import fencing
from hivectl.engine.activity import Activity
from hivectl.engine.chosen import with_headers
from hivectl.engine.context import NodeAccess
from hivectl.engine.drift import Bringing, Looking
from hivectl.engine.events import Reserved, RunEnded, RunStarted
from hivectl.engine.expansion import Expansions
from hivectl.engine.facts_ahead import FactsAhead
from hivectl.engine.handlers import OwedHandlers
from hivectl.engine.headers import as_it_began, check_unchanged, header_of
from hivectl.engine.holding import Claim, Holding, hold
from hivectl.engine.journal import Header, Journal, Record, new_run_id, read_journal
from hivectl.engine.lab import beside
from hivectl.engine.ledger import Ending, Ledger
from hivectl.engine.limits import Limits
from hivectl.engine.plan import LOCALHOST, Plan, Tags, build_plan, start_of
from hivectl.engine.plays import run_plays
from hivectl.engine.prompting import answered
from hivectl.engine.redactor import Redactor, secrets_of
from hivectl.engine.saved_plan import check_place, planned, refuse_other_plan, refuse_stale_inputs, write_plan
from hivectl.engine.scopes import Scopes
from hivectl.engine.sessions import Sessions
from hivectl.engine.state import RunState
from hivectl.engine.steps import Workshop
from hivectl.engine.validation import check_included, validate_playbook
from hivectl.engine.watching import Guard, Planner
from hivectl.model.errors import ExitCode, HivectlError, InputError
from hivectl.model.playbook_loader import load_playbook
from hivectl.model.selectors import select
from hivectl.model.templates import Templates
from hivectl.modules.registry import find_module, known_module, module_names
from hivectl.store.reservations import StoredReservations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hivectl.drivers.session import NodeSession
    from hivectl.engine.events import Listener
    from hivectl.engine.lab import Lab
    from hivectl.engine.options import RunOptions
    from hivectl.engine.watching import Watcher
    from hivectl.model.playbook import Playbook
    from hivectl.reservations.base import Grant
    from hivectl.store.base import Store

# without power, for a board that hangs: its capacitors are empty by then
OFF_SECONDS = 3.0


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
        options = as_it_began(options, record)
    run = record.header.run if record else new_run_id()
    if (path := playbook_of(options, record)) is not None:
        lab = beside(lab, path)
    playbook, plan = prepare(lab, options, record, run=run)
    options = replace(options, answers=answered(playbook, options))
    with contextlib.closing(lab.open_store()) as database:
        header = header_of(lab, options, playbook, run)
        if record is not None:
            check_unchanged(record, header)
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
    playbook = with_headers(playbook, lab.inventory, options.extra_variables)
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
        self.ledger = Ledger(database, journal, header)
        self.sessions = Sessions(lab, None if options.check else self._recover)
        self.holding = Holding()
        self._extending = asyncio.Lock()
        self.ending = Ending()
        self._working: asyncio.Future[None] | None = None
        self._accesses: dict[str, NodeAccess] = {}
        redactor = Redactor(secrets_of(lab, plan, options))
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
            owed=OwedHandlers(self.ledger.history, header.playbook, header.run),
            record=record,
            watcher=_watcher(options),
            drift=Looking(self.ledger.applied.steps(header.playbook)) if options.check else Bringing(),
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
        if self._working is not None:
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
            self.ledger.quarantine(node, reason)
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
        if why := await fencing.give_back(session.opened(), fence):
            self.state.say(why, level="info", node=node)

    def _begin(self) -> None:
        self.ledger.begin(len(self.plan.nodes))
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
        causes = (
            (state.wrong, ExitCode.BAD_INPUT),
            (state.stale, ExitCode.STALE_PLAN),
            (self.ending.lost or state.lost, ExitCode.NOT_RESERVED),
            (state.unreachable, ExitCode.UNREACHABLE),
            (state.failures, ExitCode.FAILED),
        )
        code = next((code for held, code in causes if held), ExitCode.DONE)
        return ("failed" if code else "ok"), code

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
        told: set[str] = set()
        for write in self.ledger.last_rows(state, self.sessions, self.ending):
            try:
                write(ended)
            except HivectlError as fault:
                # what has been done has been done: it is told all the same
                if cause is None and str(fault) not in told:
                    told.add(str(fault))
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


def _watcher(options: RunOptions) -> Watcher | None:
    if options.plan is not None:
        return Guard(options.plan)
    return Planner(looking=options.out is not None) if options.mode in ("plan", "refresh") else None


def _free(lab: Lab) -> frozenset[str]:
    with contextlib.closing(lab.open_store()) as database:
        held = StoredReservations(database).holders()
    return frozenset(lab.inventory.nodes) - frozenset(held)
