"""A MicroPython board: its one shell is its REPL, and it runs one program."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from hivectl.client.board_shell import BoardShell, need_no_program
from hivectl.client.board_tasks import BoardTask, Programs
from hivectl.client.output import Output
from hivectl.drivers.base import Capability
from hivectl.drivers.errors import CapabilityError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hivectl.client.kinds import Shell
    from hivectl.client.reach import Reach
    from hivectl.client.tasks import AsyncTask

STATUS = """\
import os,time
print(os.uname().machine)
print("up %d s" % (time.ticks_ms() // 1000))
"""


class BoardNode:
    """A `hivectl.client.kinds.Kind`.

    Args:
        node: its name.
        reach: the way to it.
    """

    status = STATUS

    def __init__(self, node: str, reach: Reach) -> None:
        self._node = node
        self._reach = reach
        self._shell = BoardShell(node, reach)
        self._programs = Programs(node, reach, self._shell.forget)

    @property
    def default(self) -> Shell:
        """The REPL."""
        return self._shell

    def named(self, name: str) -> Shell:  # noqa: ARG002  as Kind
        """Refuse: a board has one REPL."""
        raise CapabilityError(
            "a MicroPython board has one shell, its REPL, and that is the default shell",
            node=self._node,
            hint='use node("...")',
        )

    def known(self) -> Sequence[Shell]:
        """Return the REPL."""
        return (self._shell,)

    async def exec(
        self, command: str, *, seconds: float | None, stdin: bytes, environment: Mapping[str, str]
    ) -> Output:
        """Run code in the REPL, since there is no other; the traceback is kept apart."""
        if stdin or environment:
            raise CapabilityError(
                "code on a MicroPython board has no standard input and no environment", node=self._node
            )
        done = await self._shell.carry_out(command, seconds)
        return Output(
            done.printed, status=None, stderr=done.traceback, failed=bool(done.traceback), error=done.error
        )

    def task(self, title: str) -> AsyncTask:
        """Return a program by its title."""
        return BoardTask(self._node, self._reach, title, self._programs)

    async def task_names(self) -> Sequence[str]:
        """Return the name of the one program that is there."""
        return await self._programs.names()

    async def free(self) -> None:
        """Raise BusyError while a program runs, which a look at a file would interrupt."""
        async with self._reach.using(self._node) as session:
            board: Any = await session.connection(Capability.REPL)
            need_no_program(board, self._node)

    async def put_beside(self, local: Path, remote: str) -> bool:
        """Send a file beside the program that runs, where there is a way, as WebREPL has; returns whether there was."""
        if not local.is_file():
            return False
        async with self._reach.using(self._node) as session:
            board: Any = await session.connection(Capability.REPL)
            return bool(await board.files.put_beside(on_board(remote, local.name), local))

    async def get_beside(self, remote: str, local: Path) -> bool:
        """Fetch a file beside the program that runs, as `put_beside`."""
        async with self._reach.using(self._node) as session:
            board: Any = await session.connection(Capability.REPL)
            path = on_board(remote)
            if not board.files.goes_beside(path):
                return False
            local.write_bytes(await board.files.get(path))
        return True

    async def close(self) -> None:
        """Listen to its program no longer."""
        await self._programs.close()


def on_board(remote: str, name: str = "") -> str:
    """Return a path as the board knows it: its home is its root; a folder's gets the file's name."""
    path = posixpath.join("/", remote[1:].lstrip("/") if remote.startswith("~") else remote)
    return f"{path}{name}" if path.endswith("/") else path
