"""`hivectl shell`, as a person at a terminal meets it: a real terminal, real sshd, real tmux."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import struct
import subprocess
import termios
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.command import PROGRAM, Lab
from tests.support.tmux_hosts import TmuxLab, tmux_lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Person:
    """Somebody at a terminal in which `hivectl` runs."""

    def __init__(self, lab: Lab, *arguments: str, **more: str) -> None:
        self.ours, theirs = os.openpty()
        self.size(100, 30)
        self.theirs = theirs
        self.before = termios.tcgetattr(theirs)
        self.seen = b""
        self.process = subprocess.Popen(
            [*PROGRAM, *arguments],
            cwd=lab.folder,
            env=lab.environment(**more),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )

    def size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def types(self, text: str) -> None:
        os.write(self.ours, text.encode())

    def sees(self, text: str, seconds: float = 15.0) -> None:
        end = time.monotonic() + seconds
        while text.encode() not in self.seen:
            ready, _, _ = select.select([self.ours], [], [], max(0, end - time.monotonic()))
            assert ready, f"{text!r} is not in {self.seen[-2000:]!r}"
            self.seen += os.read(self.ours, 65536)
        self.seen = self.seen.partition(text.encode())[2]

    def leaves(self, seconds: float = 15.0) -> int:
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < end, self.seen
            if select.select([self.ours], [], [], 0.05)[0]:
                self.seen += os.read(self.ours, 65536)
        return self.process.returncode

    def terminal_is_as_before(self) -> bool:
        return termios.tcgetattr(self.theirs) == self.before

    def goes(self) -> None:
        self.process.kill()
        self.process.wait()
        for descriptor in (self.ours, self.theirs):
            os.close(descriptor)


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[TmuxLab]:
    with tmux_lab(tmp_path) as made:
        yield made


@pytest.fixture
def lab(hosts: TmuxLab, tmp_path: Path) -> Lab:
    lab = Lab(tmp_path)
    (tmp_path / "home").mkdir()
    lab.write("inventory/lab.yml", hosts.inventory.read_text())
    return lab


def test_a_person_works_in_it_detaches_and_finds_it_again(lab: Lab, hosts: TmuxLab) -> None:
    with contextlib.closing(Closing(Person(lab, "shell", "h1", TERM="xterm"))) as closing:
        person = closing.person
        person.sees("$ " if os.geteuid() else "# ")
        person.types("cd /; echo one-$((1+1))\r")
        person.sees("one-2")
        person.types("stty size\r")
        person.sees("29 100")  # tmux's status line takes one
        person.size(120, 40)
        person.process.send_signal(signal.SIGWINCH)
        person.types("sleep 0.5; stty size\r")
        person.sees("39 120")
        person.types("sleep 60\r")
        until_runs(hosts, "sleep")
        person.types("\x03")
        person.types("echo after-$((2+2))\r")
        person.sees("after-4")
        held = lab.run("exec", "h1", "--", "true")
        assert held.returncode == 5
        assert "shell h1" in held.stderr
        person.types("\x02d")
        assert person.leaves() == 0
        assert b"detached" in person.seen
        assert person.terminal_is_as_before()
    with contextlib.closing(Closing(Person(lab, "shell", "h1"))) as closing:
        closing.person.types("pwd; exit\r")
        assert closing.person.leaves() == 0, closing.person.seen
        assert closing.person.terminal_is_as_before()
    assert lab.run("exec", "h1", "--", "true").returncode == 0


def test_the_terminal_is_restored_when_the_node_goes_away_or_we_are_ended(lab: Lab, hosts: TmuxLab) -> None:
    with contextlib.closing(Closing(Person(lab, "shell", "h1"))) as closing:
        person = closing.person
        person.types("echo be''gun\r")
        person.sees("begun")
        hosts.hosts[0].drop_connections()
        assert person.leaves() == 4
        assert b"the shell goes on without it" in person.seen
        assert person.terminal_is_as_before()
    with contextlib.closing(Closing(Person(lab, "shell", "h1"))) as closing:
        person = closing.person
        person.types("echo ag''ain\r")
        person.sees("again")
        person.process.terminate()
        assert person.leaves() == 143
        assert person.terminal_is_as_before()


def test_it_is_refused_where_it_cannot_be(lab: Lab) -> None:
    done = lab.run("shell", "h1")
    assert done.returncode == 3
    assert "needs a terminal" in done.stderr
    assert "hivectl exec" in done.stderr
    with contextlib.closing(Closing(Person(lab, "shell", "nobody"))) as closing:
        assert closing.person.leaves() == 3
    reserved = lab.run("reserve", "h1", "--for", "1h", "--reason", "mine")
    assert reserved.returncode == 0, reserved.stderr
    with contextlib.closing(
        Closing(Person(lab, "shell", "h1", XDG_STATE_HOME=str(lab.folder / "other")))
    ) as closing:
        assert closing.person.leaves() == 5
        assert b"h1 is held by" in closing.person.seen
        assert closing.person.terminal_is_as_before()
    with contextlib.closing(Closing(Person(lab, "shell", "h1"))) as closing:  # under the user's own
        closing.person.types("echo mi''ne; exit\r")
        assert closing.person.leaves() == 0, closing.person.seen


class Closing:
    """Ends a person's session at the end of a block."""

    def __init__(self, person: Person) -> None:
        self.person = person

    def close(self) -> None:
        self.person.goes()


def until_runs(hosts: TmuxLab, program: str) -> None:
    end = time.monotonic() + 10
    while hosts.tmux("list-panes", "-a", "-F", "#{pane_current_command}") != program:
        assert time.monotonic() < end
        time.sleep(0.02)
