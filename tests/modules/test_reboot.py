"""`reboot` and `wait_for_connection`, on a real sshd that goes down and comes back with another boot id."""

from __future__ import annotations

import json
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.support.command import Lab, make_lab
from tests.support.sshd import sshd_hosts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tests.support.sshd import Sshd

__all__ = ["sshd_hosts"]

# each start has its own boot id, seen by nobody but what sshd starts
BOOT = """
tr -d '\\n' < /proc/sys/kernel/random/uuid > "$1/boot_id.new" && mv "$1/boot_id.new" "$1/boot_id"
mount --bind "$1/boot_id" /proc/sys/kernel/random/boot_id
shift
exec "$@"
"""
SHUTDOWN = """#!/bin/sh
echo "$@" >> "{folder}/asked"
[ ! -e "{folder}/refuse" ] || {{ echo "not today" >&2; exit 1; }}
touch "{folder}/going"
"""
PLAY = """\
- hosts: h1
  gather_facts: false
  tasks:
    - command: cat /proc/sys/kernel/random/boot_id
      register: before
    - name: Reboot
      reboot: {search_paths: ["{{ folder }}/sbin"], reboot_timeout: %s, msg: "new 'kernel'", test_command: "%s"}
      register: done
    - command: cat /proc/sys/kernel/random/boot_id
      register: after
    - assert: {that: [before.stdout != after.stdout, done.rebooted, done is changed]}
"""


@pytest.fixture
def machine(tmp_path: Path, sshd_hosts: Callable[..., list[Sshd]]) -> Sshd:
    flags = ("-m",) if os.geteuid() == 0 else ("-rm",)
    return sshd_hosts(wrapper=("unshare", *flags, "sh", "-c", BOOT, "sh", str(tmp_path)))[0]


@pytest.fixture
def lab(tmp_path: Path, machine: Sshd) -> Lab:
    sbin = tmp_path / "sbin"
    sbin.mkdir()
    (sbin / "shutdown").write_text(SHUTDOWN.format(folder=tmp_path))
    (sbin / "shutdown").chmod(0o755)
    node = {"driver": "ssh", **machine.attributes, "vars": {"folder": str(tmp_path)}}
    return make_lab(tmp_path, json.dumps({"version": 1, "nodes": {"h1": node}}))


@contextmanager
def power(machine: Sshd, folder: Path, then: Sequence[Callable[[], object]]) -> Iterator[None]:
    """Do what the machine does once it is told to go down."""
    over = threading.Event()

    def attend() -> None:
        while not (folder / "going").exists():
            if over.wait(0.02):
                return
        machine.stop()
        for step in then:
            step()

    thread = threading.Thread(target=attend)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_comes_back_with_another_boot_id(tmp_path: Path, lab: Lab, machine: Sshd) -> None:
    lab.write("site.yml", PLAY % (60, "test -e {{ folder }}/boot_id"))

    with power(machine, tmp_path, [lambda: threading.Event().wait(0.7), machine.start]):
        done = lab.run("apply", "site.yml")

    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "asked").read_text() == "-r 0 new 'kernel'\n"


def test_never_comes_back(tmp_path: Path, lab: Lab, machine: Sshd) -> None:
    lab.write("site.yml", PLAY % (2, "true"))

    with power(machine, tmp_path, []):
        done = lab.run("apply", "site.yml")

    assert done.returncode == 1
    assert "Timed out waiting for the node to come back (timeout=2)" in done.stdout


def test_refused(tmp_path: Path, lab: Lab) -> None:
    (tmp_path / "refuse").touch()
    lab.write("site.yml", PLAY % (5, "true"))

    done = lab.run("apply", "site.yml")

    assert done.returncode == 1
    assert "Reboot command failed" in done.stdout
    assert "not today" in done.stdout


def test_does_not_go_down(lab: Lab) -> None:
    lab.write("site.yml", PLAY % (1, "true"))

    done = lab.run("apply", "site.yml")

    assert done.returncode == 1
    assert "it has not gone down yet" in done.stdout


def test_is_never_ready(tmp_path: Path, lab: Lab, machine: Sshd) -> None:
    lab.write("site.yml", PLAY % (2, "echo still mounting >&2; false"))

    with power(machine, tmp_path, [machine.start]):
        done = lab.run("apply", "site.yml")

    assert done.returncode == 1
    assert "to succeed (timeout=2)" in done.stdout
    assert "still mounting" in done.stdout


def test_says_only_what_it_would_do_in_check_mode(tmp_path: Path, lab: Lab) -> None:
    lab.write("site.yml", "- hosts: h1\n  gather_facts: false\n  tasks: [{reboot: }]\n")

    done = lab.run("apply", "--check", "site.yml")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 step changed" in done.stdout or "would change" in done.stdout
    assert not (tmp_path / "asked").exists()


def test_does_not_end_this_machine(tmp_path: Path) -> None:
    lab = make_lab(tmp_path, "version: 1\nnodes: {n1: {driver: local}}\n")
    lab.write(
        "site.yml", "- hosts: n1\n  gather_facts: false\n  tasks: [{reboot: {reboot_command: /bin/false}}]\n"
    )

    done = lab.run("apply", "site.yml")

    assert done.returncode == 1
    assert "the node runs on this machine" in done.stdout


def test_waits_for_a_connection(tmp_path: Path, lab: Lab, machine: Sshd) -> None:
    lab.write(
        "site.yml",
        "- hosts: h1\n  gather_facts: false\n  tasks:\n    - wait_for_connection: {timeout: 30}\n"
        "    - command: touch {{ folder }}/reached\n",
    )
    machine.stop()
    started = threading.Timer(1.0, machine.start)
    started.start()

    done = lab.run("apply", "site.yml")

    started.join()
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "reached").exists()


def test_waits_in_vain(lab: Lab, machine: Sshd) -> None:
    lab.write(
        "site.yml", "- hosts: h1\n  gather_facts: false\n  tasks:\n    - wait_for_connection: {timeout: 1}\n"
    )
    machine.stop()

    done = lab.run("apply", "site.yml")

    assert done.returncode == 1
    assert "timed out waiting for a connection" in done.stdout
