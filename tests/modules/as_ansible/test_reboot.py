"""`reboot`: as ansible-core does it, on a real sshd that goes down and comes back with another boot id."""

from __future__ import annotations

import json
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.support.ansible_python import quick_python
from tests.support.as_ansible import run_ansible
from tests.support.runs import make_bench
from tests.support.sshd import sshd_hosts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pytest

    from tests.support.sshd import Sshd

__all__ = ["sshd_hosts"]

# each start has its own boot id, seen by nobody but what sshd starts
BOOT = """
tr -d '\\n' < /proc/sys/kernel/random/uuid > "$1/boot_id.new" && mv "$1/boot_id.new" "$1/boot_id"
mount --bind "$1/boot_id" /proc/sys/kernel/random/boot_id
shift
exec "$@"
"""
# `going` takes the machine down; each word that was asked for is kept
PROGRAMS = {
    "shutdown": 'echo "shutdown $@" >> "{folder}/asked"; touch "{folder}/going"',
    "again": 'echo "again $@" >> "{folder}/asked"; touch "{folder}/going"',
    "refuses": 'echo "not today" >&2; exit 1',
    "sleeps": 'echo "sleeps" >> "{folder}/asked"',
}
SBIN = "{{ folder }}/sbin"
HERE = {"search_paths": [SBIN], "reboot_timeout": 60}
# name -> arguments, task's keywords
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "by shutdown": ({**HERE, "msg": "new 'kernel'"}, {}),
    "by a command of its own": ({**HERE, "reboot_command": f"{SBIN}/again -x 'two words'"}, {}),
    "with its own looks": (
        {
            **HERE,
            "boot_time_command": "cat {{ folder }}/boot_id",
            "test_command": "test -e {{ folder }}/boot_id",
        },
        {},
    ),
    "in check mode": (HERE, {"check_mode": True}),
    "left out": (HERE, {"when": False}),
    "refused": ({**HERE, "reboot_command": f"{SBIN}/refuses"}, {}),
    "does not go down": ({**HERE, "reboot_command": f"{SBIN}/sleeps", "reboot_timeout": 1}, {}),
    "is never ready": ({**HERE, "reboot_timeout": 2, "test_command": "false"}, {}),
}


def playbook(told: str) -> str:
    """Return the play, which writes down what came of each case."""
    tasks: list[dict[str, Any]] = []
    picked = {}
    for name, (arguments, more) in CASES.items():
        result = f"r{len(tasks)}"
        tasks.append({"reboot": arguments, "register": result, "ignore_errors": True, **more, "name": name})
        picked[name] = [f"{{{{ {result} is {mark} }}}}" for mark in ("changed", "failed", "skipped")]
        picked[name].append(f"{{{{ {result}.rebooted | default('-') }}}}")
    copy = {"content": json.dumps(picked), "dest": f"{{{{ folder }}}}/{told}"}
    tasks.append({"copy": copy, "delegate_to": "localhost"})
    return json.dumps([{"hosts": "h1", "gather_facts": False, "tasks": tasks}])


@contextmanager
def power(machine: Sshd, folder: Path) -> Iterator[None]:
    """Go down and come back whenever the machine is told to."""
    over = threading.Event()

    def attend() -> None:
        while not over.wait(0.02):
            if (folder / "going").exists():
                machine.stop()
                (folder / "going").unlink()
                machine.start()

    thread = threading.Thread(target=attend)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_as_ansible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sshd_hosts: Callable[..., list[Sshd]]
) -> None:
    flags = ("-m",) if os.geteuid() == 0 else ("-rm",)
    [machine] = sshd_hosts(wrapper=("unshare", *flags, "sh", "-c", BOOT, "sh", str(tmp_path)))
    (tmp_path / "sbin").mkdir()
    for name, text in PROGRAMS.items():
        (tmp_path / "sbin" / name).write_text(f"#!/bin/sh\n{text.format(folder=tmp_path)}\n")
        (tmp_path / "sbin" / name).chmod(0o755)
    options = f"-F none -o UserKnownHostsFile={machine.known_hosts} -o ControlMaster=no -o ControlPath=none"
    words = {
        "ansible_host": "127.0.0.1",
        "ansible_port": machine.port,
        "ansible_user": machine.user,
        "ansible_ssh_private_key_file": machine.identity_file,
        "ansible_ssh_common_args": f"'{options}'",
        "folder": tmp_path,
    }
    hosts = [machine.name, *(f"{name}={value}" for name, value in words.items())]
    (tmp_path / "hosts").write_text(
        " ".join(hosts) + f"\nlocalhost ansible_connection=local folder={tmp_path}\n"
    )
    bench = make_bench(tmp_path, monkeypatch)
    node = {"driver": "ssh", **machine.attributes}
    document = {"version": 1, "vars": {"folder": str(tmp_path)}, "nodes": {machine.name: node}}
    bench.inventory.write_text(json.dumps(document))
    said = {}
    for side in ("theirs", "ours"):
        (tmp_path / "asked").unlink(missing_ok=True)
        with power(machine, tmp_path), quick_python(tmp_path / f"{side}-python") as python:
            if side == "ours":
                bench.run(playbook(side))
            else:
                (tmp_path / "theirs.yml").write_text(playbook(side))
                run_ansible(tmp_path, "theirs.yml", inventory="hosts", python=python)
        said[side] = (json.loads((tmp_path / side).read_text()), (tmp_path / "asked").read_text())
    results, asked = said["theirs"]
    assert said["ours"][0] == results
    assert said["ours"][1] == asked
