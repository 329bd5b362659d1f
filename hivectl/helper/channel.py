"""What the controller's side of the helper needs of a transport: one started program and its three streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    from hivectl.helper.launch import Launch


class Channel(Protocol):
    """A program that a transport started on a node: `ssh` channel or child process.

    All methods may be cancelled without losing bytes. A broken transport reads as the end (empty bytes) or
    raises `ConnectionLostError`; it never raises anything else.
    """

    async def read(self, limit: int = 65536) -> bytes:
        """Return what the program wrote to its standard output, at least one byte; empty at the end."""
        ...

    async def read_errors(self, limit: int = 65536) -> bytes:
        """Return what the program wrote to its standard error, at least one byte; empty at the end."""
        ...

    async def write(self, data: bytes) -> None:
        """Send all of `data` to its standard input, waiting while the other side is full.

        Raises:
            ConnectionLostError: the program or the transport is gone.
        """
        ...

    async def write_end(self) -> None:
        """Close its standard input; calling it again does nothing."""
        ...

    async def wait(self) -> int | None:
        """Return the exit status, 128 + signal when a signal ended it, None when the transport broke first."""
        ...

    async def close(self) -> None:
        """End the program and the channel; calling it again does nothing."""
        ...


if TYPE_CHECKING:
    OpenChannel: TypeAlias = Callable[[Launch], Awaitable[Channel]]
