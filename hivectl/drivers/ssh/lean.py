"""asyncssh's connection without what costs a third of a short session and brings nothing.

- Each packet is preceded by an empty one, which guards ciphers in CBC mode alone (RFC 4251, 9.3.1): with any other
  cipher that is twice the packets.
- Each packet and each step is put into words for a log that nobody reads.
- The server is asked to let us in without anything first, to hear what it takes (RFC 4252, 5.2), then a key is shown
  before it is used, to hear whether it would do (7): two round trips for nothing where it is the only way in.
- The options of each connection are prepared anew, in a thread.
- The timer that asks a silent server for a sign of life is made anew for all that comes.
- The server's list of its other keys is given to a task of its own, to find that nobody wants it.
"""

from __future__ import annotations

import asyncio
import copy
import logging
from typing import TYPE_CHECKING, Any, Protocol

import asyncssh
from asyncssh.constants import MSG_IGNORE
from asyncssh.logging import SSHLogger
from asyncssh.packet import Boolean

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping
    from socket import socket

    from asyncssh.packet import SSHPacket


class LazyLogger(SSHLogger):
    """Puts into words only what somebody reads; asyncssh's own does so before it looks."""

    def log(self, level: int, msg: object, *args: Any, **kwargs: Any) -> None:
        """Log a message where somebody listens."""
        if self.isEnabledFor(level):
            super().log(level, msg, *args, **kwargs)


class SilentLogger(LazyLogger):
    """Says nothing of what nobody listens to: of a short session asyncssh tells fifty things."""

    def get_child(self, child: str = "", context: str = "") -> SSHLogger:  # noqa: ARG002  # asyncssh's signature
        """Return what a channel tells its things: nobody."""
        return self

    def info(self, msg: object, *args: Any, **kwargs: Any) -> None:
        """Say nothing."""

    def debug1(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Say nothing."""

    def debug2(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Say nothing."""

    def packet(self, pktid: int | None, packet: bytes, msg: str, *args: Any, **kwargs: Any) -> None:
        """Say nothing."""


LOGGER = LazyLogger()
SILENT = SilentLogger()


class Client(Protocol):
    """Whoever is asked during a login: `asyncssh.SSHClient`, and what we ask besides."""

    @property
    def has_one_key(self) -> bool:
        """Whether the keys that were given last are one key alone, a file's that the user has named."""
        ...

    @property
    def names_one_key(self) -> bool:
        """Whether the user has named one key, and no other way to log in."""
        ...


class LeanConnection(asyncssh.SSHClientConnection):
    """A client's connection that sends and tells only what somebody needs."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        options: asyncssh.SSHClientConnectionOptions,
        client: Client,
    ) -> None:
        self._listened = LOGGER.isEnabledFor(logging.INFO)
        super().__init__(loop, options, wait="auth")
        self._client = client
        self._key: asyncssh.SSHKeyPair | None = None
        # when the server was heard last
        self._heard = 0.0
        # of the logins that have begun: with the key first, without one second, then as asyncssh would have begun
        self._attempts = 0 if client.names_one_key else 2

    @property
    def asked(self) -> bool:
        """Whether the server has said what it takes."""
        return self._attempts > 1

    def try_next_auth(self, *, next_method: bool = False) -> None:
        """Begin the next way to log in; of those who name a key, hardly anybody may do without."""
        self._attempts += 1
        if self._attempts <= 2:
            self._auth_methods = [b"publickey"] if self._attempts == 1 else [b"none"]
            next_method = False
        super().try_next_auth(next_method=next_method)

    async def public_key_auth_requested(self) -> asyncssh.SSHKeyPair | None:
        """Return the next key to log in with."""
        self._key = await super().public_key_auth_requested()
        return self._key

    async def send_userauth_request(
        self, method: bytes, *args: bytes, key: Any = None, trivial: bool = True
    ) -> None:
        """Send a request to be let in; with the only key there is, signed at once."""
        if method == b"publickey" and key is None and self._key is not None and self._client.has_one_key:
            key, trivial, args = self._key, False, (Boolean(value=True), *args[1:])
        await super().send_userauth_request(method, *args, key=key, trivial=trivial)

    def _reset_keepalive_timer(self) -> None:
        """Note that the server was heard: a timer looks at that when it is due, rather than one for each packet."""
        if self._auth_complete:
            self._heard = self._loop.time()
            if self._keepalive_timer is None:
                self._set_keepalive_timer()

    def _keepalive_timer_callback(self) -> None:
        left = self._heard + self._keepalive_interval - self._loop.time()
        if left > 0:
            self._keepalive_timer = self._loop.call_later(left, self._keepalive_timer_callback)
        else:
            super()._keepalive_timer_callback()

    def _process_hostkeys_00_at_openssh_dot_com_global_request(self, packet: SSHPacket) -> None:
        """Leave the server's other keys to whoever asks for them (OpenSSH's PROTOCOL, 2.5)."""
        if self._server_host_keys_handler:
            super()._process_hostkeys_00_at_openssh_dot_com_global_request(packet)
        else:
            self._report_global_response(result=False)

    @property
    def logger(self) -> SSHLogger:
        """The connection's own logger where somebody listens."""
        return super().logger if self._listened else SILENT

    def send_packet(self, pkttype: int, *args: bytes, handler: Any = None) -> None:
        """Send a packet, but for the empty one before another where no cipher gains by it."""
        if pkttype != MSG_IGNORE or str(self.get_extra_info("send_cipher", "")).endswith("-cbc"):
            # whoever sends it is asked only how to tell of it
            super().send_packet(pkttype, *args, handler=handler if self._listened else self)

    def log_sent_packet(self, pkttype: int, pktid: int | None, packet: Any, note: str = "") -> None:
        """Log a packet where somebody listens."""
        if self._listened:
            super().log_sent_packet(pkttype, pktid, packet, note)

    def log_received_packet(self, pkttype: int, pktid: int | None, packet: Any, note: str = "") -> None:
        """Log a packet where somebody listens."""
        if self._listened:
            super().log_received_packet(pkttype, pktid, packet, note)


class Prepared:
    """Options of asyncssh, prepared once for all hosts that share them."""

    def __init__(self) -> None:
        self._known: dict[Hashable, asyncssh.SSHClientConnectionOptions] = {}

    def options(
        self, host: str, port: int, client: asyncssh.SSHClient, given: Mapping[str, Any]
    ) -> asyncssh.SSHClientConnectionOptions:
        """Return the options of one host.

        Args:
            host: for the host key.
            port: likewise.
            client: is asked during the login.
            given: as for `asyncssh.connect`; with `config: None`, so that none of them depends on the host.
        """
        key = tuple((name, tuple(one) if isinstance(one, list) else one) for name, one in given.items())
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = asyncssh.SSHClientConnectionOptions(None, host=host, **given)
        options = copy.copy(known)
        options.orig_host, options.host, options.port = host, host, port
        options.protocol_factory = lambda: client
        return options


async def connect_on(
    opened: socket, options: asyncssh.SSHClientConnectionOptions, client: Client
) -> asyncssh.SSHClientConnection:
    """Log in through a connected socket, as `asyncssh.connect` does.

    Args:
        opened: becomes the connection's.
        options: of this connection alone.
        client: the same that `options` ask.

    Raises:
        OSError, asyncssh.Error: as `asyncssh.connect`.
    """
    loop = asyncio.get_running_loop()
    options.waiter = loop.create_future()
    _, connection = await loop.create_connection(lambda: LeanConnection(loop, options, client), sock=opened)
    connection.set_extra_info(host=options.host, port=options.port)
    try:
        await options.waiter
    except BaseException:
        connection.abort()
        await connection.wait_closed()
        raise
    return connection
