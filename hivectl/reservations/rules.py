"""The rules of leases, without I/O: when one still stands, who may take, how fencing tokens grow."""

from __future__ import annotations

from hivectl.model.records import record


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
    """Return for how many seconds a lease still stands; not positive when it is over.

    After a reboot of the store's machine only the wall clock can tell, so that decides.
    """
    if lease.boot == now.boot:
        return lease.expires - now.seconds
    return lease.expires_wall - now.wall


def is_over(lease: Lease, now: Clock, *, owner_is_gone: bool) -> bool:
    """Tell whether a lease no longer stands: expired, or its owner's process is known to have ended."""
    return owner_is_gone or remaining(lease, now) <= 0


def next_token(highest: int | None) -> int:
    """Return the fencing token of a new grant: above every earlier one of the lab."""
    return (highest or 0) + 1
