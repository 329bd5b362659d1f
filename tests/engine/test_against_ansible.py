"""What blocks and handlers do, asked of ansible-core itself: the tables of the other tests are its answers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import yaml

from tests.engine import test_runs_blocks, test_runs_handlers
from tests.support.ansible_templates import ansible_playbook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# deliberate: `always` runs whatever happened, for a host that ends early too; an item that changed nothing notifies
# nobody
OURS = {"the host ends: its always sections run", "named by a loop's items"}
SPARE = "spare"


def spoken(task: dict[str, Any]) -> dict[str, Any]:
    """The same task, saying what it would write: that needs no process of Ansible's."""
    task = dict(task)
    for section in ("block", "rescue", "always"):
        if section in task:
            task[section] = [spoken(one) for one in task[section]]
    if "shell" in task:
        line = task.pop("shell").split(" ", 1)[1].removesuffix(" >> {{ log }}")
        task["debug"] = {"msg": "says " + line.replace("n1 ", "{{ inventory_hostname }} ")}
        task.setdefault("changed_when", True)
    if task.get("command") == "false":
        del task["command"]
        task["fail"] = {"msg": "no"}
    return task


def cases() -> Iterator[tuple[str, list[Any], list[Any], str]]:
    for name, (tasks, expected, _code) in test_runs_blocks.CASES.items():
        yield name, tasks, [], expected
    for name, (tasks, handlers, expected) in test_runs_handlers.CASES.items():
        yield name, tasks, handlers, expected


def test_ansible_does_the_same(tmp_path: Path) -> None:
    compared = [case for case in cases() if case[0] not in OURS and "rc" not in str(case[1])]
    plays = []
    for number, (_name, tasks, handlers, _expected) in enumerate(compared):
        # a play whose nodes have all failed would end everything
        inner = {"block": [spoken(task) for task in tasks], "when": f"inventory_hostname != '{SPARE}'"}
        plays.append(
            {
                "hosts": f"n{number},{SPARE}",
                "gather_facts": False,
                "vars": {"go": True, "which": "B"},
                "tasks": [inner],
                "handlers": [spoken(one) for one in handlers],
            }
        )
    (tmp_path / "play.yml").write_text(yaml.safe_dump(plays, sort_keys=False))
    names = [f"n{number}" for number in range(len(plays))] + [SPARE]
    (tmp_path / "hosts").write_text("".join(f"{name} ansible_connection=local\n" for name in names))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_HOME": str(tmp_path / "home"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",
        "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
    }
    done = subprocess.run(
        [ansible_playbook(), "-i", "hosts", "play.yml"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        cwd=tmp_path,
    )
    said: dict[str, list[str]] = {}
    for node, word in re.findall(r'"msg": "says (\S+) (.*)"', done.stdout):
        said.setdefault(node, []).append(word)
    assert {name: " ".join(said.get(f"n{n}", ())) for n, (name, *_) in enumerate(compared)} == {
        name: expected for name, _, _, expected in compared
    }, done.stdout + done.stderr
