"""A real PostgreSQL server of the tests' own, on a free loopback port; a database of its own for each test."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Debian keeps the server's programs out of PATH, by version
PROGRAMS = "/usr/lib/postgresql/*/bin"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "60",
    "shared_buffers": "16MB",
    # as on a real server: what was granted survives it
    "fsync": "on",
}


def program(name: str) -> str:
    """Return the path of one of the server's programs, of the newest version."""
    found = sorted(Path("/").glob(f"{PROGRAMS[1:]}/{name}"), key=lambda path: int(path.parts[4]))
    return str(found[-1]) if found else shutil.which(name) or name


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """A server that runs."""

    port: int
    process: subprocess.Popen[bytes]
    numbers: Iterator[int] = field(default_factory=count)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://lab@127.0.0.1:{self.port}/{database}"

    def database(self) -> str:
        """Make a new, empty database; returns its URL."""
        import psycopg

        name = f"lab{next(self.numbers)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """Run a server with its files in `folder`; it refuses root, who takes the login of Debian's package."""
    data = folder / "data"
    data.mkdir(mode=0o700)
    user: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(data, "postgres")
        user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        for above in (folder, *folder.parents):
            # pytest keeps its folders to itself; to pass through is enough
            if above.stat().st_uid == 0 and above != Path("/"):
                above.chmod(above.stat().st_mode | 0o011)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
    make = [program("initdb"), "-D", str(data), "-U", "lab", "-A", "trust", "--no-sync", "-E", "UTF8"]
    subprocess.run([*user, *make], check=True, timeout=60, **quiet)  # type: ignore[call-overload]  # a plain mapping
    port = free_port()
    options = [
        part for name, value in {**SETTINGS, "port": str(port)}.items() for part in ("-c", f"{name}={value}")
    ]
    running = subprocess.Popen([*user, program("postgres"), "-D", str(data), *options], **quiet)  # type: ignore[call-overload]  # likewise
    try:
        _wait(port, running)
        yield Server(port, running)
    finally:
        # at once, whoever is still connected (postgres(1): fast shutdown)
        running.send_signal(signal.SIGINT)
        running.wait(timeout=30)


def _wait(port: int, running: subprocess.Popen[bytes]) -> None:
    import psycopg

    end = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(f"postgresql://lab@127.0.0.1:{port}/postgres", connect_timeout=5).close()
        except psycopg.OperationalError:
            assert running.poll() is None, "the server ended"
            assert time.monotonic() < end, "the server did not start"
            time.sleep(0.05)
        else:
            return
