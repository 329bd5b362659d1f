"""Real SSH hosts whose tmux servers are their own: nobody else's session is seen, and none is left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from tests.support.sshd import FORCED, Sshd, hosts
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class TmuxLab:
    """An inventory of hosts h1, h2 … with tmux.

    Attributes:
        folder: of the lab.
        hosts: by number.
        sockets: folder of their tmux sockets; each host has its own in it.
        inventory: the file.
    """

    folder: Path
    hosts: list[Sshd]
    sockets: Path
    inventory: Path

    def tmux(self, *words: str, host: int = 0) -> str:
        """Run tmux as somebody who has logged in to a host."""
        # without its folder tmux would take this machine's own
        (self.sockets / f"h{host + 1}").mkdir(exist_ok=True)
        done = subprocess.run(
            ["tmux", *words],
            env={**self._environment(), "TMUX_TMPDIR": str(self.sockets / f"h{host + 1}")},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.strip()

    def end_tmux(self) -> None:
        """End the tmux servers that were started."""
        for number in range(len(self.hosts)):
            for path in (self.sockets / f"h{number + 1}").rglob("default"):
                server = self.tmux("display-message", "-p", "#{pid}", host=number)
                self.tmux("kill-server", host=number)
                # it still takes callers while it ends, and takes them with it; where a connection was cut it may wait
                # for ever for the client that it has still to write to
                end = time.monotonic() + 2
                while not _silent(path):
                    if server.isdigit() and time.monotonic() > end:
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(int(server), signal.SIGKILL)
                        wait_until(partial(_silent, path))
                    time.sleep(0.01)

    @contextlib.contextmanager
    def server_that_cannot_end(self, session: str) -> Iterator[None]:
        """Have the first host's server end, which waits for a client that reads no more."""
        self.tmux("new-session", "-d", "-s", session, "seq 100000; sleep 600")
        with self.client(session) as deaf:
            assert deaf.stdin is not None
            # more than a pipe holds, and nobody reads it
            deaf.stdin.write(b"capture-pane -p -S -2000\n" * 60)
            deaf.stdin.flush()
            wait_until(lambda: self.tmux("list-clients"))
            self.tmux("kill-server")
            assert deaf.poll() is None
            yield

    @contextlib.contextmanager
    def client(self, session: str, host: int = 0) -> Iterator[subprocess.Popen[bytes]]:
        """Attach to a session of a host and read nothing of what it says."""
        process = subprocess.Popen(
            ["tmux", "-C", "attach-session", "-t", f"={session}"],
            env={**self._environment(), "TMUX_TMPDIR": str(self.sockets / f"h{host + 1}")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def _environment(self) -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if not name.startswith("TMUX")}


def _silent(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return True
        return False


@contextlib.contextmanager
def tmux_lab(folder: Path, count: int = 1, *, shell: str = "/bin/bash", runs: str = "") -> Iterator[TmuxLab]:
    """Run hosts, each with a tmux server of its own.

    Args:
        folder: an own one.
        count: how many.
        shell: the login shell there.
        runs: `shell:` of all nodes.
    """
    # a socket's path has 107 bytes at most (unix(7)); pytest's folders are longer for users with longer names
    with tempfile.TemporaryDirectory(prefix="t") as sockets:
        name = "${HOME%/home}"
        forced = (
            f"ForceCommand export SHELL={shell} TMUX_TMPDIR={sockets}/$(basename {name}); "
            f"mkdir -p $TMUX_TMPDIR; {FORCED}"
        )
        with hosts(folder / "hosts", count, settings=[forced]) as made:
            nodes = {
                host.name: {"driver": "ssh", **host.attributes, **({"shell": runs} if runs else {})}
                for host in made
            }
            for attributes in nodes.values():
                attributes["ssh_config"] = "none"
            inventory = folder / "lab.yml"
            inventory.write_text(
                yaml.safe_dump({"version": 1, "nodes": nodes, "hives": {"all_hosts": {"nodes": list(nodes)}}})
            )
            lab = TmuxLab(folder, made, Path(sockets), inventory)
            for host in made:
                # programs of the tests' own shells are quick: no profile of this machine is read
                for file in (".bash_profile", ".profile"):
                    (host.home / file).write_text("PS1='\\u@\\h:\\w\\$ '\n")
            try:
                yield lab
            finally:
                lab.end_tmux()
