"""A Linux node: its shells are windows of a tmux session, and so are its programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.client.output import Output, decoded
from hivectl.client.panes import Panes
from hivectl.client.shell import AsyncShell
from hivectl.client.tmux_tasks import TmuxTask, read_names
from hivectl.drivers.base import Capability, Command

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hivectl.client.kinds import Shell
    from hivectl.client.reach import Reach
    from hivectl.client.tasks import AsyncTask


class LinuxNode:
    """A `hivectl.client.kinds.Kind`.

    Args:
        node: its name.
        reach: the way to it.
        runs: what its default shell runs; "" for the login shell.
    """

    status = "hostname && uptime"

    def __init__(self, node: str, reach: Reach, runs: str) -> None:
        self._node = node
        self._reach = reach
        self._panes = Panes(node, reach, runs)
        self._made: dict[str, AsyncShell] = {}
        self._default = self._make("")

    @property
    def default(self) -> Shell:
        """The window that runs what the node's `shell:` says."""
        return self._default

    def named(self, name: str) -> Shell:
        """Return a window of the same session, with a name that nobody has if none is given."""
        if not name:
            number = 2
            while f"shell{number}" in self._made:
                number += 1
            name = f"shell{number}"
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def known(self) -> Sequence[Shell]:
        """Return the windows, the default one first."""
        return (self._default, *self._made.values())

    def _make(self, name: str) -> AsyncShell:
        return AsyncShell(
            self._node, name, self._panes, self._reach, forget=lambda name: self._made.pop(name, None)
        )

    async def exec(
        self, command: str, *, seconds: float | None, stdin: bytes, environment: Mapping[str, str]
    ) -> Output:
        """Run a command by the login's shell, without tmux; standard error is kept apart."""
        async with self._reach.holding(self._node) as session:
            connection = await session.connection(Capability.RUN)
            done = await connection.run(
                Command(command=command, stdin=stdin, environment=environment, timeout=seconds)
            )
        return Output(decoded(done.stdout), status=done.rc, stderr=decoded(done.stderr))

    def task(self, title: str) -> AsyncTask:
        """Return a program by its title."""
        return TmuxTask(self._node, self._reach, title)

    async def task_names(self) -> Sequence[str]:
        """Return the names of all programs."""
        return await read_names(self._node, self._reach)

    async def free(self) -> None:
        """Nothing: many things are done at once."""

    async def put_beside(self, local: Path, remote: str) -> bool:  # noqa: ARG002  as Kind
        """Do nothing: nothing keeps us from anything."""
        return False

    async def get_beside(self, remote: str, local: Path) -> bool:  # noqa: ARG002  as Kind
        """Do nothing, as `put_beside`."""
        return False

    async def close(self) -> None:
        """Detach from the session."""
        await self._panes.close()
