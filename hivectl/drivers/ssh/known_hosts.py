"""Known host keys: read once for the process, shared by all connections, and what to say of a wrong one."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from hivectl.drivers.errors import HostKeyError
from hivectl.model.errors import InputError
from hivectl.model.records import record

if TYPE_CHECKING:
    import asyncssh

    from hivectl.drivers.ssh.settings import Settings


@record
class Known:
    """What the files say of one host.

    Attributes:
        keys: its keys.
        certified: whether an authority may vouch for it.
    """

    keys: tuple[asyncssh.SSHKey, ...]
    certified: bool

    @property
    def algorithms(self) -> tuple[str, ...]:
        """Signature algorithms of the known keys."""
        return tuple(name.decode() for key in self.keys for name in key.sig_algorithms)


def known_hosts(files: tuple[Path, ...]) -> asyncssh.SSHKnownHosts:
    """Return the entries of all files; a missing file holds none.

    Raises:
        InputError: a file that may not be read.
    """
    return _read(tuple((file, *_version(file)) for file in files))


def known(settings: Settings, entries: asyncssh.SSHKnownHosts | None = None) -> Known:
    """Return what is known of a host before it is reached; `entries`: of its files, where they have been read."""
    if entries is None:
        entries = known_hosts(settings.known_hosts)
    port = settings.port if settings.port != 22 else None
    keys, authorities, *_ = entries.match(settings.alias or settings.host, "", port)
    return Known(tuple(keys), bool(authorities))


def remember(settings: Settings, key: asyncssh.SSHKey) -> None:
    """Add a host's key to the first file, as `accept-new` says.

    Raises:
        InputError: there is no such file and none can be made.
    """
    if not settings.known_hosts:
        raise InputError("strict_host_key_checking: accept-new needs a known_hosts file to write to")
    file = settings.known_hosts[0]
    line = f"{host_pattern(settings)} {' '.join(_public(key).split()[:2])}\n"
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # one write call with O_APPEND: lines of parallel connections and of other programs do not mix
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)
    except OSError as error:
        raise InputError(
            f"the new host key of {settings.name} cannot be added to {file}: {error.strerror}"
        ) from error


def host_pattern(settings: Settings) -> str:
    """Return the host as known_hosts writes it: with its port when that is not 22."""
    if settings.alias is not None:
        return settings.alias
    return settings.host if settings.port == 22 else f"[{settings.host}]:{settings.port}"


def wrong_key(settings: Settings, node: str, shown: asyncssh.SSHKey) -> HostKeyError:
    """Say which key was shown, whether it is unknown or changed, and the command that accepts it."""
    before = known(settings).keys
    kind = shown.get_algorithm()
    fingerprint = shown.get_fingerprint()
    file = settings.known_hosts[0] if settings.known_hosts else Path("~/.ssh/known_hosts")
    accept = _accept_command(settings, kind, file)
    changed = [key for key in before if key.get_algorithm() == kind]
    if changed:
        told = ", ".join(key.get_fingerprint() for key in changed)
        return HostKeyError(
            f"the host key of {settings.address} has CHANGED: it shows {kind} {fingerprint}, known is {told}; "
            "it was installed anew, or somebody is in between",
            node=node,
            hint=f"only if you know why: ssh-keygen -R '{host_pattern(settings)}' -f {file} && {accept}",
        )
    others = ", ".join(f"{key.get_algorithm()} {key.get_fingerprint()}" for key in before)
    extra = f" (known of it: {others})" if others else ""
    where = ", ".join(str(path) for path in settings.known_hosts) or "no file"
    return HostKeyError(
        f"the host key of {settings.address} is unknown: {kind} {fingerprint} is not in {where}{extra}",
        node=node,
        hint=f"compare the fingerprint on the host's console (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then: "
        f"{accept}; or set strict_host_key_checking: accept-new",
    )


def _accept_command(settings: Settings, kind: str, file: Path) -> str:
    if settings.jumps or settings.proxy_command or settings.alias:
        # ssh-keyscan knows no jump hosts and no aliases
        way = (
            f" -J {','.join(f'{jump.user}@{jump.address}' for jump in settings.jumps)}"
            if settings.jumps
            else ""
        )
        alias = f" -o HostKeyAlias={settings.alias}" if settings.alias else ""
        return (
            f"ssh{way}{alias} -o StrictHostKeyChecking=accept-new -o UserKnownHostsFile={file} "
            f"-p {settings.port} {settings.user}@{settings.host} true"
        )
    port = "" if settings.port == 22 else f" -p {settings.port}"
    short = kind.removeprefix("ssh-").partition("-")[0]
    folder = "" if file.parent.is_dir() else f"mkdir -p -m 700 {file.parent} && "
    return f"{folder}ssh-keyscan -t {short}{port} {settings.host} >> {file}"


def _public(key: asyncssh.SSHKey) -> str:
    return key.export_public_key("openssh").decode()


def _version(file: Path) -> tuple[int, int]:
    try:
        status = file.stat()
    except OSError:
        return (0, 0)
    return (status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=64)
def _read(files: tuple[tuple[Path, int, int], ...]) -> asyncssh.SSHKnownHosts:
    import asyncssh

    texts = []
    for file, *_ in files:
        try:
            texts.append(file.read_text(encoding="utf-8", errors="replace"))
        except FileNotFoundError:
            continue
        except OSError as error:
            raise InputError(f"known_hosts {file} cannot be read: {error.strerror}") from error
    try:
        return asyncssh.import_known_hosts("\n".join(texts))
    except ValueError:
        # one by one: as OpenSSH, a line that makes no sense vouches for nobody, and stops nobody
        entries = asyncssh.SSHKnownHosts()
        for line in "\n".join(texts).splitlines():
            with suppress(ValueError):
                entries.load(line)
        return entries
