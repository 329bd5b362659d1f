"""Files that tasks need and that are not there: told before any node is touched, where that is certain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from hivectl.drivers.registry import driver_names
from hivectl.engine.lab import attributes_of
from hivectl.engine.plan import build_plan
from hivectl.model.errors import Complaints
from hivectl.model.inventory import load_inventory
from hivectl.model.playbook_loader import load_playbook
from hivectl.modules.registry import known_module, module_names

if TYPE_CHECKING:
    from pathlib import Path

INVENTORY = """\
version: 1
nodes:
  here: {driver: local}
  pi1: {driver: ssh}
  pico1: {driver: serial, serial_number: A, board: pico2-ice}
"""


def plan(folder: Path, *plays: Any) -> list[str]:
    """Plan a playbook of plays, or of lists of tasks for the board; return what is complained of."""
    (folder / "lab.yml").write_text(INVENTORY)
    inventory = load_inventory([folder / "lab.yml"], attributes_of, driver_names)
    path = folder / "play.yml"
    whole = [
        play if isinstance(play, dict) else {"hosts": "pico1", "gather_facts": False, "tasks": play}
        for play in plays
    ]
    path.write_text(yaml.safe_dump(whole, sort_keys=False))
    try:
        build_plan(load_playbook(path, known_module, module_names), inventory, sources=True)
    except Complaints as complaints:
        return [str(error) for error in complaints.errors]
    return []


COPY = {"copy": {"src": "nope.py", "dest": "/nope.py"}}
MISSING: dict[str, tuple[dict[str, Any], str]] = {
    "sync": ({"sync": {"src": "nolib/", "dest": "/"}}, "there is no folder nolib in {0}/files nor {0}"),
    "a file": ({"sync": {"src": "pump.py", "dest": "/"}}, "{0}/files/pump.py is a file, not a folder"),
    "copy": (COPY, "there is no nope.py in {0}/files nor {0}"),
    "template": ({"template": {"src": "no.j2", "dest": "/a"}}, "there is no file no.j2 in {0}/templates nor"),
    "script": ({"script": "nope.py --pump {{ 2 }}"}, "there is no file nope.py"),
    "program": ({"program": {"name": "a", "script": "pumps.py"}}, "there is no pumps.py"),
    "repl": ({"repl": {"src": "nope.py"}}, "there is no file nope.py"),
    "mip": ({"mip": {"name": ["umqtt.simple", "./nope"]}}, "there is no nope in"),
    "flash": ({"flash": {"image": "nope.uf2"}}, "there is no nope.uf2 in"),
    "evaluate": ({"evaluate": {"bitstreams": ["a.bin", "no/*.bin"]}}, "no file fits 'no/*.bin' in"),
}


@pytest.mark.parametrize("name", MISSING)
def test_what_is_not_there_is_told_with_its_place(tmp_path: Path, name: str) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files/pump.py").write_text("")
    task, words = MISSING[name]
    [said] = plan(tmp_path, [{"ping": None}, task])
    assert words.format(tmp_path) in said
    assert "play.yml:" in said
    assert ('did you mean "pump.py"' in said) == (name == "program")
    # what is there is no fault, nor is what a template names
    assert plan(tmp_path, [{"sync": {"src": "files/", "dest": "/"}}, {"script": "pump.py 1 2"}]) == []
    assert plan(tmp_path, [{"flash": {"image": "files"}}]) == [], "a folder of sources, by mpremote"
    assert (
        plan(tmp_path, [{"copy": {"src": "{{ firmware }}", "dest": "/a"}, "vars": {"firmware": "a"}}]) == []
    )


def test_files_of_roles_and_those_that_are_on_the_node(tmp_path: Path) -> None:
    (tmp_path / "roles/pump/files").mkdir(parents=True)
    (tmp_path / "roles/pump/tasks").mkdir()
    (tmp_path / "roles/pump/files/pump.py").write_text("")
    tasks = [{"copy": {"src": "pump.py", "dest": "/"}}, COPY]
    (tmp_path / "roles/pump/tasks/main.yml").write_text(yaml.safe_dump(tasks))
    [said] = plan(tmp_path, {"hosts": "pico1", "gather_facts": False, "roles": ["pump"]})
    assert "roles/pump/tasks/main.yml:" in said
    assert f"in {tmp_path}/roles/pump/files nor" in said
    remote = {"src": "/etc/nope", "dest": "/a", "remote_src": "{{ true }}"}
    assert plan(tmp_path, {"hosts": "pi1", "gather_facts": False, "tasks": [{"copy": remote}]}) == []


UNCERTAIN: dict[str, list[Any]] = {
    "a condition": [{**COPY, "when": "false"}],
    "ignored": [{**COPY, "ignore_errors": True}],
    "a rescue": [{"block": [COPY], "rescue": [{"debug": None}]}],
    "made here": [{"command": "make nope.py", "delegate_to": "localhost"}, COPY],
    "made on a node that is this machine": [{"command": "make", "delegate_to": "here"}, COPY],
    "made somewhere": [{"ping": None, "delegate_to": "{{ host }}", "vars": {"host": "pi1"}}, COPY],
    "brought here": [{"fetch": {"src": "/nope.py", "dest": "./"}}, COPY],
    "made by people": [{"pause": {"prompt": "build it"}}, COPY],
    "made by a lookup": [{"debug": {"msg": "{{ lookup('pipe', 'make') }}"}}, COPY],
    "ended before": [{"meta": "end_play", "when": "true"}, COPY],
    "needed by what may have run": [{"script": "nope.py", "args": {"creates": "/made"}}],
    "stopped": [{"program": {"name": "a", "script": "nope.py", "state": "absent"}}],
}


@pytest.mark.parametrize("name", UNCERTAIN)
def test_what_is_uncertain_is_left_to_the_run(tmp_path: Path, name: str) -> None:
    assert plan(tmp_path, UNCERTAIN[name]) == []


def test_an_earlier_play_here_may_make_it(tmp_path: Path) -> None:
    build = {"hosts": "localhost", "gather_facts": False, "tasks": [{"command": "make"}]}
    assert plan(tmp_path, build, [COPY]) == []
    # a later one does not
    assert len(plan(tmp_path, [COPY], build)) == 1
