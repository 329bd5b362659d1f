"""What the engine needs to know of reservations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from hivectl.model.errors import ExitCode, HivectlError
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime


@record(kw_only=True)
class Holder:
    """Who holds a node.

    Attributes:
        owner: user@host.
        expires: when the node comes back by itself, UTC.
    """

    node: str
    reservation: str
    owner: str
    pid: int
    reason: str
    since: datetime
    expires: datetime


@record(kw_only=True)
class Grant:
    """A granted reservation.

    Attributes:
        tokens: node -> fencing token, which grows with each grant on that node.
        store: identity of the lab's store, which alone makes tokens comparable.
        time_to_live: seconds for which it stands without being renewed.
    """

    reservation: str
    owner: str
    store: str
    tokens: Mapping[str, int]
    time_to_live: float


class HeldError(HivectlError):
    """Somebody else holds a node that is asked for."""

    exit_code = ExitCode.NOT_RESERVED

    def __init__(self, holders: Sequence[Holder]) -> None:
        lines = ", ".join(
            f"{holder.node} is held by {holder.owner} (pid {holder.pid}: {holder.reason}) until {holder.expires:%H:%M:%S} UTC"
            for holder in holders[:10]
        )
        more = f", and {len(holders) - 10} more" if len(holders) > 10 else ""
        super().__init__(lines + more, hint="wait for it with --wait, or leave those nodes out with --limit")
        self.holders = tuple(holders)


class ReservationLostError(HivectlError):
    """A reservation ended while it was needed."""

    exit_code = ExitCode.NOT_RESERVED


class Reservations(Protocol):
    """Exclusive, time-limited claims on nodes; all or nothing, durable before the reply."""

    async def take(self, nodes: Sequence[str], *, reason: str, time_to_live: float) -> Grant:
        """Claim every node or none; raises HeldError that names who holds which until when."""
        ...

    async def extend(self, grant: Grant, nodes: Sequence[str]) -> Grant:
        """Claim more nodes for the same reservation; all of its nodes get new tokens.

        Raises:
            HeldError: others hold some of them.
            ReservationLostError: the reservation is gone.
        """
        ...

    async def renew(self, grant: Grant) -> None:
        """Let the grant stand for another `time_to_live`; raises ReservationLostError when it is gone."""
        ...

    async def release(self, grant: Grant) -> None:
        """Give the nodes back; calling it again does nothing."""
        ...
