"""`hivectl shell`, as a person at a terminal meets it: a real terminal, real sshd, real tmux."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.command import Lab
from tests.support.person import person_at
from tests.support.tmux_hosts import TmuxLab, tmux_lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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
    with person_at(lab, "shell", "h1", TERM="xterm") as person:
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
    with person_at(lab, "shell", "h1") as person:
        person.types("pwd; exit\r")
        assert person.leaves() == 0, person.seen
        assert person.terminal_is_as_before()
    assert lab.run("exec", "h1", "--", "true").returncode == 0


def test_the_terminal_is_restored_when_the_node_goes_away_or_we_are_ended(lab: Lab, hosts: TmuxLab) -> None:
    with person_at(lab, "shell", "h1") as person:
        person.types("echo be''gun\r")
        person.sees("begun")
        hosts.hosts[0].drop_connections()
        assert person.leaves() == 4
        assert b"the shell goes on without it" in person.seen
        assert person.terminal_is_as_before()
    with person_at(lab, "shell", "h1") as person:
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
    with person_at(lab, "shell", "nobody") as person:
        assert person.leaves() == 3
    reserved = lab.run("reserve", "h1", "--for", "1h", "--reason", "mine")
    assert reserved.returncode == 0, reserved.stderr
    with person_at(lab, "shell", "h1", XDG_STATE_HOME=str(lab.folder / "other")) as person:
        assert person.leaves() == 5
        assert b"h1 is held by" in person.seen
        assert person.terminal_is_as_before()
    with person_at(lab, "shell", "h1") as person:  # under the user's own
        person.types("echo mi''ne; exit\r")
        assert person.leaves() == 0, person.seen


def until_runs(hosts: TmuxLab, program: str) -> None:
    end = time.monotonic() + 10
    while hosts.tmux("list-panes", "-a", "-F", "#{pane_current_command}") != program:
        assert time.monotonic() < end
        time.sleep(0.02)
