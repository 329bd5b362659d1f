"""Tasks that are written elsewhere: what is taken in, with which variables, and without a turn with the node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from hivectl.model.errors import Complaints
from tests.support.tasks_that_log import block, fail, log, logged, on, play, run

if TYPE_CHECKING:
    from tests.support.runs import Bench

# name -> (files, the play's tasks, what n1 logs)
CASES: dict[str, tuple[dict[str, list[Any]], list[Any], str]] = {
    "an import": (
        {"a.yml": [log("x"), log("y")]},
        [log("a"), {"import_tasks": "a.yml"}, log("z")],
        "a x y z",
    ),
    "an include": (
        {"a.yml": [log("x"), log("y")]},
        [log("a"), {"include_tasks": "a.yml"}, log("z")],
        "a x y z",
    ),
    "by the parameter's name": (
        {"a.yml": [log("x")]},
        [{"include_tasks": {"file": "a.yml"}}, {"import_tasks": {"file": "a.yml"}}],
        "x x",
    ),
    "named by a variable": (
        {"a-n1.yml": [log("x")]},
        [{"include_tasks": "a-{{ inventory_hostname }}.yml"}, log("z")],
        "x z",
    ),
    "named by a result": (
        {"a.yml": [log("x")]},
        [{"shell": "echo a", "register": "r"}, {"include_tasks": "{{ r.stdout }}.yml"}, log("z")],
        "x z",
    ),
    "a condition of an import is asked for every task": (
        {"a.yml": [log("x"), {"set_fact": {"go": False}}, log("y")]},
        [{"set_fact": {"go": True}}, {"import_tasks": "a.yml", "when": "go"}, log("z")],
        "x z",
    ),
    "a condition of an include is asked once": (
        {"a.yml": [log("x"), {"set_fact": {"go": False}}, log("y")]},
        [{"set_fact": {"go": True}}, {"include_tasks": "a.yml", "when": "go"}, log("z")],
        "x y z",
    ),
    "a condition that does not hold": (
        {"a.yml": [log("x")]},
        [{"include_tasks": "a.yml", "when": False}, {"import_tasks": "a.yml", "when": False}, log("z")],
        "z",
    ),
    "variables": (
        {"a.yml": [log("{{ v }}")]},
        [
            {"include_tasks": "a.yml", "vars": {"v": 1}},
            {"import_tasks": "a.yml", "vars": {"v": 2}},
            log("{{ v | default('none') }}"),
        ],
        "1 2 none",
    ),
    "an include's variables are above set_fact, an import's below": (
        {"a.yml": [log("{{ v }}")]},
        [
            {"set_fact": {"v": 0}},
            {"include_tasks": "a.yml", "vars": {"v": 1}},
            {"import_tasks": "a.yml", "vars": {"v": 2}},
        ],
        "1 0",
    ),
    "a loop": (
        {"a.yml": [log("x{{ item }}"), log("y{{ item }}")]},
        [{"include_tasks": "a.yml", "loop": [1, 2]}, log("z")],
        "x1 y1 x2 y2 z",
    ),
    "a loop over files": (
        {"a.yml": [log("x")], "b.yml": [log("y{{ what }}")]},
        [
            {
                "include_tasks": "{{ what }}.yml",
                "loop": ["a", "b"],
                "loop_control": {"loop_var": "what"},
            }
        ],
        "x yb",
    ),
    "a loop inside of a loop": (
        {"a.yml": [log("{{ outer }}{{ item }}", loop=["a", "b"])]},
        [{"include_tasks": "a.yml", "loop": [1, 2], "loop_control": {"loop_var": "outer"}}],
        "1a 1b 2a 2b",
    ),
    "a condition for each item": (
        {"a.yml": [log("x{{ item }}")]},
        [{"include_tasks": "a.yml", "loop": [1, 2, 3], "when": "item != 2"}],
        "x1 x3",
    ),
    "files that take in others": (
        {
            "sub/a.yml": [log("x"), {"include_tasks": "b.yml"}, {"import_tasks": "../c.yml"}],
            "sub/b.yml": [log("y")],
            "c.yml": [log("z")],
        },
        [{"import_tasks": "sub/a.yml"}, {"include_tasks": "{{ 'sub' }}/a.yml"}],
        "x y z x y z",
    ),
    "a file that includes itself until it is enough": (
        {
            "a.yml": [
                log("{{ n }}"),
                {"set_fact": {"n": "{{ n | int - 1 }}"}},
                {"include_tasks": "a.yml", "when": "n | int > 0"},
            ]
        },
        [{"set_fact": {"n": 3}}, {"include_tasks": "a.yml"}, log("z")],
        "3 2 1 z",
    ),
    "in blocks": (
        {"a.yml": [log("x"), fail(), log("no")], "r.yml": [log("r")], "w.yml": [log("w")]},
        [
            block(
                {"include_tasks": "a.yml"},
                rescue=[{"include_tasks": "r.yml"}],
                always=[{"import_tasks": "w.yml"}],
            ),
            log("z"),
        ],
        "x r w z",
    ),
    "apply": (
        {"a.yml": [log("x {{ v }}"), log("y {{ v }}", when="v == 2")]},
        [{"include_tasks": {"file": "a.yml", "apply": {"when": "v == 1"}}, "vars": {"v": 1}}, log("z")],
        "x 1 z",
    ),
    "what is registered and set inside is there behind": (
        {"a.yml": [{"command": "echo 5", "register": "r"}, {"set_fact": {"f": 6}}]},
        [{"include_tasks": "a.yml"}, log("{{ r.stdout }}{{ f }}")],
        "56",
    ),
    "the register of an include": (
        {"a.yml": [log("x")]},
        [{"include_tasks": "a.yml", "register": "r"}, log("{{ r.include is defined }}")],
        "x True",
    ),
}


def write(bench: Bench, files: dict[str, Any]) -> None:
    for name, content in files.items():
        bench.write(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False), name)


@pytest.mark.parametrize("name", CASES)
def test_tasks_from_elsewhere(bench: Bench, name: str) -> None:
    files, tasks, expected = CASES[name]
    write(bench, files)
    out = run(bench, play(*tasks))
    assert logged(bench).get("n1") == expected, out.said()
    assert out.ended.exit_code == 0


def test_known_includes_cost_no_turn_with_the_node(bench: Bench) -> None:
    write(
        bench,
        {
            "a.yml": [log("x"), {"include_tasks": "b.yml", "loop": [1, 2]}],
            "b.yml": [log("y{{ item }}")],
            "c-n1.yml": [log("c")],
        },
    )
    out = run(
        bench,
        play(
            log("a"),
            {"include_tasks": "a.yml", "when": "inventory_hostname == 'n1'", "vars": {"v": 1}},
            {"import_tasks": "b.yml", "vars": {"item": 3}},
            {"include_tasks": "c-{{ inventory_hostname }}.yml"},
            log("z"),
        ),
    )
    assert logged(bench) == {"n1": "a x y1 y2 y3 c z"}
    assert out.count() == 1


def test_each_node_includes_its_own(bench: Bench) -> None:
    bench.nodes(3)
    write(bench, {"n1.yml": [log("a")], "n2.yml": [log("b"), log("c", run_once=True)], "n3.yml": [log("d")]})
    tasks = [{"include_tasks": "{{ inventory_hostname }}.yml"}, log("z")]
    for strategy in ("linear", "free"):
        run(bench, play(*tasks, strategy=strategy))
        assert logged(bench) == {"n1": "a z", "n2": "b c z", "n3": "d z"}


def test_one_node_acts_for_all_inside_of_a_loop(bench: Bench) -> None:
    bench.nodes(3)
    write(bench, {"a.yml": [log("x{{ item }}", run_once=True), log("y{{ item }}")]})
    run(bench, play({"include_tasks": "a.yml", "loop": [1, 2]}, strategy="linear"))
    assert logged(bench) == {"n1": "x1 y1 x2 y2", "n2": "y1 y2", "n3": "y1 y2"}


def test_an_include_that_runs_once(bench: Bench) -> None:
    bench.nodes(2)
    write(bench, {"a.yml": [log("x")]})
    run(bench, play({"include_tasks": "a.yml", "run_once": True}, log("z")))
    assert logged(bench) == {"n1": "x z", "n2": "z"}


def test_handlers_from_elsewhere(bench: Bench) -> None:
    write(bench, {"h.yml": [log("A"), log("B")], "i.yml": [log("x"), log("y")]})
    tasks = [log("a", notify="A"), log("b", notify="I"), {"meta": "flush_handlers"}, log("c", notify="B")]
    handlers = [{"import_tasks": "h.yml"}, {"name": "I", "include_tasks": "i.yml"}]
    out = run(bench, play(*tasks, handlers=handlers))
    assert logged(bench) == {"n1": "a b A x y c B"}
    assert out.ended.pending_handlers == ()


def test_flushed_handlers_do_not_see_the_variables_of_an_include(bench: Bench) -> None:
    write(bench, {"a.yml": [log("x", notify="H"), {"meta": "flush_handlers"}, log("{{ v }}")]})
    tasks = [{"include_tasks": "a.yml", "vars": {"v": 1}}]
    run(
        bench,
        play(
            *tasks,
            handlers=[
                log("H", vars={"w": "{{ v | default('none') }}"}),
            ],
        ),
    )
    assert logged(bench) == {"n1": "x H 1"}


TAGS: dict[str, tuple[dict[str, Any], str]] = {
    "an import hands its tags down": ({"tags": ["t"]}, "i p"),
    "an include does not, and is left out without": ({"tags": ["u"]}, "u"),
    "apply hands them down": ({"tags": ["v"]}, "v w"),
    "always is done, never is not": ({"tags": ["none"]}, ""),
    "never is asked for": ({"tags": ["nope"]}, "n"),
    "all": ({}, "i p u s v w"),
    "tagged": ({"tags": ["tagged"]}, "i p u v w"),
    "untagged": ({"tags": ["untagged"]}, ""),
    "what is left out": ({"skip_tags": ["t"]}, "u s v w"),
}


@pytest.mark.parametrize("name", TAGS)
def test_tags(bench: Bench, name: str) -> None:
    write(
        bench,
        {
            "i.yml": [log("i"), log("p", tags="p")],
            "u.yml": [log("u", tags="u"), log("s")],
            "v.yml": [log("v"), log("w", tags="w")],
            "n.yml": [log("n")],
        },
    )
    options, expected = TAGS[name]
    tasks = [
        {"import_tasks": "i.yml", "tags": "t"},
        {"include_tasks": "u.yml", "tags": "u"},
        {"include_tasks": {"file": "v.yml", "apply": {"tags": "v"}}, "tags": "v"},
        {"import_tasks": "n.yml", "tags": ["never", "nope"]},
    ]
    run(bench, play(*tasks), **options)
    assert logged(bench).get("n1", "") == expected


FAULTS: dict[str, tuple[dict[str, Any], Any, str]] = {
    "no such file": ({"more.yml": [log("x")]}, {"import_tasks": "mroe.yml"}, "did you mean `more.yml`?"),
    "nor for an include": ({}, {"include_tasks": "a.yml"}, "there is no file a.yml in "),
    "imports in a circle": (
        {"a.yml": [{"import_tasks": "b.yml"}], "b.yml": [{"import_tasks": "a.yml"}]},
        {"import_tasks": "a.yml"},
        "these files import each other: a.yml -> b.yml -> a.yml",
    ),
    "a template in an import": ({}, {"import_tasks": "{{ x }}.yml"}, "cannot be a template"),
    "a loop around an import": (
        {"a.yml": []},
        {"import_tasks": "a.yml", "loop": [1]},
        "`loop` does not go with `import_tasks` (write `include_tasks`)",
    ),
    "a keyword that is for the tasks": (
        {"a.yml": []},
        {"include_tasks": "a.yml", "become": True},
        "`become` does not go with `include_tasks` (write it under `apply:`",
    ),
    "a fault inside": ({"a.yml": [{"pign": None}]}, {"include_tasks": "a.yml"}, "a.yml:1:3: a task has no"),
    "an undefined name inside": (
        {"a.yml": [{"debug": {"msg": "{{ nothing }}"}}]},
        {"include_tasks": "a.yml"},
        "a.yml:2:",
    ),
    "no list": ({"a.yml": {"x": 1}}, {"include_tasks": "a.yml"}, "a file of tasks is a list"),
    "apply of no mapping": ({"a.yml": []}, {"include_tasks": {"file": "a.yml", "apply": 1}}, "apply"),
    "an unknown key of apply": (
        {"a.yml": []},
        {"include_tasks": {"file": "a.yml", "apply": {"bcome": True}}},
        "did you mean `become`?",
    ),
    "an unknown parameter": ({"a.yml": []}, {"import_tasks": {"flie": "a.yml"}}, "did you mean `file`?"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_told_before_the_run(bench: Bench, name: str) -> None:
    files, task, message = FAULTS[name]
    write(bench, files)
    with pytest.raises(Complaints) as caught:
        run(bench, play(task))
    assert message in str(caught.value)


def test_faults_of_the_run(bench: Bench) -> None:
    write(bench, {"a.yml": [{"include_tasks": "a.yml"}], "b.yml": [{"pign": None}]})
    out = run(bench, play({"name": "I", "include_tasks": "{{ 'b' }}.yml", "ignore_errors": True}, log("z")))
    assert logged(bench) == {"n1": "z"}
    assert "did you mean `ping`?" in out.message("I")
    out = run(bench, play({"name": "I", "include_tasks": "{{ 'none' }}.yml"}))
    assert "there is no file none.yml" in out.message("I")
    out = run(bench, play({"name": "I", "include_tasks": "a.yml"}))
    assert "files include each other" in str(out.steps()[-1].result["msg"])
    assert out.ended.exit_code == 1


def test_a_run_that_stopped_in_an_include_goes_on(bench: Bench) -> None:
    gate = {"name": "gate", "shell": "test -e {{ log }}.ok"}
    write(
        bench,
        {"a-n1.yml": [log("x{{ item }}", register="r"), {**gate, "when": "item == 2"}, log("y{{ item }}")]},
    )
    plays = play(log("a"), {"include_tasks": "a-{{ inventory_hostname }}.yml", "loop": [1, 2, 3]}, log("z"))
    first = run(bench, plays)
    assert logged(bench) == {"n1": "a x1 y1 x2"}
    (bench.folder / "log.ok").touch()
    out = run(bench, plays, resume=first.ended.run)
    assert logged(bench) == {"n1": "y2 x3 y3 z"}
    assert out.ended.exit_code == 0


def test_on_another_node(bench: Bench) -> None:
    bench.nodes(2)
    write(bench, {"a.yml": [{"command": "echo 5", "register": "r"}]})
    run(
        bench,
        play(
            {"include_tasks": "{{ 'a' }}.yml", **on("n1")},
            log("{{ hostvars.n1.r.stdout }}", **on("n2")),
        ),
    )
    assert logged(bench) == {"n2": "5"}
