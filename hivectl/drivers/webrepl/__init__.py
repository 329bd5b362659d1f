"""The `webrepl` driver: MicroPython boards over Wi-Fi.

Importing this costs nothing of websockets, which is imported when a connection is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from hivectl.drivers.base import Capability
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.model.secret import Secret  # noqa: TC001  the dataclass's types are evaluated for the schema

if TYPE_CHECKING:
    from hivectl.drivers.base import Connection, Stream, Target


@record(kw_only=True)
class WebReplAttributes:
    """Inventory keys of `driver: webrepl`."""

    host: str = parameter("Address or name of the board.", example="10.0.0.21")
    port: int = parameter("TCP port.", default=8266)
    password: Secret = parameter(
        "The board's WebREPL password, 4 to 9 characters.", example="!env PICO_PASSWORD"
    )
    connect_timeout: float = parameter(
        "Seconds for the board to answer, and again for the login.", default=10.0
    )
    busy_timeout: float = parameter(
        "Seconds to wait for another client of the board to go; a client that lost its Wi-Fi stays a while.",
        default=10.0,
    )
    enter_timeout: float = parameter("Seconds until the board must show a prompt.", default=15.0)
    resume: bool = parameter("Start the board's own program again where it was interrupted.", default=True)


class WebReplDriver:
    """Opens WebREPLs, and raw REPLs in them."""

    name: ClassVar[str] = "webrepl"
    summary: ClassVar[str] = "a MicroPython board over Wi-Fi: files and REPL"
    attributes: ClassVar[type[Any]] = WebReplAttributes
    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.FILES, Capability.REPL})

    async def connect(self, target: Target) -> Connection:
        """Log in and get a prompt.

        Raises:
            AddressError: nothing listens there.
            ConnectTimeoutError: nothing answers.
            TakenError: somebody else is on the board.
            LoginError: the password is wrong.
            NotABoardError, BusyBoardError, SilentBoardError: there is no prompt to be had.
        """
        from hivectl.drivers.webrepl.opening import connect

        return await connect(target)

    async def open_terminal(self, target: Target) -> Stream:
        """Log in and open the board's terminal for a person: `hivectl.drivers.base.BoardDriver`.

        Raises:
            UnreachableError: as `connect`.
        """
        from hivectl.drivers.webrepl.opening import open_wire

        return await open_wire(target)


DRIVER = WebReplDriver()
