"""What a connection needs: the inventory's attributes, then ssh_config, then OpenSSH's defaults."""

from __future__ import annotations

import getpass
import os
from dataclasses import field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from hivectl.drivers.ssh.config import blocks_of, expand, look_up, tokens_of
from hivectl.model.errors import InputError
from hivectl.model.paths import user_path
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hivectl.drivers.ssh.attributes import SshAttributes
    from hivectl.drivers.ssh.config import Block
    from hivectl.model.secret import Secret

CONNECT_TIMEOUT = 10.0
ALIVE_INTERVAL = 15.0
ALIVE_COUNT = 3
DEFAULT_IDENTITIES = (
    "~/.ssh/id_ed25519",
    "~/.ssh/id_ecdsa",
    "~/.ssh/id_rsa",
    "~/.ssh/id_ed25519_sk",
    "~/.ssh/id_ecdsa_sk",
)
USER_KNOWN_HOSTS = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
SYSTEM_KNOWN_HOSTS = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")


@record(kw_only=True)
class Algorithms:
    """Lists as ssh_config writes them; None: the defaults."""

    ciphers: str | None = None
    macs: str | None = None
    key_exchanges: str | None = None
    host_keys: str | None = None
    compression: bool = False


@record(kw_only=True)
class Settings:
    """Everything about one SSH connection, decided.

    Attributes:
        name: as the user wrote it, for messages and host key look-up.
        identity_files: private keys.
        identities_required: the inventory named them, so a missing one is a fault.
        agent: socket of the agent, None without one.
        known_hosts: files, the first takes new keys.
        strict: "yes", "accept-new" or "no".
        jumps: hosts to go through, first one first.
        connect_timeout: seconds for the address to answer, and again for the login.
    """

    name: str
    host: str
    port: int
    user: str
    identity_files: tuple[Path, ...]
    identities_required: bool
    identities_only: bool
    certificate_files: tuple[Path, ...]
    passphrase: Secret | None = field(repr=False)
    agent: str | None
    forward_agent: bool
    password: Secret | None = field(repr=False)
    preferred: tuple[str, ...]
    known_hosts: tuple[Path, ...]
    strict: str
    alias: str | None
    jumps: tuple[Settings, ...]
    proxy_command: str | None
    connect_timeout: float
    alive_interval: float
    alive_count: int
    family: str
    bind_address: str | None
    algorithms: Algorithms

    @property
    def address(self) -> str:
        """Host and port for people."""
        return f"{self.host}:{self.port}" if ":" not in self.host else f"[{self.host}]:{self.port}"


def settle(attributes: SshAttributes, node: str, blocks: Sequence[Block] | None = None) -> Settings:
    """Decide everything about a node's connection.

    Args:
        attributes: the inventory's.
        node: its name.
        blocks: of ssh_config, where it has been read.

    Raises:
        InputError: ssh_config holds something that cannot be understood.
    """
    if blocks is None:
        blocks = blocks_of(config_files(attributes))
    name = attributes.host or node
    return _settle(attributes, blocks, name, attributes.user, attributes.port, inside=False)


def _settle(
    attributes: SshAttributes,
    blocks: Sequence[Block],
    name: str,
    user: str | None,
    port: int | None,
    *,
    inside: bool,
) -> Settings:
    found = look_up(blocks, name, user=user, port=port)
    values = _Values(attributes, found, jump=inside)
    host = found.get("hostname", (name,))[0]
    port = port or int(values.number("port", None, 22))
    user = user or (found["user"][0] if "user" in found else getpass.getuser())
    alias = values.text("hostkeyalias", attributes.host_key_alias)

    def filled(text: str) -> str:
        # what stands for what is looked up only where it is asked for
        if "%" not in text and "$" not in text:
            return text
        return expand(text, tokens_of(name, host, port, user, alias=alias))

    def path(text: str) -> Path:
        return _path(filled(text), os.environ.get("HOME"))

    identity_files = attributes.identity_file or found.get("identityfile")
    known_hosts = attributes.known_hosts or (
        *found.get("userknownhostsfile", USER_KNOWN_HOSTS),
        *found.get("globalknownhostsfile", SYSTEM_KNOWN_HOSTS),
    )
    command = values.text("proxycommand", attributes.proxy_command)
    return Settings(
        name=name,
        host=host,
        port=port,
        user=user,
        identity_files=tuple(path(text) for text in identity_files or DEFAULT_IDENTITIES if text != "none"),
        identities_required=attributes.identity_file is not None,
        identities_only=values.switch("identitiesonly", attributes.identities_only),
        certificate_files=tuple(
            path(t) for t in attributes.certificate_file or found.get("certificatefile", ())
        ),
        passphrase=attributes.identity_passphrase,
        agent=_agent(values.text("identityagent", attributes.identity_agent), filled),
        forward_agent=values.switch("forwardagent", attributes.forward_agent),
        password=None if inside else attributes.password,
        preferred=tuple(
            attributes.preferred_authentications
            or [w for text in found.get("preferredauthentications", ()) for w in text.split(",")]
        ),
        known_hosts=tuple(path(text) for text in known_hosts if text != "none"),
        strict=_strictness(attributes.strict_host_key_checking, found),
        alias=alias,
        jumps=()
        if command and not attributes.proxy_jump
        else _jumps(attributes, blocks, values, inside=inside),
        proxy_command=filled(command) if command and command != "none" else None,
        connect_timeout=values.number("connecttimeout", attributes.connect_timeout, CONNECT_TIMEOUT),
        alive_interval=values.number("serveraliveinterval", attributes.server_alive_interval, ALIVE_INTERVAL),
        alive_count=int(values.number("serveralivecountmax", attributes.server_alive_count_max, ALIVE_COUNT)),
        family=values.text("addressfamily", attributes.address_family) or "any",
        bind_address=values.text("bindaddress", attributes.bind_address),
        algorithms=Algorithms(
            ciphers=values.text("ciphers", attributes.ciphers),
            macs=values.text("macs", attributes.macs),
            key_exchanges=values.text("kexalgorithms", attributes.kex_algorithms),
            host_keys=values.text("hostkeyalgorithms", attributes.host_key_algorithms),
            compression=values.switch("compression", attributes.compression),
        ),
    )


def config_files(attributes: SshAttributes) -> tuple[Path, ...]:
    """Return the ssh_config files that count."""
    if attributes.ssh_config == "none":
        return ()
    if attributes.ssh_config is not None:
        file = user_path(attributes.ssh_config)
        if not file.exists():
            raise InputError(f"ssh_config: {file} does not exist")
        return (file,)
    return _usual_files(os.environ.get("HOME"))


@lru_cache(maxsize=256)
def _path(text: str, _home: str | None) -> Path:
    """Return a path as it is meant for this home; hosts share most of theirs."""
    return user_path(text)


@lru_cache(maxsize=4)
def _usual_files(_home: str | None) -> tuple[Path, ...]:
    return (Path("~/.ssh/config").expanduser(), Path("/etc/ssh/ssh_config"))


@record
class _Values:
    """Looks a keyword up; on a jump host the node's own attributes do not count."""

    attributes: SshAttributes
    found: Mapping[str, tuple[str, ...]]
    jump: bool

    def text(self, keyword: str, attribute: str | None) -> str | None:
        if attribute is not None and not self.jump:
            return attribute
        return self.found.get(keyword, (None,))[0]

    def switch(self, keyword: str, attribute: bool | None) -> bool:  # noqa: FBT001  a value, not a way to behave
        if attribute is not None:
            return attribute
        return self.found.get(keyword, ("no",))[0].lower() in {"yes", "true"}

    def number(self, keyword: str, attribute: float | None, default: float) -> float:
        if attribute is not None:
            return attribute
        text = self.found.get(keyword, (str(default),))[0]
        if text.lower() == "none":
            return default
        try:
            return float(text)
        except ValueError:
            raise InputError(f"ssh_config: {keyword} {text} is not a number") from None


def _strictness(attribute: str | None, found: Mapping[str, tuple[str, ...]]) -> str:
    strict = (attribute or found.get("stricthostkeychecking", ("yes",))[0]).lower()
    # nobody is there to be asked
    return {"ask": "yes", "true": "yes", "off": "no", "false": "no"}.get(strict, strict)


def _agent(text: str | None, filled: Callable[[str], str]) -> str | None:
    if text is None or text == "SSH_AUTH_SOCK":
        return os.environ.get("SSH_AUTH_SOCK") or None
    if text == "none":
        return None
    return str(user_path(filled(text)))


def _jumps(
    attributes: SshAttributes, blocks: Sequence[Block], values: _Values, *, inside: bool
) -> tuple[Settings, ...]:
    # a jump host's own ProxyJump is not followed, as with `ssh -J`
    text = None if inside else values.text("proxyjump", attributes.proxy_jump)
    if text is None or text == "none":
        return ()
    jumps = []
    for hop in text.split(","):
        user, _, rest = hop.strip().removeprefix("ssh://").rpartition("@")
        host, port = _host_and_port(rest, hop)
        jumps.append(_settle(attributes, blocks, host, user or None, port, inside=True))
    return tuple(jumps)


def _host_and_port(text: str, hop: str) -> tuple[str, int | None]:
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    else:
        host, _, port = text.partition(":") if text.count(":") == 1 else (text, "", "")
    if not host or (port and not port.isdigit()):
        raise InputError(f"proxy_jump: `{hop}` is not [user@]host[:port]")
    return host, int(port) if port else None
