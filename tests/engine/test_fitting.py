"""Tasks that a node's driver cannot do are refused before a run, where that is certain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from hivectl.drivers.registry import driver_names
from hivectl.engine.lab import attributes_of
from hivectl.engine.plan import Tags, build_plan
from hivectl.model.errors import Complaints
from hivectl.model.inventory import load_inventory
from hivectl.model.playbook_loader import load_playbook
from hivectl.modules.registry import known_module, module_names

if TYPE_CHECKING:
    from pathlib import Path

INVENTORY = """\
version: 1
nodes:
  m[1:5]: {driver: local}
  pico1: {driver: serial, serial_number: A, power: {backend: shelly, host: p}}
  pico2: {connections: {wifi: {driver: webrepl, host: p, password: x}, usb: {driver: serial, serial_number: B}}}
hives:
  pis: {nodes: ["m[1:5]"]}
  boards: {nodes: [pico1, pico2]}
"""


def plan(folder: Path, *tasks: Any, limit: str | None = None, tags: Tags | None = None, **play: Any) -> str:
    """Plan a playbook; return what is complained of."""
    (folder / "lab.yml").write_text(INVENTORY)
    inventory = load_inventory([folder / "lab.yml"], attributes_of, driver_names)
    path = folder / "play.yml"
    whole = {"hosts": "all", "gather_facts": False, **play, "tasks": list(tasks)}
    path.write_text(yaml.safe_dump([whole], sort_keys=False))
    try:
        build_plan(load_playbook(path, known_module, module_names), inventory, limit=limit, tags=tags)
    except Complaints as complaints:
        return str(complaints)
    return ""


REFUSED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "service": ({"service": {"name": "x", "state": "started"}}, ["cannot do `service`", "`program`"]),
    "apt": ({"apt": {"name": "x"}}, ["cannot do `apt`, which needs run", "`mip`"]),
    "command": ({"command": "ls"}, ["cannot do `command`", "`repl`"]),
    "reboot": ({"reboot": None}, ["`reset` starts a board anew"]),
    "unarchive": ({"unarchive": {"src": "a.tar", "dest": "/"}}, ["cannot do `unarchive`", "`sync`"]),
    "a mode": ({"copy": {"content": "a", "dest": "/a", "mode": "0644"}}, ["has files without `mode`"]),
    "another user": ({"copy": {"content": "a", "dest": "/a"}, "become": True}, ["has no users"]),
    "a loop": ({"command": "ls {{ item }}", "loop": [1, 2]}, ["cannot do `command`"]),
    "in a block": ({"block": [{"command": "ls"}], "always": [{"debug": None}]}, ["cannot do `command`"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_boards_cannot_do_is_refused_with_what_they_have_instead(tmp_path: Path, name: str) -> None:
    task, words = REFUSED[name]
    said = plan(tmp_path, {"debug": None}, task)
    for word in (
        "play.yml:",
        "pico1 (a board reached by serial)",
        "pico2 (a board reached by webrepl and serial)",
        *words,
    ):
        assert word in said
    assert "m1" not in said
    assert plan(tmp_path, task, hosts="pis") == ""
    assert plan(tmp_path, task, limit="pis") == ""


def test_power_that_nothing_switches_is_told_before_the_run(tmp_path: Path) -> None:
    said = plan(tmp_path, {"power": {"state": "read"}}, hosts="m1,pico1,m2")
    assert "m1, m2: the inventory does not say how power is switched" in said
    assert "play.yml:4:5" in said
    assert plan(tmp_path, {"power": {"state": "read"}}, hosts="pico1") == ""


def test_the_place_is_that_of_the_task(tmp_path: Path) -> None:
    said = plan(tmp_path, {"debug": None}, {"name": "Pump", "service": {"name": "pump"}}, hosts="pico1")
    assert f"{tmp_path}/play.yml:5:5" in said


@pytest.mark.parametrize(
    "task",
    [
        {"command": "ls", "when": "ansible_connection == 'local'"},
        {"command": "ls", "ignore_errors": True},
        {"command": "ls", "failed_when": False},
        {"command": "ls", "delegate_to": "m1"},
        {"command": "ls", "run_once": True},
        {"command": "ls", "loop": []},
        {"command": "ls {{ item }}", "loop": "{{ groups['nobody'] | default([]) }}"},
        {"block": [{"command": "ls"}], "rescue": [{"command": "ls"}]},
        {"block": [{"command": "ls"}], "when": "ansible_connection == 'local'"},
        {"copy": {"content": "a", "dest": "/a", "mode": "{{ mode | default(omit) }}"}},
    ],
    ids=str,
)
def test_what_is_not_certain_is_left_to_the_run(tmp_path: Path, task: dict[str, Any]) -> None:
    assert plan(tmp_path, task) == ""


def test_nodes_may_leave_and_tasks_may_not_be_wanted(tmp_path: Path) -> None:
    command = {"command": "ls", "tags": "linux"}
    leaving = {"meta": "end_host", "when": "ansible_connection != 'local'"}
    assert plan(tmp_path, leaving, command) == ""
    assert plan(tmp_path, {"block": [leaving], "always": [{"debug": None}]}, command) == ""
    assert "cannot do" in plan(tmp_path, {"meta": "flush_handlers"}, command)
    assert plan(tmp_path, command, tags=Tags(skip=frozenset({"linux"}))) == ""


@pytest.mark.parametrize(
    ("module", "words"),
    [("repl", "`command` or `script`"), ("reset", "`reboot`"), ("mip", "`pip`")],
)
def test_what_is_for_boards_is_refused_elsewhere(tmp_path: Path, module: str, words: str) -> None:
    task = {module: {"repl": "1", "reset": None, "mip": {"name": "x"}}[module]}
    said = plan(tmp_path, task)
    assert f"m1, m2, m3 and 2 more (reached by local) cannot do `{module}`" in said
    assert words in said
    assert "pico1" not in said


@pytest.mark.parametrize("module", ["setup", "ping", "debug", "stat"])
def test_what_works_on_both_is_let_pass(tmp_path: Path, module: str) -> None:
    arguments: dict[str, Any] = {"path": "/"} if module == "stat" else {}
    assert (
        plan(tmp_path, {module: arguments}, {"script": "x.py"}, {"program": {"name": "x", "script": "x"}})
        == ""
    )
