"""What a serial port and a boot ROM need of the board behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hivectl.virtual.board.device import Attached
    from hivectl.virtual.board.faults import Faults


class Hardware(Protocol):
    """What a board has besides: it answers the stand-in modules of the interpreter.

    Attributes:
        modules: JavaScript module whose MODULES is Python that runs before boot.py.
        pace: seconds that a second of measuring takes.
    """

    modules: Path
    pace: float

    async def connect(self) -> tuple[int, int]:
        """Return descriptors for an interpreter that starts: questions go out by the first, answers come by the second."""
        ...

    async def close(self) -> None:
        """Stop answering."""
        ...


class Pluggable(Protocol):
    """A board.

    Attributes:
        name: the node's.
        faults: of its lines.
        version: of its MicroPython, as `os.uname()` says; "" without one.
        machine: likewise.
        on_loader: is called when a program on the board asks for the boot loader.
    """

    name: str
    faults: Faults
    version: str
    machine: str
    on_loader: Callable[[], None] | None

    async def power_on(self) -> None:
        """Start its firmware."""
        ...

    async def power_off(self) -> None:
        """Take its power away."""
        ...

    def reboot(self) -> None:
        """Begin to reset it, without waiting for it."""
        ...

    def attach(self, terminal: Attached) -> None:
        """Let a terminal see what it sends."""
        ...

    def detach(self, terminal: Attached) -> None:
        """Forget a terminal."""
        ...

    def feed(self, data: bytes) -> None:
        """Give it what came from the host."""
        ...

    @property
    def full(self) -> bool:
        """Whether so much waits for it that nothing more shall be given."""
        ...
