"""What a driver is, and what a connection can do: the seam between modules and transports."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from hivectl.helper.commands import Command, Completed
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from pathlib import Path

    from hivectl.helper.operations import Batch, Become, Fence, ItemResult, Progress
    from hivectl.micropython.files import Files
    from hivectl.micropython.outcome import Outcome
    from hivectl.micropython.repl import Repl

__all__ = [
    "BoardConnection",
    "BoardDriver",
    "Capability",
    "Command",
    "Completed",
    "Connection",
    "Driver",
    "Process",
    "Stream",
    "StreamAddress",
    "Target",
    "Terminal",
]


class Capability(StrEnum):
    """What a connection can do."""

    RUN = "run"
    SHELL = "shell"
    FILES = "files"
    STREAM = "stream"
    REPL = "repl"


@record(kw_only=True)
class Target:
    """Where to connect.

    Attributes:
        node: the node's name.
        connection: which of the node's connections.
        attributes: an instance of the driver's attribute class.
        state: a folder of ours for known hosts and sockets; made with mode 0700.
        open_stream: with `on: NODE`: opens a serial port of that node through its own connection.
    """

    node: str
    connection: str
    attributes: Any
    state: Path
    open_stream: Callable[[StreamAddress], Awaitable[Stream]] | None = None


@record(kw_only=True)
class StreamAddress:
    """A byte stream at a node: a serial port there.

    Attributes:
        path: the device file, a by-id path, or a glob that one device matches.
        baud: bits per second.
    """

    path: str
    baud: int = 115200


class Stream(Protocol):
    """Bytes both ways, until one side closes."""

    async def read(self, limit: int = 65536) -> bytes:
        """Return what has come, at least one byte; empty at the end. Cancellation loses nothing."""
        ...

    async def write(self, data: bytes) -> None:
        """Send all of `data`, waiting while the other side is full."""
        ...

    async def close(self) -> None:
        """Close both ways; calling it again does nothing."""
        ...


@record(kw_only=True)
class Terminal:
    """The terminal that a process shall have.

    Attributes:
        columns: its width.
        rows: its height.
        kind: as in TERM.
    """

    columns: int = 80
    rows: int = 24
    kind: str = "xterm-256color"


class Process(Protocol):
    """A command that runs on a node and is talked to meanwhile; reading may be cancelled without losing bytes.

    What ends it when it is closed is the end of its input, or the hang-up of its terminal: what has detached itself
    (a tmux server) lives on.
    """

    async def read(self, limit: int = 65536) -> bytes:
        """Return what it wrote, at least one byte; empty at the end. With a terminal this is all that it writes."""
        ...

    async def read_errors(self, limit: int = 65536) -> bytes:
        """Return what it wrote to its standard error; empty at the end, and always with a terminal."""
        ...

    async def write(self, data: bytes) -> None:
        """Send all of `data`, waiting while the other side is full; raises ConnectionLostError once it is gone."""
        ...

    async def resize(self, columns: int, rows: int) -> None:
        """Tell its terminal a new size; without a terminal nothing happens."""
        ...

    async def wait(self) -> int | None:
        """Return its exit status, 128 + signal when a signal ended it, None when the way to it broke first."""
        ...

    async def close(self) -> None:
        """End it; calling it again does nothing."""
        ...


class Connection(Protocol):
    """One open way to a node.

    Every method raises a `NodeError` leaf, `ConnectionLostError` once the way is gone, and may be cancelled:
    cancelling `operate` or `run` ends what it began on the node, or closes the connection.
    """

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What this connection can do, once it is open."""
        ...

    @property
    def closed(self) -> bool:
        """Whether the way is gone."""
        ...

    def operate(self, batch: Batch, become: Become | None = None) -> AsyncGenerator[ItemResult, None]:
        """Send a batch in one round trip and yield each result as it arrives, in order; closing it ends what it began.

        Items after a failed step are not yielded. Needs RUN (helper) or FILES (file operations only).
        """
        ...

    async def progress(self, run: str, become: Become | None = None) -> Progress:
        """Ask what the node remembers of a run, before anything that was in flight is repeated."""
        ...

    async def unlock(self, fence: Fence, become: Become | None = None) -> None:
        """Say in the node's .hivelock that this fence is given back."""
        ...

    async def run(self, command: Command, become: Become | None = None) -> Completed:
        """Run one command by the login's shell. Needs RUN."""
        ...

    async def open_process(self, command: str, terminal: Terminal | None = None) -> Process:
        """Start a line of POSIX sh in the login's home, with a terminal of its own or without one. Needs SHELL."""
        ...

    async def open_stream(self, address: StreamAddress) -> Stream:
        """Open a serial port of the node. Needs STREAM."""
        ...

    async def close(self) -> None:
        """End everything that this connection began on the node; calling it again does nothing."""
        ...


class BoardConnection(Connection, Protocol):
    """A connection with Capability.REPL: a MicroPython board.

    Its `run` takes MicroPython code: `rc` is 1 where it raised, and `stderr` the board's traceback.
    """

    @property
    def repl(self) -> Repl:
        """The board's raw REPL: one program at a time, callers take turns."""
        ...

    @property
    def files(self) -> Files:
        """The board's files through its REPL."""
        ...

    @property
    def resumes(self) -> bool:
        """Whether the board's own program begins anew when this is closed, where opening it has interrupted that."""
        ...

    async def attempt(
        self,
        code: str | bytes,
        *,
        timeout: float | None = None,  # noqa: ASYNC109  as `Repl.attempt`
        sink: Callable[[bytes], None] | None = None,
    ) -> Outcome:
        """Run MicroPython code as `Repl.attempt`; the connection is closed where the way is gone, or disturbed."""
        ...


class Driver(Protocol):
    """A way to reach a kind of node; found by the entry point group `hivectl.drivers`."""

    @property
    def name(self) -> str:
        """As written in the inventory."""
        ...

    @property
    def summary(self) -> str:
        """One line for `hivectl drivers`."""
        ...

    @property
    def attributes(self) -> type[Any]:
        """A frozen dataclass made with `hivectl.model.parameters.parameter`: the inventory keys it takes."""
        ...

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What its connections can do at best, for validation without a node."""
        ...

    async def connect(self, target: Target) -> Connection:
        """Open a connection; attempts, timeouts and backoff are the caller's, one attempt is the driver's."""
        ...


class BoardDriver(Driver, Protocol):
    """A driver of boards that lets a person to a board's terminal."""

    async def open_terminal(self, target: Target) -> Stream:
        """Open the terminal and type nothing: what runs on the board goes on."""
        ...
