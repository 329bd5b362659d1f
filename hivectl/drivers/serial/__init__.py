"""The `serial` driver: MicroPython boards on serial ports, of this machine or of another node.

Importing this costs nothing of pyserial: that looks for ports when a connection is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from hivectl.drivers.base import Capability
from hivectl.model.parameters import parameter
from hivectl.model.records import record

if TYPE_CHECKING:
    from hivectl.drivers.base import Connection, Stream, Target


@record(kw_only=True)
class SerialAttributes:
    """Inventory keys of `driver: serial`; one of serial_number, hub_port and port names the board."""

    ONE_OF: ClassVar[tuple[str, ...]] = ("serial_number", "hub_port", "port")

    serial_number: str | None = parameter(
        "USB serial number of the board.", default=None, example="E6614104033B2A2A"
    )
    hub_port: str | None = parameter(
        "USB port that it is plugged into, as in `1-1.4`.", default=None, example="1-1.4"
    )
    port: str | None = parameter(
        "Path of a port that keeps its name, such as those in /dev/serial/by-id; /dev/ttyACM0 does not.",
        default=None,
    )
    interface: int | None = parameter(
        "Which serial port of a board that has several: 0 is the first.", default=None
    )
    baud: int = parameter("Bits per second; USB boards do not care.", default=115200)
    enter_timeout: float = parameter("Seconds until the board must show a prompt.", default=15.0)
    reset: str | None = parameter(
        "How a board that hangs is reset: `rts` pulls its reset line as ESP32 boards have it.",
        default=None,
        choices=("rts",),
    )
    resume: bool = parameter("Start the board's own program again where it was interrupted.", default=True)


class SerialDriver:
    """Opens serial ports, and raw REPLs on them."""

    name: ClassVar[str] = "serial"
    summary: ClassVar[str] = "a MicroPython board on a serial port: files and REPL"
    attributes: ClassVar[type[Any]] = SerialAttributes
    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.FILES, Capability.REPL})

    async def connect(self, target: Target) -> Connection:
        """Open the board's port and get a prompt.

        Raises:
            AddressError: the board is not plugged in.
            StreamError: its port cannot be opened, or somebody has it.
            SilentBoardError, BusyBoardError, NotABoardError: there is no prompt to be had.
        """
        from hivectl.drivers.serial.opening import connect

        return await connect(target)

    async def open_terminal(self, target: Target) -> Stream:
        """Open the board's terminal for a person: `hivectl.drivers.base.BoardDriver`.

        Raises:
            AddressError: the board is not plugged in.
            StreamError: its port cannot be opened, or somebody has it.
        """
        from hivectl.drivers.serial.opening import open_wire

        return await open_wire(target)

    async def open_line(self, target: Target) -> Stream:
        """Open the board's port as it is, without asking it for a prompt.

        Raises:
            AddressError: the board is not plugged in.
            StreamError: its port cannot be opened; PortInUseError when somebody has it.
        """
        from hivectl.drivers.serial.opening import open_wire

        return await open_wire(target)


DRIVER = SerialDriver()
