"""Real OpenSSH servers on 127.0.0.1, one a "host", for tests and benchmarks.

Each has its own port, host key, home and log, and runs as the current user (root or not). Nothing outside
the given folder is written, but for root's /run/sshd, which sshd itself insists on.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SFTP_SERVERS = (
    "/usr/lib/openssh/sftp-server",
    "/usr/libexec/openssh/sftp-server",
    "/usr/lib/ssh/sftp-server",
)
# sshd changes to the home of /etc/passwd; this changes to the home that SetEnv gives, then does what was asked
FORCED = (
    'cd ~ && if [ -n "$SSH_ORIGINAL_COMMAND" ]; then eval "$SSH_ORIGINAL_COMMAND"; else exec "$SHELL" -l; fi'
)
START_TIMEOUT = 30.0


@dataclass(slots=True)
class Sshd:
    """One host.

    Attributes:
        name: h1, h2 ...
        folder: holds everything of it: `home/`, `host_key`, `sshd_config`, `log`.
        port: kept by us for its whole life, so that it can be stopped and started again.
        identity_file: private key that may log in, shared by all hosts of one `hosts()`.
        known_hosts: file that holds the keys of all hosts of one `hosts()`.
        host_key: public host key, as in known_hosts ("ssh-ed25519 AAAA...").
    """

    name: str
    folder: Path
    port: int
    identity_file: Path
    known_hosts: Path
    host_key: str
    reserved: socket.socket
    wrapper: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def user(self) -> str:
        """Who logs in: the user that the tests run as."""
        return pwd.getpwuid(os.geteuid()).pw_name

    @property
    def home(self) -> Path:
        """The home folder that commands and file transfers see."""
        return self.folder / "home"

    @property
    def log(self) -> Path:
        """What sshd logs at LogLevel VERBOSE."""
        return self.folder / "log"

    @property
    def attributes(self) -> dict[str, Any]:
        """Attributes for the `ssh` driver, as in an inventory."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "user": self.user,
            "identity_file": str(self.identity_file),
            "known_hosts": str(self.known_hosts),
        }

    def channels(self) -> int:
        """How many channels (commands, shells, subsystems) have been opened since the log began."""
        return self.log.read_text(errors="replace").count("Starting session: ")

    def logins(self) -> int:
        """How many logins there have been since the log began."""
        return len(re.findall(r"Accepted \S+ for ", self.log.read_text(errors="replace")))

    def forget(self) -> None:
        """Empty the log, so that counts begin at 0."""
        os.truncate(self.log, 0)

    def launch(self) -> None:
        """Start sshd without waiting; `await_start` waits."""
        assert self.process is None
        self.log.touch()
        self.process = subprocess.Popen(
            [*self.wrapper, sshd_binary(), "-D", "-f", str(self.folder / "sshd_config"), "-E", str(self.log)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def await_start(self, listened_before: int = 0) -> None:
        """Wait until sshd listens; raises with its log when it ends instead."""
        assert self.process is not None
        end = time.monotonic() + START_TIMEOUT
        while self._listened() <= listened_before:
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"sshd did not start:\n{self.log.read_text(errors='replace')}")
            time.sleep(0.005)  # sshd tells nobody but its log

    def start(self) -> None:
        """Start sshd and wait until it listens."""
        before = self._listened() if self.log.exists() else 0
        self.launch()
        self.await_start(before)

    def stop(self) -> None:
        """End sshd, its connections and all that runs in them, as a power cut would."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGSTOP)  # it accepts nobody while we look at its children
        for pid in descendants(self.process.pid):
            _kill(pid)
        self.process.kill()
        self.process.wait()
        self.process = None
        for pid in _living_in(self.home):
            _kill(pid)

    def drop_connections(self) -> None:
        """Cut every open connection (its sshd is killed); the host goes on listening, commands see the end."""
        assert self.process is not None
        for pid in connection_servers(self.process.pid):
            _kill(pid)

    def _listened(self) -> int:
        return self.log.read_text(errors="replace").count("Server listening on ")


@contextlib.contextmanager
def hosts(
    folder: Path, count: int = 1, *, settings: Sequence[str] = (), wrapper: Sequence[str] = ()
) -> Iterator[list[Sshd]]:
    """Run `count` hosts; they end with the context.

    Args:
        folder: an own, absolute folder.
        count: how many; 100 start in about a second.
        settings: further lines for sshd_config (the first of two wins, so these come first).
        wrapper: a program that sshd is started through (`unshare ...`).
    """
    folder.mkdir(parents=True, exist_ok=True)
    identity = folder / "identity"
    authorized = folder / "authorized_keys"
    authorized.write_text(new_key(identity) + "\n")
    known_hosts = folder / "known_hosts"
    made = [
        _make(folder / f"h{number}", f"h{number}", identity, known_hosts, settings, wrapper)
        for number in range(1, count + 1)
    ]
    known_hosts.write_text("".join(f"[127.0.0.1]:{host.port} {host.host_key}\n" for host in made))
    try:
        for host in made:
            host.launch()
        for host in made:
            host.await_start()
        yield made
    finally:
        for host in made:
            host.stop()
            host.reserved.close()


@pytest.fixture
def sshd_hosts(tmp_path: Path) -> Iterator[Callable[..., list[Sshd]]]:
    """Give a function `(count=1, settings=(), wrapper=()) -> [Sshd]`; all end with the test."""
    with contextlib.ExitStack() as stack:
        calls = 0

        def run(count: int = 1, *, settings: Sequence[str] = (), wrapper: Sequence[str] = ()) -> list[Sshd]:
            nonlocal calls
            calls += 1
            folder = tmp_path / f"sshd{calls}"
            return stack.enter_context(hosts(folder, count, settings=settings, wrapper=wrapper))

        yield run


@pytest.fixture
def sshd_host(sshd_hosts: Callable[..., list[Sshd]]) -> Sshd:
    """Give one host; it ends with the test."""
    return sshd_hosts(1)[0]


@cache
def sshd_binary() -> str:
    """Find sshd, which must be started by its absolute path; `make test` installs openssh-server."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin:/sbin"
    found = shutil.which("sshd", path=path)
    if found is None:
        pytest.fail("sshd is missing: install openssh-server")
    return found


def new_key(path: Path) -> str:
    """Write a new Ed25519 private key (mode 0600) and return its public half."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    key = Ed25519PrivateKey.generate()
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def descendants(pid: int) -> list[int]:
    """Return every process under `pid`, parents first."""
    found = []
    for child in children(pid):
        found += [child, *descendants(child)]
    return found


def children(pid: int) -> list[int]:
    """Return the children of a process; none once it is gone."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def connection_servers(listener: int) -> list[int]:
    """Return the sshd processes that serve a listener's connections: what is named sshd below it."""
    return [pid for pid in descendants(listener) if _name(pid).startswith("sshd")]


def _living_in(home: Path) -> list[int]:
    """Return the processes that were started on a host and have lost their parents."""
    mark = b"HOME=" + os.fsencode(home) + b"\0"
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and mark in (entry / "environ").read_bytes():
                found.append(int(entry.name))
    return found


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _make(
    folder: Path,
    name: str,
    identity: Path,
    known_hosts: Path,
    settings: Sequence[str],
    wrapper: Sequence[str],
) -> Sshd:
    home = folder / "home"
    home.mkdir(parents=True)
    host_key = new_key(folder / "host_key")
    # bound but not listening: nobody else gets the port, and sshd, which sets SO_REUSEADDR too, may listen on it
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind(("127.0.0.1", 0))
    port = int(reserved.getsockname()[1])
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    lines = [
        *settings,
        f"Port {port}",
        "ListenAddress 127.0.0.1",
        f"HostKey {folder / 'host_key'}",
        f"AuthorizedKeysFile {folder.parent / 'authorized_keys'}",
        "UsePAM no",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "PermitRootLogin yes",
        "StrictModes no",
        "PidFile none",
        "LogLevel VERBOSE",
        "UseDNS no",
        "MaxStartups 1000",
        "PrintMotd no",
        f"SetEnv HOME={home}",
        f"Subsystem sftp {next((path for path in SFTP_SERVERS if Path(path).exists()), SFTP_SERVERS[0])}",
        f"ForceCommand {FORCED}",
    ]
    if _version() >= (9, 8):
        lines.append("PerSourcePenalties no")  # tests are refused on purpose
    (folder / "sshd_config").write_text("\n".join(lines) + "\n")
    return Sshd(name, folder, port, identity, known_hosts, host_key, reserved, tuple(wrapper))


@cache
def _version() -> tuple[int, int]:
    # `sshd -V` is an error before 9.2, but names the version then too
    ended = subprocess.run([sshd_binary(), "-V"], capture_output=True, text=True, check=False)
    found = re.search(r"OpenSSH_(\d+)\.(\d+)", ended.stderr + ended.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def ssh_command(host: Sshd, *command: str) -> list[str]:
    """Return an OpenSSH client's argv for a host, for comparing with what it does."""
    options = ["-o", f"UserKnownHostsFile={host.known_hosts}", "-o", "BatchMode=yes", "-F", "none"]
    login = ["-p", str(host.port), "-i", str(host.identity_file), "-l", host.user, "127.0.0.1"]
    return ["ssh", *options, *login, shlex.join(command)]
