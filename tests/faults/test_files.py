"""Files that are wrong: one clear message that says what, where and what to do, exit 3, and nothing is touched."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.command import Lab
    from tests.support.inside import Inside, Said

TOUCH = "- hosts: n1\n  tasks:\n    - command: touch {{ folder }}/touched\n"

# name -> playbook, where (line:column), words that must be said
PLAYBOOKS = {
    "malformed YAML": ("- hosts: n1\n  tasks: [\n", r"3:1", ["bracket is not closed"]),
    "tabs": ("- hosts: n1\n\ttasks: []\n", r"2:1", ["tab"]),
    "not UTF-8": ("- hosts: n1\n  name: \udcff\n", r"", ["UTF-8"]),
    "duplicate key": (TOUCH + "      name: a\n      name: b\n", r"5:7", ["name", "twice|duplicate|already"]),
    "unknown play key": ("- hosts: n1\n  taks: []\n", r"2:3", ["taks", "tasks"]),
    "unknown task key": (TOUCH + "      regster: x\n", r"4:7", ["regster", "register"]),
    "unknown module": (TOUCH + "    - cpoy: {content: a, dest: /tmp/x}\n", r"4:7", ["cpoy", "copy"]),
    "unknown parameter": (
        TOUCH + "    - copy: {content: a, dest: /tmp/x, mdoe: '0644'}\n",
        r"4:40",
        ["mdoe", "mode"],
    ),
    "wrong type": (TOUCH + "      retries: [1]\n", r"4:16", ["retries", "number|integer"]),
    "wrong parameter type": (
        TOUCH + "    - file: {path: /tmp/x, recurse: maybe}\n",
        r"4:37",
        ["recurse", "true or false|yes or no|bool"],
    ),
    "undefined variable": (TOUCH + "    - command: echo {{ fodler }}\n", r"4:16", ["fodler", "folder"]),
    "undefined condition": (TOUCH + "      when: fodler == 1\n", r"4:13", ["fodler", "folder"]),
    "bad template": (TOUCH + "    - command: echo {{ folder | }}\n", r"4:16", ["template"]),
    "unknown filter": (TOUCH + "    - command: echo {{ folder | uper }}\n", r"4:16", ["uper", "upper"]),
    "cycle in needs": (
        TOUCH + "      id: a\n      needs: [b]\n    - command: 'true'\n      id: b\n      needs: [a]\n",
        r"",
        ["wait for each other", "3:7", "6:7"],
    ),
    "unknown need": (TOUCH + "      needs: [nobody]\n", r"3:7", ["nobody", "id:"]),
    "unknown node": (TOUCH.replace("n1", "n2"), r"1:10", ["n2", "n1"]),
    "missing vars_files": (
        TOUCH.replace("  tasks", "  vars_files: [none.yml]\n  tasks"),
        r"1:3",
        ["none.yml", "count from the playbook"],
    ),
    "no play": ("- {}\n", r"1:3", ["hosts"]),
}


def assert_refused(said: Said, words: Sequence[str], where: str) -> None:
    """Assert that one error is told, with its place, and that nothing was begun."""
    assert said.code == 3, said.told
    assert said.stdout == ""
    assert said.stderr.count("error:") == 1, said.stderr
    assert "Traceback" not in said.stderr
    assert re.search(rf"^  at \S+\.(yml|txt|j2):{where}", said.stderr, re.MULTILINE), said.stderr
    for word in words:
        assert re.search(word, said.stderr), f"{word!r} is not in: {said.stderr}"


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_a_playbook_that_is_wrong(here: Lab, inside: Inside, name: str) -> None:
    text, where, words = PLAYBOOKS[name]
    (here.folder / "site.yml").write_bytes(text.encode("utf-8", "surrogateescape"))
    for command in ("apply", "validate"):
        assert_refused(inside(here, command, "site.yml"), words, where)
    assert not (here.folder / "touched").exists()


INVENTORIES = {
    "malformed YAML": ("nodes: {n1: {driver: local\n", "2:1", ["is not closed"]),
    "duplicate key": (
        "version: 1\nnodes:\n  n1: {driver: local}\n  n1: {driver: ssh}\n",
        "4:3",
        ["n1", "twice|duplicate|already"],
    ),
    "unknown key": ("version: 1\nnods: {}\n", "2:1", ["nods", "nodes"]),
    "unknown driver": ("version: 1\nnodes: {n1: {driver: shh}}\n", "2:22", ["shh", "ssh"]),
    "unknown attribute": (
        "version: 1\nnodes: {n1: {driver: ssh, host: a, prot: 22}}\n",
        "2:36",
        ["prot", "port"],
    ),
    "wrong type": (
        "version: 1\nnodes: {n1: {driver: ssh, host: a, port: many}}\n",
        "2:42",
        ["port", "number|integer"],
    ),
    "hive of nobody": (
        "version: 1\nnodes: {n1: {driver: local}}\nhives: {h: {nodes: [n2]}}\n",
        "3:",
        ["n2", "n1"],
    ),
    "new version": ("version: 2\nnodes: {}\n", "1:10", ["version"]),
}


@pytest.mark.parametrize("name", INVENTORIES)
def test_an_inventory_that_is_wrong(here: Lab, inside: Inside, name: str) -> None:
    text, where, words = INVENTORIES[name]
    here.write("bad.yml", text)
    here.write("site.yml", TOUCH)
    for arguments in (
        ["apply", "-i", "bad.yml", "site.yml"],
        ["validate", "bad.yml"],
        ["status", "-i", "bad.yml"],
    ):
        assert_refused(inside(here, *arguments), words, where)


def test_every_fault_is_told_at_once(here: Lab, inside: Inside) -> None:
    here.write(
        "site.yml", TOUCH + "      regster: x\n    - cpoy: {}\n    - command: echo {{ fodler }}\n  hsots: a\n"
    )
    said = inside(here, "apply", "site.yml")
    assert said.code == 3
    for name in ("regster", "cpoy", "hsots"):
        assert said.stderr.count(name) >= 1, said.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["apply", "none.yml"], ["there is no playbook none.yml", "site.yml"]),
        (["apply", "-i", "none.yml", "site.yml"], ["none.yml"]),
        (["apply", "site.yml", "-e", "@none.yml"], ["none.yml"]),
        (["apply", "--resume", "20200101-000000-aaaa"], ["there is no run", "hivectl runs"]),
        (["apply", "--resume", "../../etc/passwd"], ["there is no run"]),
        (["apply", "site.yml", "--limit", "m9"], ["m9", "n1"]),
        (["apply", "site.yml", "--limt", "n1"], ["--limit"]),
        (["aply", "site.yml"], ["hivectl apply"]),
        (["validate", "none.yml"], ["none.yml"]),
        (["apply", "."], [r"\."]),
        (["apply", "site.yml", "--report", "jsonl=no/folder/x"], ["no/folder"]),
    ],
)
def test_what_the_command_line_names_is_not_there(
    here: Lab, inside: Inside, arguments: list[str], words: list[str]
) -> None:
    here.write("site.yml", TOUCH)
    said = inside(here, *arguments)
    assert said.code == 3, said.told
    assert said.stderr.count("error:") == 1, said.stderr
    assert "Traceback" not in said.stderr
    for word in words:
        assert re.search(word, said.stderr), f"{word!r} is not in: {said.stderr}"
    assert not (here.folder / "touched").exists()


@pytest.mark.parametrize(
    ("task", "word"),
    [
        ("copy: {src: none.txt, dest: '{{ folder }}/x'}", "none.txt"),
        ("template: {src: none.j2, dest: '{{ folder }}/x'}", "none.j2"),
        ("program: {name: pump, script: none.py}", "none.py"),
    ],
)
def test_a_file_that_a_task_needs_is_not_there(here: Lab, inside: Inside, task: str, word: str) -> None:
    here.write(
        "site.yml", f"- hosts: n1\n  tasks:\n    - {task}\n    - command: touch {{{{ folder }}}}/touched\n"
    )
    said = inside(here, "apply", "site.yml")
    assert said.code == 1, said.told
    assert f"there is no {word} in {here.folder}" in said.stdout, said.stdout
    assert "at site.yml:3:7" in said.stdout
    assert not (here.folder / "touched").exists()


def test_a_playbook_that_cannot_be_read(here: Lab, inside: Inside) -> None:
    (here.folder / "site.yml").symlink_to("/proc/self/mem")
    said = inside(here, "apply", "site.yml")
    assert said.code == 3, said.told
    assert "site.yml" in said.stderr
