"""What differs between kinds of nodes: their shells, and the programs that they run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from hivectl.drivers.base import Capability
from hivectl.drivers.registry import find_driver
from hivectl.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hivectl.client.output import Output
    from hivectl.client.reach import Reach
    from hivectl.client.tasks import AsyncTask
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


class Kind(Protocol):
    """One node's shells and programs."""

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

    def task(self, title: str) -> AsyncTask:
        """Return a program of the node by its title, whether it is there or not."""
        ...

    async def task_names(self) -> Sequence[str]:
        """Return the names of the programs that the node knows."""
        ...

    async def free(self) -> None:
        """Do nothing where files can be sent; raises BusyError where a program is in the way."""
        ...

    async def put_beside(self, local: Path, remote: str) -> bool:
        """Send a file beside a program that keeps us from all else; returns False where there is none, or no way."""
        ...

    async def get_beside(self, remote: str, local: Path) -> bool:
        """Fetch a file, as `put_beside`."""
        ...

    async def close(self) -> None:
        """Let go of all; what runs there goes on."""
        ...


def is_board(lab: Lab, node: str) -> bool:
    """Whether a node is a board: no way to it has a shell, and one a REPL."""
    entry = lab.inventory.nodes[node]
    able = [find_driver(connection.driver).capabilities for connection in entry.connections]
    return any(Capability.REPL in each for each in able) and not any(
        Capability.SHELL in each for each in able
    )


def kind_of(lab: Lab, node: str, reach: Reach) -> Kind:
    """Return what a node is, with its shells and programs; raises InputError where `shell:` is given to a board."""
    entry = lab.inventory.nodes[node]
    if is_board(lab, node):
        if entry.shell is not None:
            raise InputError(
                "`shell:` is for Linux nodes, and this is a board",
                origin=entry.origin,
                node=node,
                hint="leave it out: a board's default shell is its REPL",
            )
        from hivectl.client.board import BoardNode

        return BoardNode(node, reach)
    from hivectl.client.linux import LinuxNode

    return LinuxNode(node, reach, entry.shell or "")
