"""Whole playbooks through ansible-core and through hivectl: the same steps with the same outcome, the same files."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.engine.events import Status
from tests.support.ansible_python import quick_python
from tests.support.ansible_templates import ansible_playbook
from tests.support.as_ansible import state_of
from tests.support.runs import make_bench
from tests.support.whole_playbooks import CHECKED, PLAYBOOKS, TAGGED

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.runs import Outcome

# host -> (task, what became of it), in order
Steps = dict[str, list[tuple[str, str]]]
LETTERS = "abc"
WORDS = {"fatal": "failed", "skipping": "skipped"}
OURS = {
    Status.IGNORED: "failed",
    Status.RESCUED: "failed",
}


def lab_of(number: int) -> str:
    return f"c{number}x"


def text_of(number: int, text: str) -> str:
    return text.replace("LAB", lab_of(number)).replace("- hosts:", "- gather_facts: false\n  hosts:")


def parsed(output: str) -> Steps:
    """Read what ansible-playbook has said of each task."""
    steps: Steps = {}
    task, items = "", set[str]()
    for line in output.splitlines():
        if begun := re.match(r"(?:TASK|RUNNING HANDLER) \[(.*?)\] \*", line):
            task, items = begun[1], set()
        elif said := re.match(r"(ok|changed|skipping|fatal|failed): \[([^\] ]+)(?: -> [^\]]+)?\](.*)", line):
            word, host = WORDS.get(said[1], said[1]), said[2]
            told = steps.setdefault(host, [])
            if task.startswith("meta "):
                continue  # ansible-core says only of some that they were skipped
            if "(item=" in said[3] or host in items:
                known = told[-1][1] if host in items else None
                ranks = ["skipped", "ok", "changed", "failed"]
                worst = max([word, *filter(None, [known])], key=ranks.index)
                if host in items:
                    told[-1] = (task, worst)
                else:
                    told.append((task, worst))
                items.add(host)
            else:
                told.append((task, word))
    return steps


def of_ansible(folder: Path, cases: dict[str, str], python: Path, *options: str) -> Steps:
    hosts = []
    for number in range(len(cases)):
        lab, tree = lab_of(number), folder / "ansible" / str(number)
        tree.mkdir(parents=True)
        hosts += [f"[{lab}]", *(f"{lab}{me} me={me}" for me in LETTERS), f"[{lab}:vars]", f"tree={tree}"]
    hosts += [
        "[all:vars]",
        f"files={folder}",
        "ansible_connection=local",
        f"ansible_python_interpreter={python}",
    ]
    (folder / "hosts").write_text("\n".join(hosts) + "\n")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_HOME": str(folder / "of-ansible"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_FORKS": "3",
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",
    }
    (folder / "play.yml").write_text("".join(text_of(*one) for one in enumerate(cases.values())))
    done = subprocess.run(
        [ansible_playbook(), "-i", "hosts", *options, "play.yml"],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert "PLAY RECAP" in done.stdout, done.stdout + done.stderr
    return parsed(done.stdout)


def of_ours(out: Outcome) -> Steps:
    steps: Steps = {}
    for event in out.steps():
        if event.task.module != "meta":
            steps.setdefault(event.node, []).append(
                (event.task.name, str(OURS.get(event.status, event.status)))
            )
    return steps


@pytest.mark.parametrize(
    ("cases", "options", "ours"),
    [
        pytest.param(PLAYBOOKS, (), {}, id="plain"),
        pytest.param(
            TAGGED, ("--tags", "go", "--skip-tags", "not"), {"tags": ["go"], "skip_tags": ["not"]}, id="tags"
        ),
        pytest.param(CHECKED, ("--check",), {"mode": "check"}, id="check"),
    ],
)
def test_ansible_does_the_same(
    cases: dict[str, str],
    options: tuple[str, ...],
    ours: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, text in (("vars.yml", "{from_file: file, w: file}\n"), ("second.yml", "{second: second}\n")):
        (tmp_path / name).write_text(text)
    with quick_python(tmp_path / "p") as python:
        theirs = of_ansible(tmp_path, cases, python, *options)
    bench = make_bench(tmp_path, monkeypatch)
    differ = []
    for number, (name, text) in enumerate(cases.items()):
        lab, tree = lab_of(number), tmp_path / "ours" / str(number)
        tree.mkdir(parents=True)
        nodes = {f"{lab}{me}": {"driver": "local", "vars": {"me": me}} for me in LETTERS}
        hives = {lab: {"nodes": list(nodes), "vars": {"tree": str(tree)}}}
        document = {"version": 1, "vars": {"files": str(tmp_path)}, "nodes": nodes, "hives": hives}
        bench.inventory.write_text(json.dumps(document))
        out = bench.run(text_of(number, text), **ours)
        mine = of_ours(out)
        differ += [
            f"{name}, {node[-1]}: ours {mine.get(node)}\n  theirs {theirs.get(node)}"
            for node in nodes
            if mine.get(node) != theirs.get(node)
        ]
        made, wanted = state_of(tree), state_of(tmp_path / "ansible" / str(number))
        differ += [
            f"{name}, {path}: ours {made.get(path)}\n  theirs {wanted.get(path)}"
            for path in made | wanted
            if made.get(path) != wanted.get(path)
        ]
    assert not differ, "\n".join(differ)


# the weakest first: what SURFACE.md orders and ansible-core has too
LEVELS = (
    "inventory",
    "hive",
    "all beside the inventory",
    "all beside the playbook",
    "hive beside the inventory",
    "hive beside the playbook",
    "node",
    "node beside the inventory",
    "node beside the playbook",
    "play",
    "file",
    "block",
    "task",
    "fact",
    "extra",
)


def test_the_same_level_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def given(level: str) -> dict[str, str]:
        """Return what a level says: its own variable, and those of all stronger ones."""
        return {f"v{place}": level for place in range(LEVELS.index(level), len(LEVELS))}

    lab, play, plays = tmp_path / "lab", tmp_path / "play", tmp_path / "play" / "play.yml"
    for folder, beside in ((lab, "inventory"), (play, "playbook")):
        for name, who in (("group_vars/all", "all"), ("group_vars/h", "hive"), ("host_vars/n1", "node")):
            path = folder / f"{name}.yml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(given(f"{who} beside the {beside}")))
    (play / "file.yml").write_text(json.dumps(given("file")))
    extra = given("extra")
    told = {f"v{place}": f"{{{{ v{place} }}}}" for place in range(len(LEVELS))}
    tasks = {
        "block": [
            {"set_fact": given("fact")},
            {
                "copy": {"content": "{{ told | to_json }}", "dest": "{{ to }}"},
                "vars": {**given("task"), "told": told},
            },
        ],
        "vars": given("block"),
    }
    whole = {
        "hosts": "h",
        "gather_facts": False,
        "vars": given("play"),
        "vars_files": ["file.yml"],
        "tasks": [tasks],
    }
    plays.write_text(json.dumps([whole]))
    theirs: dict[str, Any] = {
        "all": {"vars": given("inventory")},
        "h": {"vars": given("hive"), "hosts": {"n1": given("node")}},
    }
    theirs["h"]["hosts"]["n1"] |= {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
    }
    (lab / "theirs.yml").write_text(json.dumps(theirs))
    words = json.dumps({**extra, "to": str(tmp_path / "theirs")})
    done = subprocess.run(
        [ansible_playbook(), "-i", str(lab / "theirs.yml"), "-e", words, str(plays)],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    bench = make_bench(tmp_path, monkeypatch)
    bench.inventory, bench.folder = lab / "ours.yml", play
    ours = {
        "vars": given("inventory"),
        "nodes": {"n1": {"driver": "local", "vars": given("node")}},
        "hives": {"h": {"nodes": ["n1"], "vars": given("hive")}},
    }
    bench.inventory.write_text(json.dumps(ours))
    out = bench.run(plays.read_text(), extra_variables={**extra, "to": str(tmp_path / "ours")})
    assert out.ended.status == "ok"
    made = json.loads((tmp_path / "ours").read_text())
    assert made == json.loads((tmp_path / "theirs").read_text())
    assert [made[f"v{place}"] for place in range(len(LEVELS))] == list(LEVELS)
