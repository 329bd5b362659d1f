"""What everybody needs to know of reservations: what is asked for, what is granted, and why not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from hivectl.model.errors import ExitCode, HivectlError, InputError
from hivectl.model.records import record
from hivectl.reservations.schedule import DEFAULT_PRIORITY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

# seconds that a process's reservation stands without a sign of life
TIME_TO_LIVE = 60.0
# seconds for which anybody may hold a node, unless the inventory says otherwise
LONGEST = 7 * 24 * 3600.0
# what a process that does not say how long it takes is expected to need at most (seconds)
PROCESS_LONGEST = 24 * 3600.0


@record(kw_only=True)
class Asked:
    """What somebody asks for.

    Attributes:
        nodes: candidates, in the order in which they are preferred.
        count: how many of them; None: all.
        duration: seconds; None (for a process only): as long as it lives.
        time_to_live: seconds that it stands without a sign of life; None: it stands for its time, whoever lives.
        at: when it begins, seconds since the epoch; None: now, or as soon as may be.
        wait: stand in the queue when it cannot be had now.
        cleanup: `on_release:` is done on its nodes when it ends.
        reachable: leave out nodes that were seen offline or unhealthy lately; a run, which finds out by itself and
            tells, takes them all the same.
        priority: 1 to 10, 10 first.
    """

    nodes: tuple[str, ...]
    count: int | None = None
    reason: str = ""
    priority: int = DEFAULT_PRIORITY
    duration: float | None = None
    time_to_live: float | None = TIME_TO_LIVE
    at: float | None = None
    wait: bool = False
    cleanup: bool = False
    reachable: bool = True


@record(kw_only=True)
class Holder:
    """Who holds a node.

    Attributes:
        owner: user@host.
        pid: of the owner's process on its host; it means something only for reservations of processes.
        expires: when the node comes back, unless the owner gives a sign of life, UTC.
        ends: when it comes back whatever happens, UTC.
        process: it ends with its owner's process.
    """

    node: str
    reservation: str
    owner: str
    pid: int
    reason: str
    since: datetime
    expires: datetime
    ends: datetime | None = None
    process: bool = True


@record(kw_only=True)
class Grant:
    """A granted reservation.

    Attributes:
        tokens: node -> fencing token, which grows with each grant on that node.
        store: identity of the lab's store, which alone makes fencing tokens comparable.
        time_to_live: seconds for which it stands without being renewed; None: it stands for its time.
        key: the owner's token: who has it may use, prolong and end the reservation.
        ends: when it ends whatever happens, UTC.
        dirty: nodes whose last holder has not cleaned up.
        cleanup: `on_release:` is done on its nodes when it ends.
    """

    reservation: str
    owner: str
    store: str
    tokens: Mapping[str, int]
    time_to_live: float | None
    key: str = ""
    ends: datetime | None = None
    dirty: frozenset[str] = frozenset()
    cleanup: bool = False


@record(kw_only=True)
class Queued:
    """A reservation that is waited for, or booked.

    Attributes:
        key: the owner's token.
        position: in the queue, from 1; 0: it is booked.
        starts: when it will begin at the latest, as far as anybody can say, UTC.
        ends: of a booking, UTC.
        holders: who holds what it waits for.
    """

    reservation: str
    key: str = ""
    position: int = 0
    starts: datetime | None = None
    ends: datetime | None = None
    nodes: tuple[str, ...] = ()
    holders: tuple[Holder, ...] = ()


class NotReservedError(HivectlError):
    """Nodes that are needed are not reserved; the leaves say why."""

    exit_code = ExitCode.NOT_RESERVED


class HeldError(NotReservedError):
    """Somebody else holds a node that is asked for."""

    def __init__(self, holders: Sequence[Holder], hint: str | None = None) -> None:
        more = f", and {len(holders) - 10} more" if len(holders) > 10 else ""
        super().__init__(
            ", ".join(_together(holders[:10])) + more,
            hint=hint or "wait for it with --wait, or do without those nodes",
        )
        self.holders = tuple(holders)


def _together(holders: Sequence[Holder]) -> list[str]:
    """Say who holds nodes, those of one holder in one breath."""
    nodes: dict[str, list[str]] = {}
    for holder in holders:
        nodes.setdefault(described(holder).removeprefix(f"{holder.node} is "), []).append(holder.node)
    return [
        f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} {held}" for held, names in nodes.items()
    ]


def described(holder: Holder) -> str:
    """Say who holds a node until when and why."""
    who = f"pid {holder.pid}: {holder.reason}" if holder.process else holder.reason or holder.reservation
    return f"{holder.node} is held by {holder.owner} ({who}) until {moment(holder.expires)}"


def moment(time: datetime) -> str:
    """Write a time of today as a time, another one with its day, in the zone of whoever reads it, and named."""
    here = time.astimezone()
    today = here.date() == here.now(here.tzinfo).date()
    return f"{here:%H:%M:%S %Z}" if today else f"{here:%Y-%m-%d %H:%M %Z}"


def over(reservation: str) -> str:
    """Say that a reservation that was held is over."""
    return f"reservation {reservation} is gone: it expired or an admin ended it"


class BookedError(NotReservedError):
    """Somebody has booked a node for a time that is asked for."""


class UnavailableError(NotReservedError):
    """Nodes that are asked for are never granted as they are: offline, quarantined, unhealthy.

    Attributes:
        reasons: node -> why.
    """

    def __init__(self, reasons: Mapping[str, str], hint: str | None = None) -> None:
        shown = ", ".join(f"{node} {reason}" for node, reason in list(reasons.items())[:10])
        more = f", and {len(reasons) - 10} more" if len(reasons) > 10 else ""
        super().__init__(
            shown + more,
            hint=hint
            or "`hivectl check` looks again, `hivectl unquarantine` ends a quarantine; or do without those nodes",
        )
        self.reasons = dict(reasons)


class ReservationLostError(NotReservedError):
    """A reservation ended while it was needed."""


class NotYoursError(NotReservedError):
    """A reservation's owner alone, or an admin, may do this."""


class UnknownReservationError(InputError):
    """There is no such reservation, or no longer."""


class TooLongError(InputError):
    """More time is asked for than the lab gives."""


class Reservations(Protocol):
    """Exclusive, time-limited claims on nodes; all or nothing, durable before the reply."""

    async def ask(self, asked: Asked) -> Grant | Queued:
        """Claim what is asked for, or stand in the queue for it.

        Raises:
            HeldError, UnavailableError: it cannot be had now, and `wait` is not asked for.
            TooLongError: nobody may have it for so long.
        """
        ...

    async def poll(self, reservation: str, key: str) -> Grant | Queued:
        """Say that somebody still waits, and how it stands; raises ReservationLostError."""
        ...

    async def adopt(self, reservation: str, key: str, nodes: Sequence[str]) -> Grant:
        """Return a reservation that holds all of `nodes` already; raises NotReservedError."""
        ...

    async def withdraw(self, queued: Queued) -> None:
        """Wait no longer; calling it again does nothing."""
        ...

    async def extend(self, grant: Grant, nodes: Sequence[str]) -> Grant:
        """Claim more nodes for the same reservation; all of its nodes get new tokens.

        Raises:
            HeldError, UnavailableError: they cannot be had.
            ReservationLostError: the reservation is gone.
        """
        ...

    async def renew(self, grant: Grant) -> datetime:
        """Let the grant stand for another `time_to_live`; returns when it ends whatever happens, UTC.

        Raises:
            ReservationLostError: it is gone.
        """
        ...

    async def release(self, grant: Grant) -> bool:
        """Give the nodes back, if they are still held; tells whether they were. Calling it again does nothing."""
        ...
