"""A program that a node runs in its tmux session: looked at, waited for, stopped; it outlives whoever started it."""

from __future__ import annotations

import re
import shlex
import time
from typing import TYPE_CHECKING

from hivectl.client.errors import CommandError, ShellTimeoutError
from hivectl.client.output import Output, decoded
from hivectl.drivers.base import Capability, Command
from hivectl.drivers.errors import HelperError
from hivectl.model.node_errors import ConnectionLostError
from hivectl.modules.launcher import COMMON, NO_TMUX, OBSERVE

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from hivectl.client.nodes import AsyncNode
    from hivectl.client.reach import Reach

LOOKING = 30.0
# seconds for which one question to the node waits for a program's end
WAITING = 300.0
# arguments: name, seconds: returns when the program has ended, or after that time
WAIT = (
    COMMON
    + r"""
tries=$(( $2 * 10 ))
while alive && [ "$tries" -gt 0 ]; do
    tries=$(( tries - 1 ))
    sleep 0.1
done
"""
)
# all that the program prints, from its beginning to its end
FOLLOW = (
    COMMON
    + r"""
log=$(field log_path)
[ -n "$log" ] && [ -f "$log" ] || exit 0
tail -c +1 -f -- "$log" &
tail=$!
trap 'kill "$tail" 2>/dev/null' EXIT HUP INT TERM
while alive; do sleep 0.1; done
# until tail has seen the end too: it looks once a second where the system does not wake it
sleep 1.2
"""
)
WHOLE = COMMON + 'log=$(field log_path)\nif [ -n "$log" ] && [ -f "$log" ]; then cat -- "$log"; fi\n'
NAMES = COMMON + 'for one in "$data"/*/; do [ -d "$one" ] && basename -- "$one"; done; :\n'


def program_name(title: str) -> str:
    """Return a task's title as a program's name: "Pump calibration" is Pump-calibration."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", title).strip("-.")[:64] or title


class AsyncTask:
    """A program of a node; what it says is as of the last `refresh`.

    Args:
        node: whose it is.
        reach: the way to it.
        title: as given to `set_task`.
    """

    def __init__(self, node: AsyncNode, reach: Reach, title: str) -> None:
        self._node = node
        self._reach = reach
        self._name = title
        self._program = program_name(title)
        self._fields: Mapping[str, str] = {}

    def __repr__(self) -> str:
        """Return how it stands."""
        end = f", exit status {self.exit_status}" if self.exit_status is not None else ""
        return f"<task {self._name!r} on {self._node.name}: {self.state}{end}>"

    @property
    def name(self) -> str:
        """As given to `set_task`."""
        return self._name

    @property
    def state(self) -> str:
        """`running`, `ended` (by itself, or stopped), or `absent`."""
        if self._fields.get("running") == "yes":
            return "running"
        return "ended" if self._fields.get("present") == "yes" else "absent"

    @property
    def since(self) -> str:
        """When it was started: UTC, as in ISO 8601; "" when it is absent."""
        return self._fields.get("since", "")

    @property
    def exit_status(self) -> int | None:
        """How it ended, 128 + signal when a signal ended it; None while it runs."""
        text = "" if self.state == "running" else self._fields.get("exit_status", "")
        return int(text) if text.lstrip("-").isdigit() else None

    @property
    def pid(self) -> int | None:
        """Its process on the node, while it runs."""
        text = self._fields.get("pid", "") if self.state == "running" else ""
        return int(text) if text.isdigit() else None

    async def refresh(self) -> AsyncTask:
        """Look at the node; returns itself."""
        done = await self._ask(OBSERVE)
        head = done.partition("\noutput:")[0]
        self._fields = dict(line.split("=", 1) for line in head.splitlines() if "=" in line)
        return self

    async def output(self) -> str:
        """Return all that it has printed since it was started."""
        return (await self._ask(WHOLE)).replace("\r\n", "\n")

    async def follow(self) -> AsyncGenerator[str, None]:
        """Yield what it prints, from its beginning, as it comes, until it ends."""
        import codecs

        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        async with self._reach.using(self._node.name) as session:
            connection = await session.connection(Capability.SHELL)
            process = await connection.open_process(_line(FOLLOW, self._program))
            held = ""
            try:
                while data := await process.read():
                    text = held + decoder.decode(data)
                    # a line's end may come in two parts
                    held = "\r" if text.endswith("\r") else ""
                    text = text.removesuffix("\r").replace("\r\n", "\n")
                    if text:
                        yield text
            finally:
                await process.close()

    async def wait(self, timeout: float | None = None, *, check: bool = False) -> int | None:
        """Wait until it ends and return its exit status.

        Args:
            timeout: seconds; None: as long as it takes.
            check: raise CommandError when that is not 0.

        Raises:
            ShellTimeoutError: it has not ended by then; it goes on.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            left = WAITING if end is None else max(0.0, end - time.monotonic())
            await self._ask(WAIT, str(max(1, round(min(left, WAITING)))), seconds=min(left, WAITING))
            await self.refresh()
            if self.state != "running":
                break
            if end is not None and time.monotonic() >= end:
                raise ShellTimeoutError(
                    f"{self._name} still runs after {timeout:g} s",
                    "",
                    node=self._node.name,
                    hint="it goes on",
                )
        if check and self.exit_status:
            output = Output(await self.output(), status=self.exit_status)
            raise CommandError(f"{self._name} ended with {self.exit_status}", output, node=self._node.name)
        return self.exit_status

    async def stop(self) -> AsyncTask:
        """Stop it (SIGTERM, after ten seconds SIGKILL); one that has ended is left as it is. Returns itself."""
        await self._node._module("program", name=self._program, state="stopped")  # noqa: SLF001  one of us
        return await self.refresh()

    async def remove(self) -> None:
        """Stop it, and leave nothing of it on the node."""
        await self._node._module("program", name=self._program, state="absent")  # noqa: SLF001  one of us
        await self.refresh()

    async def _ask(self, text: str, *words: str, seconds: float = 0.0) -> str:
        return await _ask(self._node, self._reach, _line(text, self._program, *words), seconds)


async def read_tasks(node: AsyncNode, reach: Reach) -> list[str]:
    """Return the names of the programs that a node knows."""
    return (await _ask(node, reach, _line(NAMES, ""), 0.0)).splitlines()


def _line(text: str, *words: str) -> str:
    return shlex.join(("exec", "/bin/sh", "-c", text, "sh", *words))


async def _ask(node: AsyncNode, reach: Reach, line: str, seconds: float) -> str:
    """Run one of our texts; a connection that is lost meanwhile is made again."""
    async with reach.holding(node.name) as session:
        connection = await session.connection(Capability.RUN)
        command = Command(command=line, timeout=LOOKING + seconds)
        try:
            done = await connection.run(command)
        except ConnectionLostError:
            connection = await session.reconnect(Capability.RUN)
            done = await connection.run(command)
    if done.rc == NO_TMUX:
        from hivectl.client.errors import NoTmuxError

        raise NoTmuxError(
            "tmux is not installed", node=node.name, hint="install the package `tmux` on the node"
        )
    if done.rc:
        raise HelperError(
            f"the program cannot be looked at: {decoded(done.stderr).strip() or f'exit status {done.rc}'}",
            node=node.name,
        )
    return decoded(done.stdout)
