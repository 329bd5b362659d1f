"""What is done on nodes without a playbook: one command, a look, their facts."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import time
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from hivectl.drivers.base import Capability, Command
from hivectl.drivers.errors import CapabilityError, HelperError, UnreachableError
from hivectl.model.errors import HivectlError
from hivectl.model.records import record
from hivectl.reservations.base import ReservationLostError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from hivectl.drivers.base import Completed, Connection
    from hivectl.drivers.session import NodeSession
    from hivectl.engine.events import Event
    from hivectl.engine.lab import Lab
    from hivectl.helper.operations import Become

T = TypeVar("T")

# seconds for a look at a node, once it is connected
CHECK_SECONDS = 20.0
MARK = "--hivectl--"
# POSIX sh and busybox: what is missing prints an empty line
CHECK_SCRIPT = f"""
echo {MARK}; id -un 2>/dev/null || echo
echo {MARK}; date +%s.%N 2>/dev/null || date +%s
echo {MARK}; python3 -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null || echo
echo {MARK}; df -Pk "$HOME" 2>/dev/null | tail -n 1
"""


@record(kw_only=True)
class Outcome(Generic[T]):
    """What became of one node: a value, or the reason why there is none.

    Attributes:
        seconds: from the first attempt to connect to the end.
    """

    node: str
    value: T | None = None
    error: HivectlError | None = None
    seconds: float = 0.0


@record(kw_only=True)
class Health:
    """What `check` sees of a node that it reached.

    Attributes:
        connect: seconds until the connection was open.
        latency: seconds for one round trip.
        skew: seconds that the node's clock is ahead of ours; None: it did not say.
        python: version of python3 there; "" when there is none; a board's "MicroPython 1.27.0".
        free: bytes free where the login's home is, or in a board's flash.
        warnings: what will give trouble, one sentence each.
    """

    capabilities: tuple[str, ...]
    connect: float
    latency: float | None = None
    login: str = ""
    python: str = ""
    skew: float | None = None
    free: int | None = None
    warnings: tuple[str, ...] = field(default=())


async def on_each(
    lab: Lab,
    nodes: Sequence[str],
    work: Callable[[str, NodeSession], Awaitable[T]],
    *,
    forks: int,
    done: Callable[[Outcome[T]], None] | None = None,
) -> tuple[Outcome[T], ...]:
    """Do `work` on every node side by side; a node's error is its outcome, and ends nothing else.

    Args:
        lab: the nodes' lab.
        nodes: names.
        work: gets a node's name and session.
        forks: how many nodes at the same time.
        done: hears of each node as it ends.
    """
    from hivectl.engine.sessions import Sessions

    sessions = Sessions(lab)
    room = asyncio.Semaphore(forks)

    async def one(node: str) -> Outcome[T]:
        async with room:
            began = time.monotonic()
            value, error = None, None
            try:
                value = await work(node, await sessions.of(node))
            except HivectlError as raised:
                error = raised
            outcome = Outcome(node=node, value=value, error=error, seconds=time.monotonic() - began)
            if done is not None:
                done(outcome)
            return outcome

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(node)) for node in nodes]
        return tuple(task.result() for task in tasks)
    finally:
        await sessions.close()


@record(kw_only=True)
class Execution:
    """One command for many nodes.

    Attributes:
        command: a line for the login's shell.
        forks: how many nodes at the same time.
        timeout: seconds that it may take on a node.
        become: whose rights it has; None: the login's.
        wait: seconds to wait for nodes that others hold; None: do not wait.
        reservation: (id, token) to work under; None: one for this command alone.
    """

    command: str
    forks: int
    timeout: float | None = None
    become: Become | None = None
    wait: float | None = None
    reservation: tuple[str, str] | None = None


async def execute(
    lab: Lab,
    nodes: Sequence[str],
    execution: Execution,
    *,
    done: Callable[[Outcome[Completed]], None],
    emit: Callable[[Event], None],
) -> tuple[Outcome[Completed], ...]:
    """Run a command on every node side by side, holding all of them meanwhile.

    Args:
        lab: the nodes' lab.
        nodes: names.
        execution: the command.
        done: hears of each node as it ends.
        emit: hears who is waited for.

    Raises:
        HeldError: somebody else holds one of the nodes; nothing was run.
        ReservationLostError: the claim was lost; what still ran was stopped. Where that turns out at the end only, it
            is each node's error, beside its value.
    """
    from hivectl.engine import fencing
    from hivectl.engine.cleanup import clean_up
    from hivectl.engine.events import Message
    from hivectl.engine.holding import Claim, hold
    from hivectl.store.reservations import StoredReservations

    async def work(node: str, session: NodeSession) -> Completed:
        connection = await _able(session)
        fence = holding.fence(node)
        fenced = (
            fence is not None
            and Capability.RUN in connection.capabilities
            and await fencing.is_contested(connection, fence, reservations.stands)
        )
        if fence is not None and fenced:
            await fencing.take(connection, fence)
        try:
            return await connection.run(
                Command(command=execution.command, timeout=execution.timeout), execution.become
            )
        finally:
            if fence is not None and fenced and (why := await fencing.give_back([connection], fence)):
                emit(Message(time=time.time(), level="info", text=why, node=node))

    async def all_of_them() -> tuple[Outcome[Completed], ...]:
        return await on_each(lab, nodes, work, forks=execution.forks, done=done)

    with contextlib.closing(lab.open_store()) as store:
        lost: list[str] = []
        working: list[asyncio.Task[tuple[Outcome[Completed], ...]]] = []

        def lose(reason: str) -> None:
            lost.append(reason)
            for task in working:
                task.cancel()

        reservations = StoredReservations(store, limit=lab.longest)
        async with hold(
            reservations,
            Claim(
                nodes=nodes,
                reason=f"exec {execution.command[:60]}",
                wait=execution.wait,
                under=execution.reservation,
            ),
            emit=emit,
            on_loss=lose,
            clean=lambda grant: clean_up(lab, store, grant, sorted(grant.dirty)),
        ) as holding:
            working.append(asyncio.ensure_future(all_of_them()))
            try:
                outcomes = await working[0]
            except asyncio.CancelledError:
                # cancelling the waiter has cancelled the work too; its clean-up is waited for
                await asyncio.wait(working)
                if lost:
                    raise ReservationLostError(lost[0]) from None
                raise
        # lost behind the last renewal: what the nodes said is shown, but was not for us to ask
        return tuple(
            replace(outcome, error=ReservationLostError(lost[0])) if lost and not outcome.error else outcome
            for outcome in outcomes
        )


async def check(
    lab: Lab,
    nodes: Sequence[str],
    *,
    forks: int,
    done: Callable[[Outcome[Health]], None] | None = None,
) -> tuple[Outcome[Health], ...]:
    """Connect to every node and look at what a run would need; changes nothing, so it reserves nothing."""

    async def work(node: str, session: NodeSession) -> Health:
        began = time.monotonic()
        connection = await session.connection()
        connect = time.monotonic() - began
        capabilities = tuple(sorted(connection.capabilities))
        if Capability.REPL in connection.capabilities:
            from hivectl.engine.board_check import check_board

            began = time.monotonic()
            await connection.run(Command(command="1", timeout=CHECK_SECONDS))
            latency = time.monotonic() - began
            seen = await check_board(connection, session.failed())
            return Health(
                capabilities=capabilities,
                connect=connect,
                latency=latency,
                python=f"MicroPython {seen.version}".strip(),
                free=seen.free,
                warnings=seen.warnings,
            )
        if Capability.RUN not in connection.capabilities:
            try:
                connection = await session.connection(Capability.RUN)
            except CapabilityError as error:
                why = error.hint or error.message
                return Health(capabilities=capabilities, connect=connect, warnings=(f"files only: {why}",))
        began = time.monotonic()
        await connection.run(Command(command="true", timeout=CHECK_SECONDS))
        latency = time.monotonic() - began
        asked = time.time()
        python = session.python
        script = CHECK_SCRIPT.replace("python3", shlex.quote(python))
        told = await connection.run(Command(command=script, timeout=CHECK_SECONDS))
        looked = health(
            told.stdout.decode(errors="replace"),
            capabilities=capabilities,
            connect=connect,
            latency=latency,
            between=(asked, time.time()),
        )
        if "/" in python and not looked.python:
            # nothing is started in its place: see `hivectl.helper.launch`
            raise HelperError(
                f"{python} is no Python that runs there",
                node=node,
                hint="correct `python:` in the inventory: without it no task of the node can be done",
            )
        return looked

    return await on_each(lab, nodes, work, forks=forks, done=done)


def remember_health(lab: Lab, outcomes: Sequence[Outcome[Health]]) -> None:
    """Let the lab know how a check has found its nodes: who is offline is not granted; raises StoreError."""
    from hivectl.store.health import HEALTHY, OFFLINE, UNHEALTHY, NodeHealth

    states = {
        outcome.node: (HEALTHY, "")
        if outcome.error is None
        else (OFFLINE if isinstance(outcome.error, UnreachableError) else UNHEALTHY, outcome.error.message)
        for outcome in outcomes
    }
    with contextlib.closing(lab.open_store()) as store:
        NodeHealth(store).saw(states)


# a clock this far off breaks certificates, builds and logs
LARGEST_SKEW = 5.0
LEAST_FREE = 64 * 1024 * 1024
OLDEST_PYTHON = (3, 7)


def health(
    text: str,
    *,
    capabilities: tuple[str, ...],
    connect: float,
    latency: float | None,
    between: tuple[float, float],
) -> Health:
    """Read what CHECK_SCRIPT printed.

    Args:
        text: its output.
        capabilities: of the connection.
        connect: seconds until the connection was open.
        latency: seconds for one round trip.
        between: our clock before and after; the node's shall be between them.
    """
    parts = [part.strip() for part in text.split(MARK)[1:]]
    login, clock, python, disk = [*parts, "", "", "", ""][:4]
    skew = _skew(_number(clock), between)
    fields = disk.split()
    # df -P: file system, blocks, used, available, capacity, mounted on (POSIX, df, STDOUT)
    available = _number(fields[3]) if len(fields) >= 6 else None
    free = None if available is None else int(available) * 1024
    warnings = []
    if not python:
        warnings.append("no python3: only modules that need no helper work")
    elif tuple(int(part) for part in python.split(".")[:2] if part.isdigit()) < OLDEST_PYTHON:
        warnings.append(f"python3 is {python}, the helper needs 3.7")
    if skew is not None and abs(skew) > LARGEST_SKEW:
        warnings.append(f"its clock is {abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}")
    if free is not None and free < LEAST_FREE:
        warnings.append(f"only {free // 2**20} MiB free in its home")
    return Health(
        capabilities=capabilities,
        connect=connect,
        latency=latency,
        login=login,
        python=python,
        skew=skew,
        free=free,
        warnings=tuple(warnings),
    )


def _skew(clock: float | None, between: tuple[float, float]) -> float | None:
    """Return how far a clock is outside the time in which it was read; 0 inside."""
    if clock is None:
        return None
    before, after = between
    # busybox's date has whole seconds only
    return 0.0 if before - 1 <= clock <= after else clock - (before if clock < before else after)


async def _able(session: NodeSession) -> Connection:
    """Return a connection that runs commands; a board's, which runs MicroPython code, where there is none."""
    try:
        return await session.connection(Capability.RUN)
    except CapabilityError:
        try:
            return await session.connection(Capability.REPL)
        except CapabilityError:
            pass
        raise


def _number(text: str) -> float | None:
    try:
        return float(text.removesuffix(".N").removesuffix(".%N"))
    except ValueError:
        return None


async def facts(
    lab: Lab, nodes: Sequence[str], groups: tuple[str, ...], *, forks: int, become: Become | None = None
) -> tuple[Outcome[dict[str, Any]], ...]:
    """Return what every node says of itself; changes nothing, so it reserves nothing.

    Args:
        lab: the nodes' lab.
        nodes: names.
        groups: of `hivectl.helper.operations.FACT_GROUPS`.
        forks: how many nodes at the same time.
        become: whose rights it has.
    """
    from hivectl.helper.operations import Batch, Facts, Item

    async def work(_node: str, session: NodeSession) -> dict[str, Any]:
        connection = await _able(session)
        item = Item(key="facts", step=0, chain=0, operation=Facts(groups=groups))
        found: dict[str, Any] = {}
        async for result in connection.operate(Batch(run="facts", items=(item,)), become):
            found.update(result.result.get("ansible_facts", {}))
        return found

    return await on_each(lab, nodes, work, forks=forks)
