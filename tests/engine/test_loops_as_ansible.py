"""Each form of loop gives its task the items, variables and results that the real ansible-core gives it."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import yaml

from tests.support.ansible_templates import ansible_environment, ansible_playbook

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.support.runs import Bench

VARIABLES: dict[str, Any] = {
    "words": ["b", "a"],
    "deep": [["a", ["b"]], "c"],
    "users": [
        {"name": "ann", "keys": ["k1", "k2"], "db": {"hosts": ["h1"]}},
        {"name": "bob", "keys": [], "db": {"hosts": ["h2", "h3"]}},
    ],
    "holed": [{"name": "ann", "keys": ["k1"]}, {"name": "cy"}],
    "sizes": {"s": 1, "l": 3},
    "empty": [],
    "last": 4,
}
# name -> keywords of a task
LOOPS: dict[str, dict[str, Any]] = {
    "items": {"with_items": [1, [2, [3]], "a"]},
    "items of a variable": {"with_items": "{{ words }}"},
    "items of several": {"with_items": ["{{ words }}", "{{ empty }}", "x{{ last }}"]},
    "one item": {"with_items": "word"},
    "no items": {"with_items": "{{ empty }}"},
    "mappings": {"with_items": [{"n": "{{ last }}"}, {"n": 2}]},
    "list": {"with_list": [1, [2, 3], "{{ words }}"]},
    "dict": {"with_dict": {"a": 1, "b": "{{ last }}"}},
    "dict of a variable": {"with_dict": "{{ sizes }}"},
    "dicts": {"with_dict": ["{{ sizes }}", {"x": 2}]},
    "sequence": {"with_sequence": "start=0 end=6 stride=2 format=node%02x"},
    "sequence by count": {"with_sequence": "start=1 count=5 stride=2"},
    "sequence, short": {"with_sequence": "2-10/4:n%d"},
    "sequence, to the end": {"with_sequence": "end={{ last }}"},
    "sequence, backwards": {"with_sequence": "start=10 end=4 stride=-3"},
    "sequence, leading zeros": {"with_sequence": "start=010 count=2"},
    "sequence, nothing": {"with_sequence": "count=0"},
    "sequences": {"with_sequence": ["1-2", "count=1 start=7"]},
    "nested": {"with_nested": [["a", "b"], [1, 2]]},
    "nested three": {"with_nested": ["{{ words }}", [[1, 2], 3], ["x", ["y", "z"]]]},
    "nested with nothing": {"with_nested": ["{{ words }}", "{{ empty }}"]},
    "together": {"with_together": [["a", "b", "c"], [1, [2, 3]]]},
    "subelements": {"with_subelements": ["{{ users }}", "keys"]},
    "subelements, deeper": {"with_subelements": ["{{ users }}", "db.hosts"]},
    "subelements, some missing": {"with_subelements": ["{{ holed }}", "keys", {"skip_missing": True}]},
    "indexed items": {"with_indexed_items": ["{{ words }}", "z"]},
    "random choice of one": {"with_random_choice": ["only"]},
    "files": {"with_fileglob": ["a*.txt", "sub/*"]},
    "no files": {"with_fileglob": "*.nothing"},
    "text of files": {"with_file": ["a.txt", "files/b.txt"]},
    "lines": {"with_lines": ["printf 'a\\nb c\\n'", "echo {{ last }}"]},
    "environment": {"with_env": ["LC_ALL"]},
    "first found": {"with_first_found": ["nope.txt", "{{ absent }}.txt", "b.txt", "a.txt"]},
    "first found, in paths": {"with_first_found": [{"files": ["nope", "c.conf"], "paths": ["nowhere", "files/sub"]}]},
    "first found, none": {"with_first_found": [{"files": ["nope"], "skip": True}]},
    "nodes": {"with_inventory_hostnames": "all:!n2"},
    "nodes of two": {"with_inventory_hostnames": ["n1", "n2"]},
    "pipe": {"with_pipe": ["echo 1; echo 2"]},
    "vars": {"with_vars": ["words", "last"]},
    "ini": {"with_ini": ["first section=one file=c.ini", "second section=one file=c.ini"]},
    "other names": {"loop": ["x", "y"], "loop_control": {"loop_var": "it", "index_var": "n"}},
    "extended": {"loop": ["x", "y", "z"], "loop_control": {"extended": True}},
    "extended, one": {"with_items": ["x"], "loop_control": {"extended": "{{ true }}", "extended_allitems": False}},
    "left early": {"loop": [1, 2, 3, 4], "loop_control": {"break_when": ["item >= 2"]}},
    "left by a result": {
        "command": "test {{ item }} -lt 2", "loop": [1, 2, 3], "ignore_errors": True,
        "loop_control": {"break_when": "r.rc != 0"}, "register": "r",
    },
    "left early, some skipped": {"loop": [1, 2, 3, 4], "when": "item != 2", "loop_control": {"break_when": "item == 3"}},
    "with a pause": {"loop": [1, 2], "loop_control": {"pause": 0.01}},
    "items that are skipped": {"with_items": [1, 2, 3], "when": "item is odd"},
    "skipped, so its items do not matter": {"with_items": "{{ sizes.none }}", "when": False},
    "tried again": {"command": "true", "with_items": [1, 2], "until": "item > 0", "retries": 1, "delay": 0, "ignore_errors": True},
    "all items are skipped": {"with_items": [1, 2], "when": "item > 5"},
    "by a query": {"loop": "{{ query('nested', words, [1]) }}"},
    "by a lookup": {"loop": "{{ lookup('dict', sizes, wantlist=true) }}"},
}  # fmt: skip
SAME = (
    *("item", "it", "n", "ansible_loop_var", "ansible_index_var", "ansible_loop", "skipped", "failed"),
    *("attempts", "rc"),
)


def playbook(folder: Path) -> str:
    """Return a playbook that does all loops and writes their results down."""
    tasks: list[dict[str, Any]] = []
    for number, keywords in enumerate(LOOPS.values()):
        task = {"register": f"r{number}", **keywords}
        if "command" not in task:
            task["debug"] = {"msg": "x"}
        tasks.append(task)
        if task["register"] == "r":
            tasks.append({"set_fact": {f"r{number}": "{{ r }}"}})
    names = ", ".join(f"r{number}" for number in range(len(LOOPS)))
    tasks.append({"copy": {"content": f"{{{{ [{names}] | to_json }}}}", "dest": str(folder / "results")}})
    play = {"hosts": "n1", "gather_facts": False, "vars": VARIABLES, "tasks": tasks}
    return yaml.safe_dump([play], width=1_000_000, sort_keys=False)


def files(folder: Path) -> None:
    """Write the files that loops look for."""
    (folder / "files/sub").mkdir(parents=True)
    for name, text in {
        "a.txt": "text a\n", "b.txt": " text b\n\n", "sub/c.conf": "c\n", "c.ini": "[one]\nfirst=1\nsecond=2\n",
    }.items():  # fmt: skip
        (folder / "files" / name).write_text(text)


def outcome(result: dict[str, Any]) -> Any:
    """Return what of a result is the same for both."""
    if "results" not in result:
        return {"skipped": result.get("skipped")}
    items = []
    for one in result["results"]:
        kept = {name: one[name] for name in SAME if name in one}
        kept.get("ansible_loop", {}).pop("allitems", None)
        kept["failed"] = bool(kept.get("failed"))
        items.append(kept)
    return items


def test_every_loop_is_ansibles(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    theirs, ours = tmp_path / "theirs", bench.folder
    theirs.mkdir()
    for folder in (theirs, ours):
        files(folder)
    bench.nodes(2)
    (theirs / "hosts").write_text("n1 ansible_connection=local\nn2 ansible_connection=local\n")
    (theirs / "play.yml").write_text(playbook(theirs))
    done = subprocess.run(
        [ansible_playbook(), "-i", "hosts", "play.yml"],
        env=ansible_environment(theirs), capture_output=True, text=True, timeout=100, check=False, cwd=theirs,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    out = bench.run(playbook(ours))
    assert out.ended.exit_code == 0, out.steps()[-1].reason
    expected = json.loads((theirs / "results").read_text().replace(str(theirs), "FOLDER"))
    given = json.loads((ours / "results").read_text().replace(str(ours), "FOLDER"))
    wrong = [
        f"{name}:\n  ours {outcome(own)!r}\n  ansible's {outcome(other)!r}"
        for name, own, other in zip(LOOPS, given, expected, strict=True)
        if outcome(own) != outcome(other)
    ]
    assert not wrong, "\n".join(wrong)
