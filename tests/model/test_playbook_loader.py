"""Playbooks that a person got wrong: each fault with its place, all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hivectl.model.errors import Complaints, HivectlError
from hivectl.model.playbook_loader import load_playbook
from hivectl.modules.registry import known_module, module_names

if TYPE_CHECKING:
    from pathlib import Path


def faults(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "site.yml"
    path.write_text(text)
    try:
        load_playbook(path, known_module, module_names)
    except Complaints as complaints:
        return [str(error).replace(f"{path}:", "") for error in complaints.errors]
    except HivectlError as error:
        return [str(error).replace(f"{path}:", "")]
    return []


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("- hosts: all\n  tasks: 5\n", "2:10", "must be a list of tasks"),
        ("- hosts: all\n  handlers: 5\n", "2:13", "must be a list of tasks"),
        ("- hosts: all\n  tasks:\n    - block: 5\n", "3:14", "must be a list of tasks"),
        (
            "- hosts: all\n  tasks:\n    - ping:\n      args: '{{ given }}'\n",
            "4:13",
            "`args` is a mapping of parameters here, not a template",
        ),
        (
            "- hosts: all\n  tasks:\n    - ping:\n      register: a b\n",
            "4:17",
            "cannot be the name of a variable",
        ),
        (
            "- hosts: all\n  tasks:\n    - ping:\n      register: omit\n",
            "4:17",
            "cannot be the name of a variable",
        ),
        (
            "- hosts: all\n  tasks:\n    - ping:\n      loop: [1]\n      loop_control: {loop_var: 5}\n",
            "5:32",
            "cannot be the name of a variable",
        ),
        ("- hosts: all\n  tasks:\n    - yum: {name: x}\n", "3:7", "`yum` is not supported"),
        ("- hosts: all\n  roles: [x]\n", "2:11", "there is no role `x`"),
        ("- hosts: all\n  tasks:\n    - pign:\n", "3:7", "did you mean `ping`?"),
        ("- hosts: all\n  tasks:\n    - ping:\n      wen: true\n", "4:7", "did you mean `when`?"),
        ("- tasks: []\n", "1:3", "hosts"),
        ("", "1:1", "the playbook is empty"),
        ("hosts: all\n", "1:1", "is not a list"),
        ("- hosts: all\n  tasks:\n    - name: nothing\n", "3:7", "this task has no module"),
        ("- hosts: all\n  tasks:\n    - ping:\n      stat: {path: /}\n", "4:7", "make two tasks"),
        ("- hosts: all\n  serial: 0\n", "2:11", "no number of nodes"),
    ],
)
def test_a_fault_is_told_with_its_place(tmp_path: Path, text: str, place: str, words: str) -> None:
    told = faults(tmp_path, text)
    assert len(told) >= 1
    assert any(one.startswith(f"{place}: ") and words in one for one in told), told


@pytest.mark.parametrize("key", ["tags", "notify", "needs"])
def test_a_number_where_names_are_due_is_a_name(tmp_path: Path, key: str) -> None:
    text = f"- hosts: all\n  tasks:\n    - ping:\n      {key}: 5\n"
    path = tmp_path / "site.yml"
    path.write_text(text)
    task = next(load_playbook(path, known_module, module_names).tasks())
    assert "5" in {"tags": task.tags, "notify": task.notify, "needs": task.needs}[key]


def test_all_faults_come_at_once(tmp_path: Path) -> None:
    text = "- hosts: all\n  taks: []\n- hosts: all\n  tasks:\n    - pign:\n    - ping:\n      wen: true\n"
    assert len(faults(tmp_path, text)) == 3


def test_a_fault_of_a_role_that_is_used_twice_is_told_once(tmp_path: Path) -> None:
    tasks = tmp_path / "roles" / "r" / "tasks"
    tasks.mkdir(parents=True)
    (tasks / "main.yml").write_text("- debug: a text\n")
    assert len(faults(tmp_path, "- hosts: all\n  roles: [r, {role: r, x: 1}]\n")) == 1
