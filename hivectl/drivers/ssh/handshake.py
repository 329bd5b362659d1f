"""From a node's settings to an SSH connection that is logged in; every failure by its own name."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from dataclasses import field
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import asyncssh

from hivectl.drivers.errors import (
    AddressError,
    ConnectionLostError,
    ConnectTimeoutError,
    HandshakeError,
    HostKeyError,
    LoginError,
)
from hivectl.drivers.ssh.algorithms import cipher_order, usable
from hivectl.drivers.ssh.keys import Offered
from hivectl.drivers.ssh.known_hosts import known, known_hosts, remember, wrong_key
from hivectl.drivers.ssh.lean import Prepared, connect_on
from hivectl.drivers.ssh.pool import Pool
from hivectl.drivers.ssh.sockets import open_socket
from hivectl.model.errors import HivectlError
from hivectl.model.records import record

if TYPE_CHECKING:
    from socket import socket

    from hivectl.drivers.ssh.settings import Settings

# A handshake costs some 3 ms of CPU here and waits for five round trips. Sixteen a core keep a core busy at 50 ms
# round trip, and make nobody wait longer than 50 ms for the CPU, so that no timeout fires for our own queue.
HANDSHAKES_PER_CORE = 16


@record(frozen=False)
class Login:
    """A connection that is logged in, and how to give it back.

    Attributes:
        connection: asyncssh's.
        resources: closed with it: the jump hosts it goes through.
    """

    connection: asyncssh.SSHClientConnection
    resources: AsyncExitStack

    async def close(self) -> None:
        """Close the connection at once; calling it again does nothing."""
        self.connection.abort()
        await self.connection.wait_closed()
        await self.resources.aclose()


@record(frozen=False)
class Shared:
    """What the connections of one event loop share."""

    handshakes: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(HANDSHAKES_PER_CORE * (os.cpu_count() or 1))
    )
    agents: Pool[asyncssh.SSHAgentClient] = field(default_factory=lambda: Pool(_close_agent, lambda _: True))
    jumps: Pool[Login] = field(
        default_factory=lambda: Pool(Login.close, lambda login: not login.connection.is_closed())
    )
    prepared: Prepared = field(default_factory=Prepared)


# keyed by event loop, since what is in it works in one loop only
_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, Shared] = WeakKeyDictionary()


def shared() -> Shared:
    """Return what the running loop's connections share."""
    return _shared.setdefault(asyncio.get_running_loop(), Shared())


async def log_in(settings: Settings, node: str) -> Login:
    """Open one connection, through its jump hosts if it has some.

    Raises:
        AddressError, ConnectTimeoutError, HostKeyError, LoginError, HandshakeError, ConnectionLostError: why not.
    """
    async with AsyncExitStack() as stack:
        tunnel = None
        for number in range(len(settings.jumps)):
            way = settings.jumps[: number + 1]
            tunnel = await _hold_jump(stack, way, node, tunnel)
        if tunnel is None and settings.proxy_command is not None:
            connection = await _by_proxy_command(stack, settings, node)
            return Login(connection, stack.pop_all())
        opened = await open_socket(settings, node) if tunnel is None else None
        try:
            connection = await _handshake(settings, node, opened, tunnel)
        except BaseException:
            if opened is not None:
                opened.close()
            raise
        return Login(connection, stack.pop_all())
    raise AssertionError("unreachable")  # mypy: the stack swallows nothing


async def _by_proxy_command(
    stack: AsyncExitStack, settings: Settings, node: str
) -> asyncssh.SSHClientConnection:
    from hivectl.drivers.ssh.proxy_command import start_proxy_command

    opened, program = await start_proxy_command(settings, node)
    stack.push_async_callback(program.close)
    try:
        return await _handshake(settings, node, opened, None)
    except (ConnectionLostError, ConnectTimeoutError) as error:
        opened.close()
        late = isinstance(error, ConnectTimeoutError)
        within = f"within {settings.connect_timeout:g} s" if late else "before it ended"
        raise await program.no_way(settings, node, f"gave no SSH session {within}") from error
    except BaseException:
        opened.close()
        raise


async def _hold_jump(
    stack: AsyncExitStack, way: tuple[Settings, ...], node: str, tunnel: asyncssh.SSHClientConnection | None
) -> asyncssh.SSHClientConnection:
    settings = way[-1]

    async def make() -> Login:
        try:
            if tunnel is None and settings.proxy_command is not None:
                async with AsyncExitStack() as own:
                    connection = await _by_proxy_command(own, settings, node)
                    return Login(connection, own.pop_all())
            opened = await open_socket(settings, node) if tunnel is None else None
            try:
                return Login(await _handshake(settings, node, opened, tunnel), AsyncExitStack())
            except BaseException:
                if opened is not None:
                    opened.close()
                raise
        except HivectlError as error:
            raise type(error)(
                f"jump host {settings.name}: {error.message}", node=node, hint=error.hint
            ) from error

    jumps = shared().jumps
    login = await jumps.acquire(way, make)
    stack.push_async_callback(jumps.release, way)
    return login.connection


async def _handshake(
    settings: Settings, node: str, opened: socket | None, tunnel: asyncssh.SSHClientConnection | None
) -> asyncssh.SSHClientConnection:
    offered = Offered(settings, node)
    turn = shared().handshakes
    async with turn, AsyncExitStack() as stack:
        client = Client(settings, node, offered, AgentKeys(stack, settings.agent))
        try:
            async with asyncio.timeout(settings.connect_timeout):
                options = _options(settings, client)
                if opened is not None:
                    prepared = shared().prepared.options(settings.host, settings.port, client, options)
                    return await connect_on(opened, prepared, client)
                return await asyncssh.connect(
                    settings.host,
                    settings.port,
                    client_factory=lambda: client,
                    tunnel=tunnel or (),
                    **options,
                )
        except TimeoutError as error:
            stage = "the login" if client.connected else "the key exchange"
            raise ConnectTimeoutError(
                f"{settings.address} began to speak SSH, but {stage} took longer than {settings.connect_timeout:g} s",
                node=node,
                hint="the host may be overloaded; connect_timeout allows more",
            ) from error
        except (OSError, asyncssh.Error) as error:
            raise _explain(error, settings, node, client) from error


def _options(settings: Settings, client: Client) -> dict[str, Any]:
    """Return asyncssh's options; each is given, so that asyncssh looks into no file by itself."""
    algorithms = settings.algorithms
    entries = None if settings.strict == "no" else known_hosts(settings.known_hosts)
    options: dict[str, Any] = {
        "config": None,
        "username": settings.user,
        "password": settings.password.reveal() if settings.password is not None else None,
        # keys are offered by Client.public_key_auth_requested
        "client_keys": None,
        "agent_forwarding": settings.agent if settings.forward_agent and settings.agent else False,
        "preferred_auth": settings.preferred or _ways_to_log_in(settings),
        "known_hosts": entries,
        "host_key_alias": settings.alias,
        "x509_trusted_certs": None,
        "gss_auth": "gssapi-with-mic" in settings.preferred,
        "gss_kex": False,
        "login_timeout": 0,
        "keepalive_interval": settings.alive_interval,
        "keepalive_count_max": settings.alive_count,
        "compression_algs": ["zlib@openssh.com", "none"] if algorithms.compression else ["none"],
        "encryption_algs": usable("ciphers", algorithms.ciphers) or cipher_order(),
    }
    for name, value, option in (
        ("macs", algorithms.macs, "mac_algs"),
        ("kex_algorithms", algorithms.key_exchanges, "kex_algs"),
        ("host_key_algorithms", algorithms.host_keys, "server_host_key_algs"),
    ):
        if found := usable(name, value):
            options[option] = found
    if entries is not None and algorithms.host_keys is None:
        options["server_host_key_algs"] = client.host_key_order(entries)
    return options


@lru_cache(maxsize=64)
def _first_of_all(known_ones: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*known_ones, *usable("host_key_algorithms", "*"))))


def _ways_to_log_in(settings: Settings) -> tuple[str, ...]:
    if settings.password is None:
        return ("publickey",)
    return ("publickey", "keyboard-interactive", "password")


class Client(asyncssh.SSHClient):
    """What asyncssh asks of us during a handshake."""

    def __init__(self, settings: Settings, node: str, offered: Offered, agent: AgentKeys) -> None:
        self._settings = settings
        self._node = node
        self._offered = offered
        self._agent = agent
        self._stages = ["agent", "files"]
        if settings.identities_required:
            self._stages.reverse()
        self.connected = False
        self.has_one_key = False
        self.accepted: tuple[str, ...] = ()
        self.connection: asyncssh.SSHClientConnection | None = None
        self.refused: HivectlError | None = None

    @property
    def names_one_key(self) -> bool:
        """Whether the user has named one key, and no other way to log in."""
        settings = self._settings
        return (
            settings.identities_required
            and len(settings.identity_files) == 1
            and settings.password is None
            and not settings.preferred
        )

    def connection_made(self, connection: asyncssh.SSHClientConnection) -> None:
        """Keep the connection, which knows what the server takes."""
        self.connection = connection

    def host_key_order(self, entries: asyncssh.SSHKnownHosts) -> tuple[str, ...]:
        """Return host key types, known ones first, so that a server with several shows the one we know."""
        found = known(self._settings, entries)
        return () if not found.keys or found.certified else _first_of_all(found.algorithms)

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002  asyncssh's signature
        """Decide about a host key that is not among the known ones."""
        if self._settings.strict == "accept-new" and not known(self._settings).keys:
            remember(self._settings, key)
            return True
        self.refused = wrong_key(self._settings, self._node, key)
        return False

    async def public_key_auth_requested(self) -> list[asyncssh.SSHKeyPair] | None:
        """Give the next keys, the agent's only when they are due."""
        self.connected = True
        if self.connection is not None and not self.accepted and getattr(self.connection, "asked", True):
            # asyncssh strikes off what it has tried
            self.accepted = tuple(self.connection.get_server_auth_methods())
        while self._stages:
            stage = self._stages.pop(0)
            try:
                keys = (
                    self._offered.from_files() if stage == "files" else await self._agent.load(self._offered)
                )
            except HivectlError as error:
                self.refused = error
                return None
            if keys:
                self.has_one_key = (
                    stage == "files" and len(keys) == 1 and len(self._settings.identity_files) == 1
                )
                return keys
        return None


@record(frozen=False)
class AgentKeys:
    """The agent, opened when it is first asked and shared with other logins of the moment."""

    stack: AsyncExitStack
    path: str | None

    async def load(self, offered: Offered) -> list[asyncssh.SSHKeyPair]:
        """Return the agent's keys; none without an agent, or when it is gone."""
        if self.path is None:
            return []
        path = self.path

        async def make() -> asyncssh.SSHAgentClient:
            try:
                return await asyncssh.connect_agent(path)
            except OSError as error:
                raise AddressError(f"agent {path}: {error.strerror}") from error

        try:
            agent = await self.stack.enter_async_context(shared().agents.held(path, make))
            held = await agent.get_keys()
        except (HivectlError, ValueError) as error:
            offered.skipped.append(f"the agent does not answer: {error}")
            return []
        return offered.from_agent(held)


async def _close_agent(agent: asyncssh.SSHAgentClient) -> None:
    agent.close()
    await agent.wait_closed()


def _explain(error: Exception, settings: Settings, node: str, client: Client) -> HivectlError:
    address = settings.address
    if client.refused is not None:
        return client.refused
    match error:
        case asyncssh.PermissionDenied():
            return _login_error(settings, node, client)
        case asyncssh.HostKeyNotVerifiable():
            found: HivectlError = HostKeyError(
                f"the host key of {address} is not accepted: {error.reason}", node=node
            )
        case asyncssh.ChannelOpenError():
            found = AddressError(f"{address} cannot be reached from the jump host: {error.reason}", node=node)
        case asyncssh.ConnectionLost() | ConnectionError():
            found = ConnectionLostError(
                f"{address} closed the connection during the handshake",
                node=node,
                hint="sshd may be starting, overloaded (MaxStartups), or refusing this address",
            )
        case asyncssh.Error():
            found = HandshakeError(f"no SSH session with {address}: {error.reason}", node=node)
        case _:
            said = error.strerror if isinstance(error, OSError) else None
            found = AddressError(f"{address} cannot be reached: {said or error}", node=node)
    return found


def _login_error(settings: Settings, node: str, client: Client) -> LoginError:
    offered = client._offered  # noqa: SLF001  of the same file
    tried = [f"key {text}" for text in offered.tried]
    if settings.password is not None:
        tried.append("the password")
    takes = f"; it takes {', '.join(client.accepted)}" if client.accepted else ""
    skipped = f"; not tried: {'; '.join(offered.skipped)}" if offered.skipped else ""
    return LoginError(
        f"{settings.address} refused the login of {settings.user} with {', '.join(tried) or 'no key at all'}"
        f"{takes}{skipped}",
        node=node,
        hint=f"check user and identity_file; `ssh-copy-id -p {settings.port} {settings.user}@{settings.host}` installs a key",
    )
