"""What a power backend is: two functions over typed attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from hivectl.model.node_errors import NodeError
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from hivectl.helper.commands import Completed

A = TypeVar("A")


class PowerError(NodeError):
    """The power of a node could not be switched or read."""


class NoPowerError(PowerError):
    """The inventory does not say how the node's power is switched."""


class Reach(Protocol):
    """How a backend gets at programs; what speaks HTTP needs nothing of us."""

    async def run(self, argv: Sequence[str], *, on: str | None, seconds: float) -> Completed:
        """Run a program on a node, or here.

        Args:
            argv: program and arguments; no shell.
            on: the node; None: this machine.
            seconds: that it may take.

        Raises:
            NodeError: that node cannot be reached.
        """
        ...


@record(kw_only=True)
class PowerBackend(Generic[A]):
    """A kind of power switch; found by the entry point group `hivectl.power`.

    Attributes:
        name: as `backend:` says in the inventory.
        summary: one line for people.
        attributes: a frozen dataclass made with `hivectl.model.parameters.parameter`: the inventory keys it takes.
        switch: turns the outlet on (True) or off; raises PowerError.
        read: says whether it is on; None where that cannot be told; raises PowerError.
        example: the inventory's lines for one node.
    """

    name: str
    summary: str
    attributes: type[A]
    switch: Callable[[A, Reach, bool], Awaitable[None]]
    read: Callable[[A, Reach], Awaitable[bool | None]]
    example: str = ""


class Power(Protocol):
    """The power of one node."""

    async def read(self) -> bool | None:
        """Return whether it is on; None where that cannot be told. Raises PowerError."""
        ...

    async def switch(self, *, on: bool) -> None:
        """Turn it on or off, and see that it is so. Raises PowerError."""
        ...

    async def cycle(self, off_for: float) -> None:
        """Turn it off, wait `off_for` seconds, turn it on, even when cancelled meanwhile. Raises PowerError."""
        ...


BackendOf = PowerBackend[Any]
