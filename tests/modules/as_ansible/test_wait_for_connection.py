"""`wait_for_connection`: as ansible-core does it over a real sshd that is there, that is not, and that comes back."""

from __future__ import annotations

import json
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

# name -> node, arguments, whether the seconds it took are compared, task's keywords
CASES: dict[str, tuple[str, dict[str, Any], bool, dict[str, Any]]] = {
    "there": ("h1", {}, True, {}),
    "with a time": ("h1", {"timeout": 30}, True, {}),
    "with all": ("h1", {"timeout": 30, "connect_timeout": 20, "sleep": 2, "delay": 0}, True, {}),
    "after a delay": ("h1", {"delay": 1}, False, {}),
    "numbers as texts": ("h1", {"timeout": "30", "sleep": "1", "connect_timeout": "20"}, True, {}),
    "without a pause": ("h1", {"sleep": 0}, True, {}),
    "in check mode": ("h1", {}, False, {"check_mode": True}),
    "left out": ("h1", {}, False, {"when": False}),
    "not there": ("h2", {"timeout": 1, "sleep": 1, "connect_timeout": 1}, False, {}),
    "not there, without a pause": ("h2", {"timeout": 1, "sleep": 0}, False, {}),
    "not there after a delay": ("h2", {"timeout": 1, "delay": 1}, False, {}),
    "not there, in check mode": ("h2", {"timeout": 1}, False, {"check_mode": True}),
}
BACK = "it comes back"


def playbook(node: str, told: str) -> dict[str, Any]:
    """Return the play of one node, which writes down what came of each case."""
    tasks: list[dict[str, Any]] = []
    picked = {}
    for name, (where, arguments, timed, more) in [*CASES.items(), (BACK, ("h2", {"timeout": 60}, False, {}))]:
        if where != node:
            continue
        result = f"r{len(tasks)}"
        if name == BACK:
            tasks.append({"command": "touch {{ folder }}/wanted", "delegate_to": "localhost"})
        tasks.append(
            {
                "wait_for_connection": arguments,
                "register": result,
                "ignore_errors": True,
                **more,
                "name": name,
            }
        )
        marks = ["changed", "failed", "skipped"]
        picked[name] = [f"{{{{ {result} is {mark} }}}}" for mark in marks]
        picked[name] += [f"{{{{ {result}.elapsed < 20 }}}}"] if timed else []
        picked[name] += [f"{{{{ {result}.elapsed is defined }}}}"]
    content = json.dumps(picked)
    tasks.append(
        {"copy": {"content": content, "dest": f"{{{{ folder }}}}/{told}"}, "delegate_to": "localhost"}
    )
    return {"hosts": node, "gather_facts": False, "tasks": tasks}


@contextmanager
def started_when_wanted(folder: Path, server: Sshd) -> Iterator[None]:
    """Start a server that is down as soon as a task asks for it; it is down again afterwards."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            if (folder / "wanted").exists():
                server.start()
                return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        server.stop()
        (folder / "wanted").unlink(missing_ok=True)


def test_as_ansible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sshd_hosts: Callable[..., list[Sshd]]
) -> None:
    hosts = sshd_hosts(2)
    hosts[1].stop()
    lines = []
    for host in hosts:
        options = f"-F none -o UserKnownHostsFile={host.known_hosts} -o ControlMaster=no -o ControlPath=none"
        words = {
            "ansible_host": "127.0.0.1",
            "ansible_port": host.port,
            "ansible_user": host.user,
            "ansible_ssh_private_key_file": host.identity_file,
            "ansible_ssh_common_args": f"'{options}'",
            "folder": tmp_path,
        }
        lines.append(" ".join([host.name, *(f"{name}={value}" for name, value in words.items())]))
    lines.append(f"localhost ansible_connection=local folder={tmp_path}")
    (tmp_path / "hosts").write_text("\n".join(lines) + "\n")
    bench = make_bench(tmp_path, monkeypatch)
    nodes = {host.name: {"driver": "ssh", **host.attributes} for host in hosts}
    document = {"version": 1, "vars": {"folder": str(tmp_path)}, "nodes": nodes}
    bench.inventory.write_text(json.dumps(document))
    for side in ("theirs", "ours"):
        text = json.dumps([playbook(node, f"{side}-{node}") for node in ("h1", "h2")])
        with started_when_wanted(tmp_path, hosts[1]), quick_python(tmp_path / side) as python:
            if side == "ours":
                bench.run(text)
            else:
                (tmp_path / "theirs.yml").write_text(text)
                run_ansible(tmp_path, "theirs.yml", inventory="hosts", python=python)
    for node in ("h1", "h2"):
        theirs, ours = (json.loads((tmp_path / f"{side}-{node}").read_text()) for side in ("theirs", "ours"))
        assert ours == theirs
