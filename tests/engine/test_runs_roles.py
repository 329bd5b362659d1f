"""Roles: their order, their variables, their handlers, their files; the table is ansible-core's own answer."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from hivectl.model.errors import Complaints
from tests.engine.test_against_ansible import spoken
from tests.support.ansible_templates import ansible_playbook
from tests.support.role_cases import CASES, meta, role
from tests.support.tasks_that_log import log, logged, play, run

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


FAULTS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "no such role": (role("web", log("a")), play(roles=["wbe"]), "(did you mean `web`?)"),
    "where it was looked for": ({}, play(roles=["web"]), "there is no role `web` in "),
    "no such file of a role": (
        role("web", log("a"), tasks__install=[log("b")]),
        play({"import_role": {"name": "web", "tasks_from": "instal"}}),
        "the role web has no tasks/instal (did you mean `install`?)",
    ),
    "a file out of the role": (
        role("web", log("a")) | {"roles/x.yml": []},
        play({"import_role": {"name": "web", "tasks_from": "../../x.yml"}}),
        "the role web has no tasks/../../x.yml",
    ),
    "roles that depend on each other": (
        role("a", log("a"), meta=meta("b")) | role("b", log("b"), meta=meta("a")),
        play(roles=["a"]),
        "a -> b -> a",
    ),
    "roles that import each other": (
        role("a", {"import_role": {"name": "b"}}) | role("b", {"import_role": {"name": "a"}}),
        play(roles=["a"]),
        "a -> b -> a",
    ),
    "an unknown key of meta": (
        role("a", log("a"), meta={"dependncies": []}),
        play(roles=["a"]),
        "roles/a/meta/main.yml:1:1: a role's meta/main.yml has no `dependncies` (did you mean `dependencies`?)",
    ),
    "a keyword's type": (role("a", log("a")), play(roles=[{"role": "a", "become": "maybe"}]), "become"),
    "a name that is a template": (
        role("a", log("a")),
        play(roles=["{{ x }}"]),
        "write `include_role` under `tasks:`",
    ),
    "no name": ({}, play(roles=[{"when": True}]), "this role has no name"),
    "variables that are a list": (
        role("a", log("a"), vars=[1]),
        play(roles=["a"]),
        "a file of variables is a mapping",
    ),
    "an unknown parameter": (
        role("a", log("a")),
        play({"include_role": {"nmae": "a"}}),
        "did you mean `name`?",
    ),
    "a role as a handler": (
        role("a", log("a")),
        play(handlers=[{"include_role": {"name": "a"}}]),
        "a handler cannot be `include_role`",
    ),
    "a handler that there is not": (
        role("a", log("a", notify="H")),
        play({"include_role": {"name": "a"}}),
        "no handler is called `H`",
    ),
    "a fault in the handlers of an included role": (
        role("a", log("a"), handlers=[{"pign": None}]),
        play({"include_role": {"name": "a"}}),
        "roles/a/handlers/main.yml:1:3",
    ),
    "an undefined name": (
        role("a", log("{{ prot }}"), defaults={"port": 1}),
        play(roles=["a"]),
        "`prot` is not defined anywhere (did you mean `port`?)",
    ),
    "end_role elsewhere": ({}, play({"meta": "end_role"}), "is for tasks of roles"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_told_before_the_run(bench: Bench, name: str) -> None:
    files, plays, message = FAULTS[name]
    write(bench.folder, files)
    with pytest.raises(Complaints) as caught:
        run(bench, plays)
    assert message in str(caught.value)


def test_a_role_with_all_that_belongs_to_it_is_one_turn(bench: Bench) -> None:
    tasks = [
        {"name": f"T{n}", "template": {"src": "t.j2", "dest": f"{bench.folder}/t{n}"}, "notify": "Restart"}
        for n in range(10)
    ]
    tasks += [{"copy": {"src": "f.txt", "dest": f"{bench.folder}/f{n}"}} for n in range(10)]
    tasks += [{"include_tasks": "more.yml"}, {"set_fact": {"x": "{{ port }}"}}, log("{{ x }}")]
    files = {
        **role("web", *tasks, defaults={"port": 80}, handlers=[log("Restart")], meta=meta("common")),
        **role("common", log("common")),
        "roles/web/templates/t.j2": "port {{ port }} of {{ role_name }}",
        "roles/web/files/f.txt": "from the role",
        "files/f.txt": "not this one",
        "roles/web/tasks/more.yml": [log("more {{ item }}", loop=[1, 2])],
    }
    write(bench.folder, files)
    out = run(bench, play({"include_role": {"name": "web"}}, log("z"), roles=["web"], vars={"port": 8080}))
    assert logged(bench) == {"n1": "common more 1 more 2 8080 more 1 more 2 8080 z Restart"}
    assert (bench.folder / "t3").read_text() == "port 8080 of web"
    assert (bench.folder / "f3").read_text() == "from the role"
    # the tasks, and the handlers
    assert out.count() == 2


def test_a_role_by_its_path(bench: Bench) -> None:
    write(bench.folder, {"else/where/tasks/main.yml": [log("{{ role_name }}")]})
    run(bench, play(roles=[f"{bench.folder}/else/where"]))
    assert logged(bench) == {"n1": "where"}


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
