"""A program that a node runs: looked at, waited for, stopped; it outlives whoever started it."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Any

from hivectl.client.carry_out import carry_out
from hivectl.client.errors import CommandError, ShellTimeoutError
from hivectl.client.output import Output
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable

    from hivectl.client.reach import Reach


def program_name(title: str) -> str:
    """Return a task's title as a program's name: "Pump calibration" is Pump-calibration."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", title).strip("-.")[:64] or title


@record(kw_only=True)
class TaskSeen:
    """How a program stood at a look; the attributes are those of `AsyncTask`."""

    state: str = "absent"
    since: str = ""
    exit_status: int | None = None
    pid: int | None = None


class AsyncTask:
    """A program of a node; what it says is as of the last `refresh`. What looks at it is its node's kind's.

    Args:
        node: the node's name.
        reach: the way to it.
        title: as given to `set_task`.
    """

    def __init__(self, node: str, reach: Reach, title: str) -> None:
        self._node = node
        self._reach = reach
        self._name = title
        self._program = program_name(title)
        self._seen = TaskSeen()

    def __repr__(self) -> str:
        """Return how it stands."""
        end = f", exit status {self.exit_status}" if self.exit_status is not None else ""
        return f"<task {self._name!r} on {self._node}: {self.state}{end}>"

    @property
    def name(self) -> str:
        """As given to `set_task`."""
        return self._name

    @property
    def state(self) -> str:
        """`running`, `ended` (by itself, or stopped), `absent`, or on boards `interrupted`.

        A board's program is interrupted by whoever connects to the board; it begins anew when the board is let go.
        """
        return self._seen.state

    @property
    def since(self) -> str:
        """When it was started: UTC, as in ISO 8601; "" when it is absent, or the board has no clock."""
        return self._seen.since

    @property
    def exit_status(self) -> int | None:
        """How it ended, 128 + signal when a signal ended it, 1 for an exception on a board; None while it runs."""
        return self._seen.exit_status

    @property
    def pid(self) -> int | None:
        """Its process on the node, while it runs; boards have none."""
        return self._seen.pid

    async def refresh(self) -> AsyncTask:
        """Look at the node; returns itself."""
        self._seen = await self._look()
        return self

    async def output(self) -> str:
        """Return all that it has printed since it was started; a board keeps the last 2 KiB for who was not there."""
        raise NotImplementedError

    def follow(self) -> AsyncGenerator[str, None]:
        """Yield what it prints, from its beginning, as it comes, until it ends."""
        raise NotImplementedError

    async def wait(self, timeout: float | None = None, *, check: bool = False) -> int | None:
        """Wait until it ends and return its exit status.

        Args:
            timeout: seconds; None: as long as it takes.
            check: raise CommandError when that is not 0.

        Raises:
            ShellTimeoutError: it has not ended by then; it goes on.
        """
        if not await self._ends(timeout):
            raise ShellTimeoutError(
                f"{self._name} still runs after {timeout:g} s", "", node=self._node, hint="it goes on"
            )
        if check and self.exit_status:
            output = Output(await self.output(), status=self.exit_status)
            raise CommandError(f"{self._name} ended with {self.exit_status}", output, node=self._node)
        return self.exit_status

    async def stop(self) -> AsyncTask:
        """Stop it (SIGTERM, after ten seconds SIGKILL; on a board Ctrl-C), unless it has ended. Returns itself."""
        await self.carry_out("stopped")
        return await self.refresh()

    async def remove(self) -> None:
        """Stop it, and leave nothing of it on the node."""
        await self.carry_out("absent")
        await self.refresh()

    async def carry_out(self, state: str, **arguments: Any) -> None:
        """Have the module `program` bring it to a state; raises CommandError."""
        await carry_out(self._reach, self._node, "program", name=self._program, state=state, **arguments)

    async def _look(self) -> TaskSeen:
        """Return how it stands."""
        raise NotImplementedError

    async def _ends(self, seconds: float | None) -> bool:
        """Wait until it ends, and look; False when it still runs then."""
        raise NotImplementedError


async def texts(pieces: AsyncIterable[bytes]) -> AsyncGenerator[str, None]:
    """Decode what comes in pieces, a terminal's ends of lines as one character."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    held = ""
    async for piece in pieces:
        text = held + decoder.decode(piece)
        # a line's end may come in two parts
        held = "\r" if text.endswith("\r") else ""
        text = text.removesuffix("\r").replace("\r\n", "\n")
        if text:
            yield text
