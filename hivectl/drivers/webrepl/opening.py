"""From an address to an open REPL: connect, upgrade, log in, get a prompt."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import TYPE_CHECKING

from hivectl.drivers.boards.connection import OpenBoard
from hivectl.drivers.errors import AddressError, ConnectionLostError, ConnectTimeoutError, LoginError
from hivectl.drivers.webrepl.records import Records
from hivectl.drivers.webrepl.wire import TakenError, WebReplWire
from hivectl.micropython.repl import Repl
from hivectl.model.secret import reveal

if TYPE_CHECKING:
    from hivectl.drivers.base import Target
    from hivectl.drivers.webrepl import WebReplAttributes

# that a board compares (its buffer has 10)
LONGEST_PASSWORD = 9
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
ASKED = b"Password: "
ACCEPTED = b"WebREPL connected\r\n"
DENIED = b"Access denied"


async def connect(target: Target) -> OpenBoard:
    """Open one connection; waits for another client to go, else one attempt."""
    attributes: WebReplAttributes = target.attributes
    wire = await open_wire(target)
    try:
        repl = Repl(wire, node=target.node, logged_in=True)
        await repl.enter(deadline=attributes.enter_timeout)
    except BaseException:
        await wire.close()
        raise
    beside = Records(wire, target.node)
    return OpenBoard(repl, target.node, resume=attributes.resume, ends_at_reset=True, beside=beside)


async def open_wire(target: Target) -> WebReplWire:
    """Log in, and type nothing more; waits for another client to go."""
    attributes: WebReplAttributes = target.attributes
    password = str(reveal(attributes.password))
    if len(password.encode()) > LONGEST_PASSWORD:
        raise LoginError(
            f"the WebREPL password has more than {LONGEST_PASSWORD} characters: no board can have such a one",
            node=target.node,
            hint="a board's password has 4 to 9 characters",
        )
    wire = await _free(attributes, target.node)
    try:
        await _log_in(wire, password, attributes, target.node)
    except BaseException:
        await wire.close()
        raise
    return wire


async def _free(attributes: WebReplAttributes, node: str) -> WebReplWire:
    """Connect as soon as the board has no other client."""
    loop = asyncio.get_running_loop()
    end = loop.time() + attributes.busy_timeout
    pause = FIRST_PAUSE
    while True:
        try:
            return await _upgraded(attributes, node)
        except TakenError:
            if loop.time() + pause > end:
                raise
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


async def _upgraded(attributes: WebReplAttributes, node: str) -> WebReplWire:
    host, port = attributes.host, attributes.port
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(attributes.connect_timeout):
            reader, writer = await asyncio.open_connection(host, port)
            wire = WebReplWire(reader, writer, f"ws://{host}:{port}/", node)
            await wire.upgrade()
    except socket.gaierror as error:
        raise AddressError(f"the name {host} is not known: {error.strerror}", node=node) from error
    except ConnectionRefusedError as error:
        raise AddressError(
            f"nothing listens on {host}:{port}: the board is there, its WebREPL did not start",
            node=node,
            hint="`import webrepl; webrepl.start()` in its boot.py, after Wi-Fi is up",
        ) from error
    except TimeoutError as error:
        if writer is not None:
            writer.transport.abort()
        raise ConnectTimeoutError(
            f"{host}:{port} did not answer in {attributes.connect_timeout:g} s",
            node=node,
            hint="is the board on, and in reach of its Wi-Fi?",
        ) from error
    except OSError as error:
        if error.errno in {errno.EHOSTUNREACH, errno.ENETUNREACH}:
            raise AddressError(
                f"{host} cannot be reached: {error.strerror}", node=node, hint="is the board's Wi-Fi up?"
            ) from error
        raise AddressError(f"{host}:{port} cannot be reached: {error.strerror}", node=node) from error
    except BaseException:
        if writer is not None:
            writer.transport.abort()
        raise
    return wire


async def _log_in(wire: WebReplWire, password: str, attributes: WebReplAttributes, node: str) -> None:
    try:
        async with asyncio.timeout(attributes.connect_timeout):
            await _until(wire, (ASKED,))
            await wire.write(password.encode() + b"\r")
            said = await _until(wire, (ACCEPTED, DENIED))
    except TimeoutError as error:
        raise ConnectTimeoutError(
            f"{attributes.host} did not ask for a password, or did not answer to it", node=node
        ) from error
    if said == DENIED:
        raise LoginError(
            "the board denied access: its WebREPL has another password",
            node=node,
            hint="the password is in webrepl_cfg.py on the board",
        )


async def _until(wire: WebReplWire, marks: tuple[bytes, ...]) -> bytes:
    said = b""
    while True:
        data = await wire.read()
        if not data:
            raise ConnectionLostError("the board ended the connection while logging in", node=wire.node)
        said += data
        for mark in marks:
            if mark in said:
                return mark
