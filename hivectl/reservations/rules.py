"""The rules of leases, without I/O: when one still stands, for how long one may be had, how fencing tokens grow."""

from __future__ import annotations

import hashlib
import math

from hivectl.model.errors import InputError
from hivectl.model.records import record
from hivectl.reservations.base import LONGEST, PROCESS_LONGEST, Asked, TooLongError
from hivectl.reservations.schedule import HIGHEST_PRIORITY, LOWEST_PRIORITY, SHORTEST


@record(kw_only=True)
class Clock:
    """A moment that no change of the wall clock can move.

    Attributes:
        boot: identity of the machine's boot (Linux: /proc/sys/kernel/random/boot_id).
        seconds: since that boot, time asleep included (CLOCK_BOOTTIME).
        wall: seconds since the epoch, for people and for comparison across boots.
    """

    boot: str
    seconds: float
    wall: float

    def of_wall(self, wall: float) -> float:
        """Return a time of the wall clock in seconds since this boot."""
        return self.seconds + (wall - self.wall)

    def to_wall(self, seconds: float) -> float:
        """Return seconds since this boot as a time of the wall clock."""
        return self.wall + (seconds - self.seconds)


@record(kw_only=True)
class Moment:
    """A time that is kept: in seconds since a boot, and the same by the wall clock.

    After a reboot of the store's machine only the wall clock can tell, so that decides.
    """

    boot: str
    seconds: float
    wall: float

    def on(self, now: Clock) -> float:
        """Return it in seconds since the boot of `now`."""
        return self.seconds if self.boot == now.boot else now.of_wall(self.wall)


@record(kw_only=True)
class Lease:
    """A claim as the store keeps it.

    Attributes:
        host: where its owner's process runs; only there its pid means something.
        process: pid and start time of the owner's process: a pid that was given again is another process.
        boot: of the store's machine when it was granted or last renewed.
        expires: in seconds since that boot.
        expires_wall: the same moment by the wall clock.
    """

    reservation: str
    host: str
    process: tuple[int, int]
    boot: str
    expires: float
    expires_wall: float


def remaining(lease: Lease, now: Clock) -> float:
    """Return for how many seconds a lease still stands; not positive when it is over."""
    return lease.expires - now.seconds if lease.boot == now.boot else lease.expires_wall - now.wall


def is_over(lease: Lease, now: Clock, *, owner_is_gone: bool) -> bool:
    """Tell whether a lease no longer stands: expired, or its owner's process is known to have ended."""
    return owner_is_gone or remaining(lease, now) <= 0


def next_token(highest: int | None) -> int:
    """Return the fencing token of a new grant: above every earlier one of the lab."""
    return (highest or 0) + 1


def digest(key: str) -> str:
    """Return what the store keeps of an owner's token: it is random and long, so a plain hash does."""
    return hashlib.sha256(key.encode()).hexdigest()


def longest(asked: Asked, limit: float = LONGEST) -> float:
    """Return for how many seconds a wish may hold its nodes.

    Args:
        asked: the wish.
        limit: the lab's longest (seconds).

    Raises:
        TooLongError: it asks for more.
        InputError: it asks for something that is none.
    """
    if asked.duration is None:
        if asked.time_to_live is None:
            raise InputError("a reservation needs a time", hint="write --for 2h, or --heartbeat in CI")
        return min(limit, PROCESS_LONGEST)
    if not math.isfinite(asked.duration) or asked.duration <= 0:
        raise InputError(f"a reservation lasts longer than {asked.duration:g} s", hint="write --for 2h")
    if asked.duration > limit:
        raise TooLongError(
            f"{in_words(asked.duration)} is more than the {in_words(limit)} that this lab gives at once",
            hint=f"ask for {in_words(limit)}, and extend it while nobody has booked",
        )
    return asked.duration


def check(asked: Asked, now: Clock) -> None:
    """Raise InputError for a wish that nobody could ever grant."""
    if not asked.nodes:
        raise InputError("no node is asked for")
    if asked.count is not None and not 1 <= asked.count <= len(asked.nodes):
        raise InputError(
            f"{asked.count} of {len(asked.nodes)} node{'s' if len(asked.nodes) > 1 else ''} cannot be had",
            hint=f"ask for 1 to {len(asked.nodes)}",
        )
    if not LOWEST_PRIORITY <= asked.priority <= HIGHEST_PRIORITY:
        raise InputError(
            f"a priority is from {LOWEST_PRIORITY} to {HIGHEST_PRIORITY}, 10 first, not {asked.priority}"
        )
    if asked.at is not None:
        if asked.at < now.wall - SHORTEST:
            raise InputError("the time at which it should begin is over", hint="leave --at out to begin now")
        if asked.at > now.wall + 366 * 24 * 3600:
            raise InputError("a reservation begins within a year")
        if asked.duration is None:
            raise InputError("what is booked needs an end", hint="write --for 2h beside --at")


def in_words(seconds: float) -> str:
    """Return a duration in its two largest units: 1 m 30 s, 2 h, 7 d."""
    parts: list[str] = []
    left = round(seconds)
    for unit, name in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        if left >= unit and len(parts) < 2:
            parts.append(f"{left // unit} {name}")
            left %= unit
    return " ".join(parts) or f"{seconds:g} s"
