"""asyncssh's connection without what costs a third of a short session and brings nothing.

- Each packet is preceded by an empty one, which guards ciphers in CBC mode alone (RFC 4251, 9.3.1): with any other
  cipher that is twice the packets.
- Each packet and each step is put into words for a log that nobody reads.
- The options of each connection are prepared in a thread.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import asyncssh
from asyncssh.constants import MSG_IGNORE
from asyncssh.logging import SSHLogger

if TYPE_CHECKING:
    from collections.abc import Mapping
    from socket import socket


class LazyLogger(SSHLogger):
    """Puts into words only what somebody reads; asyncssh's own does so before it looks."""

    def log(self, level: int, msg: object, *args: Any, **kwargs: Any) -> None:
        """Log a message where somebody listens."""
        if self.isEnabledFor(level):
            super().log(level, msg, *args, **kwargs)


# channels make theirs of it
LOGGER = LazyLogger()


class LeanConnection(asyncssh.SSHClientConnection):
    """A client's connection that sends and tells only what somebody needs."""

    @property
    def logger(self) -> SSHLogger:
        """The connection's own logger where somebody listens."""
        return super().logger if LOGGER.isEnabledFor(logging.DEBUG) else LOGGER

    def send_packet(self, pkttype: int, *args: bytes, handler: Any = None) -> None:
        """Send a packet, but for the empty one before another where no cipher gains by it."""
        if pkttype != MSG_IGNORE or str(self.get_extra_info("send_cipher", "")).endswith("-cbc"):
            super().send_packet(pkttype, *args, handler=handler)

    def log_sent_packet(self, pkttype: int, pktid: int | None, packet: Any, note: str = "") -> None:
        """Log a packet where somebody listens."""
        if LOGGER.isEnabledFor(logging.DEBUG):
            super().log_sent_packet(pkttype, pktid, packet, note)

    def log_received_packet(self, pkttype: int, pktid: int | None, packet: Any, note: str = "") -> None:
        """Log a packet where somebody listens."""
        if LOGGER.isEnabledFor(logging.DEBUG):
            super().log_received_packet(pkttype, pktid, packet, note)


async def connect_on(
    opened: socket, host: str, port: int, options: Mapping[str, Any]
) -> asyncssh.SSHClientConnection:
    """Log in through a connected socket, as `asyncssh.connect` does.

    Args:
        opened: becomes the connection's.
        host: for the host key.
        port: likewise.
        options: as for `asyncssh.connect`.

    Raises:
        OSError, asyncssh.Error: as `asyncssh.connect`.
    """
    loop = asyncio.get_running_loop()
    settings = asyncssh.SSHClientConnectionOptions(None, loop=loop, host=host, port=port, **options)
    settings.waiter = loop.create_future()
    _, connection = await loop.create_connection(
        lambda: LeanConnection(loop, settings, wait="auth"), sock=opened
    )
    connection.set_extra_info(host=host, port=port)
    try:
        await settings.waiter
    except BaseException:
        connection.abort()
        await connection.wait_closed()
        raise
    return connection
