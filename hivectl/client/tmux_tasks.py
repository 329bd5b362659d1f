"""A program of a Linux node: a window of its tmux session."""

from __future__ import annotations

import shlex
import time
from contextlib import aclosing
from typing import TYPE_CHECKING

from hivectl.client.errors import NoTmuxError
from hivectl.client.output import decoded
from hivectl.client.tasks import AsyncTask, TaskSeen, texts
from hivectl.drivers.base import Capability, Command
from hivectl.drivers.errors import HelperError
from hivectl.model.node_errors import ConnectionLostError
from hivectl.modules.launcher import COMMON, OBSERVE
from hivectl.modules.tmux_window import NO_TMUX

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from hivectl.client.reach import Reach
    from hivectl.drivers.base import Process

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


class TmuxTask(AsyncTask):
    """A `hivectl.client.tasks.AsyncTask`."""

    async def output(self) -> str:
        """Return the log."""
        return (await self._ask(WHOLE)).replace("\r\n", "\n")

    async def follow(self) -> AsyncGenerator[str, None]:
        """Follow the log, as long as the program lives."""
        async with self._reach.using(self._node) as session:
            connection = await session.connection(Capability.SHELL)
            process = await connection.open_process(_line(FOLLOW, self._program))
            try:
                async with aclosing(texts(_read(process))) as parts:
                    async for part in parts:
                        yield part
            finally:
                await process.close()

    async def _look(self) -> TaskSeen:
        head = (await self._ask(OBSERVE)).partition("\noutput:")[0]
        fields = dict(line.split("=", 1) for line in head.splitlines() if "=" in line)
        running = fields.get("running") == "yes"
        ended = "ended" if fields.get("present") == "yes" else "absent"
        return TaskSeen(
            state="running" if running else ended,
            since=fields.get("since", ""),
            exit_status=None if running else _number(fields.get("exit_status", "")),
            pid=_number(fields.get("pid", "")) if running else None,
        )

    async def _ends(self, seconds: float | None) -> bool:
        end = None if seconds is None else time.monotonic() + seconds
        while True:
            left = WAITING if end is None else max(0.0, end - time.monotonic())
            await self._ask(WAIT, str(max(1, round(min(left, WAITING)))), seconds=min(left, WAITING))
            await self.refresh()
            if self.state != "running":
                return True
            if end is not None and time.monotonic() >= end:
                return False

    async def _ask(self, text: str, *words: str, seconds: float = 0.0) -> str:
        return await _ask(self._node, self._reach, _line(text, self._program, *words), seconds)


def _number(text: str) -> int | None:
    return int(text) if text.lstrip("-").isdigit() else None


async def _read(process: Process) -> AsyncGenerator[bytes, None]:
    while data := await process.read():
        yield data


async def read_names(node: str, reach: Reach) -> list[str]:
    """Return the names of the programs that a node knows."""
    return (await _ask(node, reach, _line(NAMES, ""), 0.0)).splitlines()


def _line(text: str, *words: str) -> str:
    return shlex.join(("exec", "/bin/sh", "-c", text, "sh", *words))


async def _ask(node: str, reach: Reach, line: str, seconds: float) -> str:
    """Run one of our texts; a connection that is lost meanwhile is made again."""
    async with reach.holding(node) as session:
        connection = await session.connection(Capability.RUN)
        command = Command(command=line, timeout=LOOKING + seconds)
        try:
            done = await connection.run(command)
        except ConnectionLostError:
            connection = await session.reconnect(Capability.RUN)
            done = await connection.run(command)
    if done.rc == NO_TMUX:
        raise NoTmuxError("tmux is not installed", node=node, hint="install the package `tmux` on the node")
    if done.rc:
        raise HelperError(
            f"the program cannot be looked at: {decoded(done.stderr).strip() or f'exit status {done.rc}'}",
            node=node,
        )
    return decoded(done.stdout)
