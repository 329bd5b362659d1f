"""What `hivectl reserve` does: from words to a wish, from a grant to what is printed, holding while a command runs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hivectl.cli.errors import say
from hivectl.cli.nodes import chosen_nodes
from hivectl.cli.running import run
from hivectl.engine.events import Message, Waiting
from hivectl.engine.holding import Holding, keep
from hivectl.engine.reserving import give_back, reserve
from hivectl.model.errors import InputError
from hivectl.model.records import record
from hivectl.model.scalars import UnfitError, to_duration
from hivectl.model.times import next_cron, parse_time
from hivectl.report.names import listing
from hivectl.report.text import harmless
from hivectl.reservations.base import (
    TIME_TO_LIVE,
    Asked,
    Grant,
    Queued,
    ReservationLostError,
    UnknownReservationError,
    moment,
    over,
)
from hivectl.reservations.schedule import DEFAULT_PRIORITY
from hivectl.store.keys import VARIABLE, forget_key, keep_key
from hivectl.store.reservations import StoredReservations

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from hivectl.engine.events import Event
    from hivectl.engine.lab import Lab
    from hivectl.model.inventory import StandingReservation

# seconds of a reservation that does not say for how long
DEFAULT_DURATION = 3600.0


@record(kw_only=True)
class Wanted:
    """The command line's words; None: not said."""

    selector: str
    count: int | None = None
    duration: str | None = None
    at: str | None = None
    patience: str | None = None
    priority: int | None = None
    reason: str = ""
    heartbeat: bool = False


def asked_for(lab: Lab, wanted: Wanted) -> tuple[Asked, float | None]:
    """Return the wish that some words mean, and how many seconds to wait for it.

    Raises:
        InputError: a word means nothing.
    """
    standing = lab.inventory.reservations.get(wanted.selector)
    nodes = chosen_nodes(lab, standing.select if standing else wanted.selector)
    duration = None if wanted.duration is None else seconds_of(wanted.duration, "--for")
    if duration is None and standing is not None:
        duration = standing.duration
    if duration is None and not wanted.heartbeat:
        duration = DEFAULT_DURATION
    asked = Asked(
        nodes=tuple(nodes),
        count=wanted.count or (standing.count if standing else None),
        reason=wanted.reason or (standing.reason if standing else ""),
        priority=wanted.priority or (standing.priority if standing else DEFAULT_PRIORITY),
        duration=duration,
        time_to_live=TIME_TO_LIVE if wanted.heartbeat else None,
        at=None if wanted.at is None else _time(wanted.at, standing),
        wait=wanted.patience is not None,
        cleanup=True,
    )
    if asked.at is not None and wanted.heartbeat:
        raise InputError("what is booked stands for its time", hint="leave --heartbeat out, or --at")
    patience = None
    if wanted.patience is not None:
        patience = math.inf if wanted.patience == "inf" else seconds_of(wanted.patience, "--timeout")
    return asked, patience


def seconds_of(text: str, option: str) -> float:
    """Return a duration of the command line in seconds; raises InputError."""
    try:
        return to_duration(text)
    except UnfitError:
        raise InputError(f"{option} {text!r} is no time", hint="write 90s, 30m, 2h or 1d") from None


def _time(text: str, standing: StandingReservation | None) -> float:
    now = datetime.now().astimezone()
    if text != "next":
        return parse_time(text, now).timestamp()
    if standing is None or standing.at is None:
        raise InputError(
            "--at next is for reservations of the inventory that say when",
            hint="write --at 14:00, or name a reservation with `at:`",
        )
    from zoneinfo import ZoneInfo

    zone = UTC if standing.timezone == "UTC" else ZoneInfo(standing.timezone)
    return next_cron(standing.at, now, zone).timestamp()


def on_standard_error(event: Event) -> None:
    """Say what happens meanwhile."""
    if isinstance(event, Waiting):
        for what in event.what:
            say(f"waiting: {harmless(what)}")
    elif isinstance(event, Message):
        node = f"{event.node}: " if event.node else ""
        say(f"{node}{harmless(event.text)}")


def reserve_once(lab: Lab, asked: Asked, patience: float | None, *, look: bool, as_json: bool) -> int:
    """Reserve, keep the token, print it."""
    found = run(reserve(lab, asked, patience=patience, emit=on_standard_error, look=look))
    keep_key(found.reservation, found.key)
    show(found, as_json=as_json)
    return 0


def show(found: Grant | Queued, *, as_json: bool) -> None:
    """Print a reservation; the token is shown here and nowhere else."""
    booked = isinstance(found, Queued)
    nodes = list(found.nodes if isinstance(found, Queued) else found.tokens)
    if as_json:
        item: dict[str, Any] = {
            "version": 1,
            "kind": "reservation",
            "id": found.reservation,
            "token": found.key,
            "environment": {VARIABLE: f"{found.reservation}:{found.key}"},
            "state": "booked" if booked else "held",
            "nodes": nodes,
            "starts": found.starts.isoformat() if isinstance(found, Queued) and found.starts else None,
            "ends": found.ends.isoformat() if found.ends else None,
        }
        print(json.dumps(item, indent=1), flush=True)
        return
    until = f" until {moment(found.ends)}" if found.ends else ""
    begin = f" from {moment(found.starts)}" if isinstance(found, Queued) and found.starts else ""
    print(f"{found.reservation}: {listing(nodes)}{begin}{until}")
    print(f"export {VARIABLE}={found.reservation}:{found.key}", flush=True)
    say(f"`hivectl release {found.reservation}` gives them back; your own commands need no token here")


def hold_while(
    lab: Lab, asked: Asked, patience: float | None, command: Sequence[str], *, look: bool, as_json: bool
) -> int:
    """Reserve for as long as we, or a command of ours, live; returns the command's exit code."""
    return run(_hold_while(lab, asked, patience, command, look=look, as_json=as_json))


async def _hold_while(
    lab: Lab, asked: Asked, patience: float | None, command: Sequence[str], *, look: bool, as_json: bool
) -> int:
    grant = await reserve(lab, asked, patience=patience, emit=on_standard_error, look=look)
    assert isinstance(grant, Grant)  # only what is booked is not
    keep_key(grant.reservation, grant.key)
    try:
        if not command or as_json:
            show(grant, as_json=as_json)
        code = await _while_held(lab, grant, _run(command, grant) if command else _forever())
    except BaseException:
        # no reason to hide why it ends
        with contextlib.suppress(UnknownReservationError):
            await _end_it(lab, grant)
        raise
    try:
        await _end_it(lab, grant)
    except UnknownReservationError:
        # since the last sign of life: what the command did behind it was done to somebody else's nodes
        raise ReservationLostError(over(grant.reservation)) from None
    return code


async def _end_it(lab: Lab, grant: Grant) -> None:
    forget_key(grant.reservation)
    await asyncio.shield(give_back(lab, grant.reservation, grant.key, emit=on_standard_error))


async def _forever() -> int:
    say("holding until Ctrl-C, SIGTERM, or the end")
    await asyncio.Event().wait()
    return 0


async def _while_held(lab: Lab, grant: Grant, work: Coroutine[Any, Any, int]) -> int:
    """Do `work` while the reservation is kept alive; ends it, and raises ReservationLostError, when that is lost."""
    working = asyncio.ensure_future(work)
    lost: list[str] = []

    def lose(reason: str) -> None:
        lost.append(reason)
        working.cancel()

    with contextlib.closing(lab.open_store()) as store:
        reservations = StoredReservations(store, limit=lab.longest)
        keeping = asyncio.ensure_future(keep(reservations, Holding(grant), on_standard_error, lose))
        try:
            return await working
        except asyncio.CancelledError:
            # cancelling the waiter has cancelled the work too; its end is waited for
            await asyncio.wait([working])
            if lost:
                raise ReservationLostError(lost[0]) from None
            raise
        finally:
            keeping.cancel()
            await asyncio.wait([keeping])


async def _run(command: Sequence[str], grant: Grant) -> int:
    """Run a command with the reservation in its environment; it ends with us."""
    environment = {**os.environ, VARIABLE: f"{grant.reservation}:{grant.key}"}
    try:
        process = await asyncio.create_subprocess_exec(*command, env=environment, process_group=0)
    except OSError as error:
        raise InputError(f"cannot start {command[0]}: {error.strerror}") from None
    try:
        code = await process.wait()
    except BaseException:
        await _end(process)
        raise
    return code if code >= 0 else 128 - code


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a command and what it began: asked first, then told."""
    import signal

    for number, seconds in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await process.wait()
                return
