"""A real PostgreSQL server of the tests' own, on a free loopback port; a database of its own for each test."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
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
def server() -> Iterator[Server]:
    """Run a server with files of its own; it refuses root, who takes the login of Debian's package."""
    # not in pytest's folders: each pytest that starts on this machine closes them to others
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        user: list[str] = []
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
            user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        data = f"{folder}/data"
        make = [program("initdb"), "-D", data, "-U", "lab", "-A", "trust", "--no-sync", "-E", "UTF8"]
        made = subprocess.run(
            [*user, *make], check=False, timeout=60, capture_output=True, text=True, cwd="/"
        )
        assert made.returncode == 0, made.stdout + made.stderr
        running, port = _started(user, data)
        try:
            yield Server(port, running)
        finally:
            # at once, whoever is still connected (postgres(1): fast shutdown)
            running.send_signal(signal.SIGINT)
            running.wait(timeout=30)


def _started(user: list[str], data: str) -> tuple[subprocess.Popen[bytes], int]:
    """Start it on a free port; somebody else may take that first."""
    for _ in range(5):
        port = free_port()
        options = [
            part
            for name, value in {**SETTINGS, "port": str(port)}.items()
            for part in ("-c", f"{name}={value}")
        ]
        running = subprocess.Popen(
            [*user, program("postgres"), "-D", data, *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
        )
        if _answers(port, running):
            return running, port
    raise AssertionError("the server did not start")


def _answers(port: int, running: subprocess.Popen[bytes]) -> bool:
    import psycopg

    end = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(f"postgresql://lab@127.0.0.1:{port}/postgres", connect_timeout=5).close()
        except psycopg.OperationalError:
            if running.poll() is not None:
                return False
            assert time.monotonic() < end, "the server did not start"
            time.sleep(0.05)
        else:
            return True
