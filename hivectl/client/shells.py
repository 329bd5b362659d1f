"""The shells of a node: windows of a tmux session on Linux, the one REPL on a board."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from hivectl.client.output import Output, decoded
from hivectl.client.panes import Panes
from hivectl.client.shell import AsyncShell
from hivectl.drivers.base import Capability, Command
from hivectl.drivers.registry import find_driver

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hivectl.client.reach import Reach
    from hivectl.engine.lab import Lab


class Shell(Protocol):
    """What takes one command after another, and keeps its state between them."""

    @property
    def node(self) -> str:
        """The node's name."""
        ...

    @property
    def name(self) -> str:
        """Its own; "" for the default shell."""
        ...

    async def __call__(
        self,
        command: str,
        *,
        timeout: float | None = None,
        check: bool = False,
        python: bool = False,
    ) -> Output:
        """Run a command in it and return what it printed; `python`: where there is a Python prompt, else an error."""
        ...

    async def close(self) -> None:
        """End it; the default shell stays."""
        ...


class Shells(Protocol):
    """The shells of one node."""

    @property
    def status(self) -> str:
        """A command that prints the host's name, and on a second line how long it is up."""
        ...

    @property
    def default(self) -> Shell:
        """The default shell."""
        ...

    def named(self, name: str) -> Shell:
        """Return another shell; raises CapabilityError where there is none."""
        ...

    def known(self) -> Sequence[Shell]:
        """Return those that were asked for here, the default one first."""
        ...

    async def exec(
        self, command: str, *, seconds: float | None, stdin: bytes, environment: Mapping[str, str]
    ) -> Output:
        """Run a command in a shell of its own."""
        ...

    async def close(self) -> None:
        """Let go of them; they go on."""
        ...


class TmuxShells:
    """The shells of a Linux node.

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

    async def close(self) -> None:
        """Detach from the session."""
        await self._panes.close()


def shells_of(lab: Lab, node: str, reach: Reach) -> Shells:
    """Return a node's shells; it is a board if no way to it has a shell, and one a REPL."""
    entry = lab.inventory.nodes[node]
    able = [find_driver(connection.driver).capabilities for connection in entry.connections]
    if any(Capability.REPL in each for each in able) and not any(Capability.SHELL in each for each in able):
        from hivectl.client.board import BoardShells

        return BoardShells(node, reach)
    return TmuxShells(node, reach, entry.shell or "")
