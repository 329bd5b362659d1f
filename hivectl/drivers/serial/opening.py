"""From a board's name to an open REPL: find the port, open it alone, get a prompt."""

from __future__ import annotations

import asyncio
import fcntl
import struct
import termios
from typing import TYPE_CHECKING

from hivectl.drivers.base import StreamAddress
from hivectl.drivers.boards.connection import OpenBoard
from hivectl.drivers.errors import (
    AddressError,
    CapabilityError,
    NoPortError,
    PortInUseError,
    StreamError,
    UnreachableError,
)
from hivectl.drivers.terminal import Terminal, open_terminal
from hivectl.micropython.repl import Repl

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from serial.tools.list_ports_common import ListPortInfo

    from hivectl.drivers.base import Stream, Target
    from hivectl.drivers.serial import SerialAttributes


class ClosedPortError(StreamError, UnreachableError):
    """The port that leads to the board cannot be opened: nor can the board be reached."""


class TakenPortError(PortInUseError, UnreachableError):
    """Somebody has the port that leads to the board."""


# seconds that the reset line is held
PULSE = 0.1


async def connect(target: Target) -> OpenBoard:
    """Open one connection; one attempt."""
    attributes: SerialAttributes = target.attributes
    wire = await open_wire(target)
    reset: Callable[[], Awaitable[None]] | None = None
    if attributes.reset is not None:
        assert isinstance(wire, Terminal)
        terminal = wire

        async def reset() -> None:
            await pulse(terminal)

    repl = Repl(wire, node=target.node, hard_reset=reset)
    try:
        await repl.enter(deadline=attributes.enter_timeout)
    except BaseException:
        await repl.close()
        raise
    return OpenBoard(repl, target.node, resume=attributes.resume)


async def open_wire(target: Target) -> Stream:
    """Open the board's port, and type nothing."""
    attributes: SerialAttributes = target.attributes
    if target.open_stream is not None:
        if attributes.reset is not None:
            raise CapabilityError(
                "`reset: rts` needs a port of this machine", node=target.node, hint="leave `reset` out"
            )
        remote = pattern(attributes, target.node)
        try:
            return await target.open_stream(StreamAddress(path=remote, baud=attributes.baud))
        except NoPortError as error:
            raise AddressError(
                f"no board with {_named(attributes)} is plugged in there: there is no {remote}",
                node=target.node,
            ) from error
        except StreamError as error:
            raise _unreachable(error, target.node) from error
    path = attributes.port
    if not path:
        path = await asyncio.to_thread(find_port, attributes, target.node)
    try:
        return open_terminal(StreamAddress(path=path, baud=attributes.baud), node=target.node, exclusive=True)
    except NoPortError as error:
        # one that is plugged in again, or starts anew, is waited for
        raise AddressError(f"no board is plugged in: there is no {path}", node=target.node) from error
    except StreamError as error:
        raise _unreachable(error, target.node) from error


def _unreachable(error: StreamError, node: str) -> UnreachableError:
    """Return what a port that cannot be opened means to its board: another way to it may be tried."""
    kind = TakenPortError if isinstance(error, PortInUseError) else ClosedPortError
    return kind(error.message, node=node, hint=error.hint)


async def pulse(terminal: Terminal) -> None:
    """Hold an ESP32's reset line for a moment: RTS is EN, DTR high would be the boot loader."""
    descriptor = terminal.fileno()
    for request, line in (
        (termios.TIOCMBIC, termios.TIOCM_DTR),
        (termios.TIOCMBIS, termios.TIOCM_RTS),
    ):
        fcntl.ioctl(descriptor, request, struct.pack("I", line))
    await asyncio.sleep(PULSE)
    fcntl.ioctl(descriptor, termios.TIOCMBIC, struct.pack("I", termios.TIOCM_RTS))


def find_port(attributes: SerialAttributes, node: str) -> str:
    """Return the device of a board that is plugged in here.

    Raises:
        AddressError: it is not, or the inventory does not say which one it is.
    """
    from serial.tools.list_ports import comports

    return choose(comports(), attributes, node)


def choose(ports: Iterable[ListPortInfo], attributes: SerialAttributes, node: str) -> str:
    """Return the device of the port that the attributes name; raises AddressError."""
    _need_name(attributes, node)
    listed = list(ports)
    found = sorted((port for port in listed if _matches(port, attributes)), key=_place)
    what = _named(attributes)
    if not found:
        there = ", ".join(
            sorted({port.serial_number or _hub_port(port) for port in listed if port.vid is not None})
        )
        raise AddressError(
            f"no board with {what} is plugged in", node=node, hint=f"plugged in are: {there or 'none'}"
        )
    number = attributes.interface or 0
    if number >= len(found):
        raise AddressError(
            f"the board with {what} has {len(found)} serial ports, and none with the number {number}",
            node=node,
            hint="count from 0",
        )
    return str(found[number].device)


def pattern(attributes: SerialAttributes, node: str) -> str:
    """Return a glob for the board's port on another Linux node, by what udev calls it there."""
    if attributes.port:
        return attributes.port
    _need_name(attributes, node)
    interface = "*" if attributes.interface is None else f"{2 * attributes.interface:02d}"
    if attributes.serial_number:
        return f"/dev/serial/by-id/*_{attributes.serial_number}-if{interface}*"
    bus, _, chain = (attributes.hub_port or "").partition("-")
    return f"/dev/serial/by-path/*-usb-*:{chain or bus}:1.{'*' if interface == '*' else int(interface)}*"


def _need_name(attributes: SerialAttributes, node: str) -> None:
    # a template may have become nothing, which would fit every port that has no number
    if not attributes.serial_number and not attributes.hub_port:
        raise AddressError(
            "the inventory does not say which board it is",
            node=node,
            hint="write `serial_number:`, `hub_port:` or `port:` at the node",
        )


def _matches(port: ListPortInfo, attributes: SerialAttributes) -> bool:
    wanted = attributes.serial_number
    # case differs between what people write and what systems say
    if wanted and (port.serial_number or "").lower() != wanted.lower():
        return False
    return not attributes.hub_port or _hub_port(port) == attributes.hub_port


def _hub_port(port: ListPortInfo) -> str:
    """Return `1-1.4` of `1-1.4:1.0`."""
    return (port.location or "").partition(":")[0]


def _place(port: ListPortInfo) -> tuple[str, str]:
    return (port.location or "", str(port.device))


def _named(attributes: SerialAttributes) -> str:
    if attributes.serial_number:
        return f"the serial number {attributes.serial_number}"
    if attributes.hub_port is None:
        return f"the port {attributes.port}"
    return f"the hub port {attributes.hub_port}"
