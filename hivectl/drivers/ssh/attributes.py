"""What the inventory may say of an SSH connection: ssh_config's keywords in snake case."""

from __future__ import annotations

from typing import Literal

from hivectl.model.parameters import parameter

# at run time too: `convert` looks the types up
from hivectl.model.records import record
from hivectl.model.secret import Secret  # noqa: TC001  the dataclass's types are evaluated for the schema


@record(kw_only=True)
class SshAttributes:
    """Attributes of `driver: ssh`; what is absent comes from ssh_config, then from OpenSSH's defaults."""

    host: str | None = parameter(
        "Address or name, also a Host of ssh_config; absent: the node's name.", default=None, example="m1.lab"
    )
    port: int | None = parameter("TCP port; absent: ssh_config's, or 22.", default=None)
    user: str | None = parameter("Login name; absent: ssh_config's, or the local user's.", default=None)
    identity_file: list[str] | None = parameter(
        "Private keys to log in with; absent: ssh_config's, or ~/.ssh/id_ed25519 and its relatives.",
        default=None,
        example="~/.ssh/lab",
    )
    identity_passphrase: Secret | None = parameter("Passphrase of the private keys.", default=None)
    identities_only: bool | None = parameter(
        "Offer no key of the agent but those in identity_file.", default=None
    )
    certificate_file: list[str] | None = parameter("User certificates that go with the keys.", default=None)
    identity_agent: str | None = parameter(
        "Socket of the agent, or `none`; absent: SSH_AUTH_SOCK.", default=None
    )
    forward_agent: bool | None = parameter("Let the node use this machine's agent.", default=None)
    password: Secret | None = parameter("Password of the login, where no key is accepted.", default=None)
    preferred_authentications: list[str] | None = parameter(
        "Ways to log in, in order: publickey, keyboard-interactive, password.", default=None
    )
    known_hosts: list[str] | None = parameter(
        "Files of known host keys; accept-new adds to the first.",
        default=None,
        aliases=("user_known_hosts_file",),
    )
    strict_host_key_checking: Literal["yes", "accept-new", "no"] | None = parameter(
        "Whether unknown host keys are refused, added, or not looked at; changed keys are refused but for `no`.",
        default=None,
        choices=("yes", "accept-new", "no"),
    )
    host_key_alias: str | None = parameter(
        "Name to look up in known_hosts instead of the host's.", default=None
    )
    proxy_jump: str | None = parameter(
        "Hosts to go through, [user@]host[:port], comma between; `none` overrides ssh_config.", default=None
    )
    proxy_command: str | None = parameter("Program whose standard streams lead to the node.", default=None)
    connect_timeout: float | None = parameter(
        "Seconds for the address to answer, and again for the login; absent: ssh_config's, or 10.",
        default=None,
        kind="duration",
    )
    server_alive_interval: float | None = parameter(
        "Seconds of silence after which the node is asked for a sign of life; 0: never; absent: 15.",
        default=None,
        kind="duration",
    )
    server_alive_count_max: int | None = parameter(
        "How many times without an answer before the connection counts as lost; absent: 3.", default=None
    )
    address_family: Literal["any", "inet", "inet6"] | None = parameter(
        "IPv4 only or IPv6 only.", default=None, choices=("any", "inet", "inet6")
    )
    bind_address: str | None = parameter("Local address to connect from.", default=None)
    compression: bool | None = parameter("Compress what is sent.", default=None)
    ciphers: str | None = parameter("Ciphers as in ssh_config.", default=None)
    macs: str | None = parameter("Message authentication codes as in ssh_config.", default=None)
    kex_algorithms: str | None = parameter("Key exchanges as in ssh_config.", default=None)
    host_key_algorithms: str | None = parameter("Host key types as in ssh_config.", default=None)
    ssh_config: str | None = parameter(
        "Configuration file, or `none`; absent: ~/.ssh/config and /etc/ssh/ssh_config.", default=None
    )
    python: str = parameter(
        "Python 3.7 or newer on the node, for the helper; where it is missing, or with `none`, sh does its work.",
        default="python3",
    )
    sh: str = parameter(
        "POSIX shell that runs the helper on a node without Python.", default="/bin/sh", kind="path"
    )
