"""Roles: their order, their variables, their handlers, their files; the table is ansible-core's own answer."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.engine.test_against_ansible import spoken
from tests.support.ansible_templates import ansible_playbook
from tests.support.role_cases import CASES
from tests.support.tasks_that_log import logged, run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.runs import Bench


def write(folder: Path, files: dict[str, Any]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))


@pytest.mark.parametrize("name", CASES)
def test_roles(bench: Bench, name: str) -> None:
    files, plays, expected = CASES[name]
    write(bench.folder, files)
    out = run(bench, plays)
    assert logged(bench).get("n1") == expected, out.said()
    assert out.ended.exit_code == 0


def _speaking(content: Any) -> Any:
    return [spoken(task) for task in content] if isinstance(content, list) else content


def test_ansible_does_the_same(tmp_path: Path) -> None:
    names = list(CASES)
    for number, name in enumerate(names):
        files, plays, _expected = CASES[name]
        spoken_play = {"hosts": f"n{number}"} | {
            key: _speaking(value) if key != "roles" else value
            for key, value in plays.items()
            if key != "hosts"
        }
        write(tmp_path / str(number), {path: _speaking(content) for path, content in files.items()})
        write(
            tmp_path / str(number),
            {
                "play.yml": [
                    {
                        "hosts": f"n{number}",
                        "gather_facts": False,
                        "tasks": [{"debug": {"msg": f"case {number}"}}],
                    },
                    spoken_play,
                ]
            },
        )
    # facts last from play to play
    (tmp_path / "hosts").write_text("".join(f"n{n} ansible_connection=local\n" for n in range(len(names))))
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
        [ansible_playbook(), "-i", "hosts", *(f"{number}/play.yml" for number in range(len(names)))],
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        cwd=tmp_path,
    )
    said: dict[str, list[str]] = {}
    words: list[str] = []
    for message in re.findall(r'"msg": "((?:case|says \S+) .*)"', done.stdout):
        kind, _, rest = message.partition(" ")
        if kind == "case":
            words = said.setdefault(names[int(rest)], [])
        else:
            words.append(rest.partition(" ")[2])
    assert {name: " ".join(said.get(name, ())) for name in names} == {
        name: expected for name, (_, _, expected) in CASES.items()
    }, done.stdout[-3000:] + done.stderr
