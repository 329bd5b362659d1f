"""`set_stats`: as ansible-core does it, result by result and in the summary of a run."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

from tests.support.ansible_templates import ansible_environment, ansible_playbook
from tests.support.as_ansible import assert_as_ansible, fails
from tests.support.runs import make_bench

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

CASES = [
    fails("number", {"data": {"measured": 12}}, "ansible_stats"),
    fails(
        "of each kind", {"data": {"a": 1.5, "b": "x", "c": [1], "d": {"e": None}, "f": True}}, "ansible_stats"
    ),
    fails("per host", {"data": {"a": 1}, "per_host": True}, "ansible_stats"),
    fails("per host as a word", {"data": {"a": 1}, "per_host": "yes"}, "ansible_stats"),
    fails("not added", {"data": {"a": 1}, "aggregate": False}, "ansible_stats"),
    fails("templates", {"data": {"a": "{{ tens }}", "b_{{ tens }}": "{{ [tens] }}"}}, "ansible_stats"),
    fails("none", {"data": {}}, "ansible_stats"),
    fails("no mapping", {"data": [1]}),
    fails("a name with a dash", {"data": {"a-b": 1}}),
    fails("a name with a digit before it", {"data": {"1a": 1}}),
    fails("a wrong option", {"data": {"a": 1}, "per_hosts": True}),
    fails("in check mode", {"data": {"a": 1}}, "ansible_stats", check=True),
]
# name -> node, what it says, and how; in this order
SAID: dict[str, list[tuple[str, Any, dict[str, bool]]]] = {
    "once": [("n1", 1, {})],
    "numbers": [("n1", 1, {}), ("n1", 2, {})],
    "fractions": [("n1", 1.5, {}), ("n1", 2.25, {})],
    "texts": [("n1", "a", {}), ("n1", "b", {})],
    "lists": [("n1", [1], {}), ("n1", [1, 2], {})],
    "mappings": [("n1", {"a": 1, "b": 2}, {}), ("n1", {"b": 3, "c": 4}, {})],
    "deep": [("n1", {"a": {"b": 1, "l": [1]}}, {}), ("n1", {"a": {"c": 2, "l": [2]}}, {})],
    "replaced": [("n1", 1, {}), ("n1", 2, {"aggregate": False})],
    "added again": [("n1", 1, {}), ("n1", 2, {"aggregate": False}), ("n1", 4, {})],
    "of two kinds": [("n1", "a", {}), ("n1", [1], {})],
    "number and text": [("n1", 1, {}), ("n1", "x", {})],
    "truth": [("n1", True, {}), ("n1", True, {})],
    "of the node": [
        ("n1", 1, {"per_host": True}),
        ("n2", 2, {"per_host": True}),
        ("n2", 3, {"per_host": True}),
    ],
    "of both": [("n1", 1, {}), ("n1", 5, {"per_host": True})],
    "of all": [("n1", 1, {}), ("n2", 2, {})],
    "lists of nodes": [
        ("n1", ["a"], {"per_host": True}),
        ("n2", ["b"], {"per_host": True, "aggregate": False}),
    ],
}


def test_as_ansible(tmp_path: Path) -> None:
    assert_as_ansible("set_stats", CASES, tmp_path, variables={"tens": 10})


def test_what_is_said_adds_up_as_in_ansible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = [
        {
            "set_stats": {"data": {name.replace(" ", "_"): value}, **how},
            "when": f"inventory_hostname == '{node}'",
        }
        for name, said in SAID.items()
        for node, value, how in said
    ]
    play = {"hosts": "all", "gather_facts": False, "tasks": tasks}
    text = json.dumps([play])
    bench = make_bench(tmp_path, monkeypatch, 2)
    (tmp_path / "theirs.yml").write_text(text)
    done = subprocess.run(
        [ansible_playbook(), "-i", "n1,n2,", "-c", "local", "theirs.yml"],
        env={**ansible_environment(tmp_path), "ANSIBLE_SHOW_CUSTOM_STATS": "1", "PATH": os.environ["PATH"]},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    theirs = {
        "_run" if owner == "RUN" else owner: json.loads(values)
        for owner, values in re.findall(r"^\t(RUN|n\d): (\{.*\})$", done.stdout, re.MULTILINE)
    }
    assert len(theirs) == 3

    assert bench.run(text).ended.stats == theirs
