"""Playbooks that import playbooks, and variables that come from files as the run goes on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.model.errors import Complaints
from tests.engine.test_runs_roles import write
from tests.support.role_cases import role
from tests.support.tasks_that_log import block, fail, log, logged, play, run

if TYPE_CHECKING:
    from tests.support.runs import Bench


def test_plays_of_other_playbooks(bench: Bench) -> None:
    files = {
        "sub/other.yml": [
            play(
                log("b {{ v }} {{ w }}", tags="b"), roles=["r"], vars={"v": 1, "w": 1}, vars_files=["v.yml"]
            ),
            {"import_playbook": "third.yml", "vars": {"v": 3}},
        ],
        "sub/third.yml": [play({"include_tasks": "tasks.yml"})],
        "sub/tasks.yml": [log("c {{ v }}")],
        "sub/v.yml": {"file": 1},
        "sub/roles/r/tasks/main.yml": [log("r {{ file }}")],
    }
    write(bench.folder, files)
    plays = [
        play(log("a")),
        {"import_playbook": "sub/other.yml", "vars": {"v": 2}, "tags": "t", "when": "go | default(true)"},
        play(log("z")),
    ]
    run(bench, *plays)
    assert logged(bench) == {"n1": "a r 1 b 2 1 c 2 z"}
    run(bench, *plays, tags=["t"])
    assert logged(bench) == {"n1": "r 1 b 2 1 c 2"}
    run(bench, *plays, extra_variables={"log": str(bench.log), "go": False})
    assert logged(bench) == {"n1": "a z"}


@pytest.mark.parametrize(
    ("files", "item", "message"),
    [
        ({"other.yml": []}, {"import_playbook": "otter.yml"}, "did you mean `other.yml`?"),
        (
            {"a.yml": [{"import_playbook": "b.yml"}], "b.yml": [{"import_playbook": "a.yml"}]},
            {"import_playbook": "a.yml"},
            "these playbooks import each other: a.yml -> b.yml -> a.yml",
        ),
        ({"a.yml": []}, {"import_playbook": "a.yml", "hosts": "all"}, "has no keyword `hosts`"),
        ({"a.yml": {}}, {"import_playbook": "a.yml"}, "a playbook is a list of plays"),
        ({}, {"import_playbook": "{{ x }}.yml"}, "without a template"),
    ],
)
def test_imports_that_are_wrong(
    bench: Bench, files: dict[str, Any], item: dict[str, Any], message: str
) -> None:
    write(bench.folder, files)
    with pytest.raises(Complaints) as caught:
        run(bench, item)
    assert message in str(caught.value)
    assert re.search(r"\.yml:\d+:\d+: ", str(caught.value))


VARIABLES: dict[str, tuple[dict[str, Any], list[Any], str]] = {
    "a file, whose values may be templates": (
        {"v.yml": {"x": "{{ y }}!", "y": 5}},
        [{"include_vars": "v.yml"}, log("{{ x }}")],
        "5!",
    ),
    "from the folder vars": ({"vars/v.yml": {"x": 1}}, [{"include_vars": "v.yml"}, log("{{ x }}")], "1"),
    "under a name": (
        {"v.yml": {"x": 1}},
        [{"include_vars": {"file": "v.yml", "name": "all"}}, log("{{ all.x }}")],
        "1",
    ),
    "a folder": (
        {"d/a.yml": {"x": 1, "y": 1}, "d/b.yml": {"y": 2}, "d/sub/c.yml": {"z": 3}, "d/no.txt": "x"},
        [
            {"include_vars": {"dir": "d", "ignore_unknown_extensions": True}},
            log("{{ x }}{{ y }}{{ z }}"),
        ],
        "123",
    ),
    "some of a folder": (
        {"d/a.yml": {"x": 1}, "d/b.yml": {"y": 2}, "d/ab.yml": {"z": 4}, "d/sub/c.yml": {"w": 3}},
        [
            {"include_vars": {"dir": "d", "depth": 1, "files_matching": "b", "ignore_files": ["^a.*"]}},
            log("{{ x | default(0) }}{{ y | default(0) }}{{ z | default(0) }}{{ w | default(0) }}"),
        ],
        "0200",
    ),
    "below set_fact, above a task's variables": (
        {"v.yml": {"x": "file", "w": "file"}},
        [
            {"set_fact": {"x": "fact"}},
            {"include_vars": "v.yml"},
            log("{{ x }} {{ w }}", vars={"x": "task", "w": "task"}),
        ],
        "fact file",
    ),
    "named by a variable": (
        {"n1.yml": {"x": 1}},
        [{"include_vars": "{{ inventory_hostname }}.yml"}, log("{{ x }}")],
        "1",
    ),
    "the first that is there": (
        {"default.yml": {"x": 1}},
        [
            {
                "include_vars": "{{ item }}",
                "with_first_found": ["{{ inventory_hostname }}.yml", "default.yml"],
            },
            log("{{ x }}"),
        ],
        "1",
    ),
    "not done, not there": (
        {"v.yml": {"x": 1}},
        [
            block(log("a"), fail(), {"include_vars": "v.yml"}, rescue=[log("{{ x | default('-') }}")]),
        ],
        "a -",
    ),
    "of a role": (
        role("r", {"include_vars": "more.yml"}, log("{{ x }}"), vars__more={"x": 1}),
        [{"import_role": {"name": "r"}}],
        "1",
    ),
}


@pytest.mark.parametrize("name", VARIABLES)
def test_variables_from_files(bench: Bench, name: str) -> None:
    files, tasks, expected = VARIABLES[name]
    write(bench.folder, files)
    out = run(bench, play(*tasks))
    assert logged(bench).get("n1") == expected, out.said()


def test_files_of_variables_that_are_wrong(bench: Bench) -> None:
    write(bench.folder, {"list.yml": [1], "d/x.txt": "x", "v.yml": {"x": 1}})
    for arguments, message in (
        ("none.yml", "there is no none.yml"),
        ("list.yml", "is no mapping of variables"),
        ({"dir": "d"}, "does not end in"),
        ({"file": "v.yml", "dir": "d"}, "exactly one of `file` and `dir`"),
        ({"dir": "d", "files_matching": "("}, "no regular expression"),
    ):
        out = run(bench, play({"name": "I", "include_vars": arguments}))
        assert message in out.message("I")
    with pytest.raises(Complaints, match="`xx` is not defined anywhere"):
        run(bench, play({"include_vars": "v.yml"}, log("{{ xx }}")))
