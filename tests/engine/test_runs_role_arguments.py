"""What roles say of the arguments that they take: told before the run where that can be, all at once, with places."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from hivectl.model.argument_specs import argument_faults
from hivectl.model.errors import Complaints
from tests.engine.test_runs_roles import write
from tests.support.ansible_templates import ansible_playbook
from tests.support.role_cases import role
from tests.support.tasks_that_log import log, logged, play, run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.runs import Bench

NESTED = {
    "type": "list",
    "elements": "dict",
    "options": {
        "port": {"type": "int", "required": True},
        "name": {"type": "str", "aliases": ["title"]},
        "tls": {"type": "bool"},
        "key": {"type": "path"},
    },
    "mutually_exclusive": [["name", "key"]],
    "required_together": [["tls", "key"]],
    "required_if": [["port", 443, ["tls"]]],
}
# what is known of the argument, its value, whether it is right: ansible-core says the same
VALUES: list[tuple[dict[str, Any], Any, bool]] = [
    ({"type": "str"}, "x", True),
    ({"type": "str"}, 5, True),
    ({}, [1, 2], True),
    ({"type": "int"}, 5, True),
    ({"type": "int"}, "5", True),
    ({"type": "int"}, "five", False),
    ({"type": "int"}, 5.5, False),
    ({"type": "int"}, [5], False),
    ({"type": "float"}, "1.5", True),
    ({"type": "float"}, "x", False),
    ({"type": "bool"}, "yes", True),
    ({"type": "bool"}, "maybe", False),
    ({"type": "bool"}, 2, False),
    ({"type": "list"}, "a,b", True),
    ({"type": "list"}, 3, True),
    ({"type": "list"}, {"a": 1}, False),
    ({"type": "list", "elements": "int"}, [1, "2"], True),
    ({"type": "list", "elements": "int"}, [1, "x"], False),
    ({"type": "list", "elements": "int"}, "1,2", True),
    ({"type": "dict"}, {"a": 1}, True),
    ({"type": "dict"}, "a=1, b=2", True),
    ({"type": "dict"}, "nothing", False),
    ({"type": "dict"}, [1], False),
    ({"type": "raw"}, {"a": [1]}, True),
    ({"type": "path"}, "/tmp", True),
    ({"type": "bytes"}, "2M", True),
    ({"type": "bytes"}, "two", False),
    ({"type": "json"}, {"a": 1}, True),
    ({"choices": ["a", "b"]}, "a", True),
    ({"choices": ["a", "b"]}, "c", False),
    ({"type": "int", "choices": [1, 2]}, "2", True),
    ({"type": "int", "choices": [1, 2]}, 3, False),
    ({"type": "list", "choices": ["a", "b"]}, ["a", "c"], False),
    ({"type": "list", "choices": ["a", "b"]}, ["a", "b"], True),
    (NESTED, [{"port": 80}, {"port": "81", "name": "x"}], True),
    (NESTED, [{"name": "x"}], False),
    (NESTED, [{"port": 80, "prot": 1}], False),
    (NESTED, [{"port": 80, "name": "a", "key": "b", "tls": True}], False),
    (NESTED, [{"port": 80, "tls": True}], False),
    (NESTED, [{"port": 443}], False),
    (NESTED, [{"port": 443, "tls": True, "key": "k"}], True),
    (NESTED, [{"port": 80, "title": "x"}], True),
    (
        {"type": "dict", "options": {"a": {"type": "dict", "options": {"b": {"type": "int"}}}}},
        {"a": {"b": 1}},
        True,
    ),
    (
        {"type": "dict", "options": {"a": {"type": "dict", "options": {"b": {"type": "int"}}}}},
        {"a": {"b": "x"}},
        False,
    ),
]


def is_right(option: dict[str, Any], value: Any) -> bool:
    return not list(argument_faults({"x": option}, lambda _: (True, value, None), what="t", origin=None))


def test_values() -> None:
    assert [is_right(option, value) for option, value, _ in VALUES] == [right for *_, right in VALUES]


def test_ansible_says_the_same(tmp_path: Path) -> None:
    tasks = [
        {
            "name": f"case {number}",
            "validate_argument_spec": {"argument_spec": {"x": option}, "provided_arguments": {"x": value}},
            "ignore_errors": True,
        }
        for number, (option, value, _) in enumerate(VALUES)
    ]
    plays = [{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]
    write(tmp_path, {"play.yml": yaml.safe_dump(plays, sort_keys=False)})
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_HOME": str(tmp_path / "home"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
    }
    done = subprocess.run(
        [ansible_playbook(), "play.yml"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        cwd=tmp_path,
    )
    found = re.findall(r"TASK \[case (\d+)\][^\n]*\n(?:\[ERROR\].*?\n)*(?:.*\n)*?(ok|fatal): ", done.stdout)
    assert {int(number): word == "ok" for number, word in found} == {
        number: right for number, (*_, right) in enumerate(VALUES)
    }, done.stdout[-2000:]


SPECS = {
    "argument_specs": {
        "main": {
            "short_description": "A server",
            "options": {
                "rate": {"type": "int", "required": True, "description": "How fast."},
                "state": {"choices": ["present", "absent"], "default": "present"},
                "sites": NESTED,
            },
        },
        "other": {"options": {"who": {"required": True}}},
    }
}
WEB = role("web", log("web {{ rate }}"), tasks__other=[log("other")], meta__argument_specs=SPECS)


def complaints(bench: Bench, *tasks: Any, **more: Any) -> list[str]:
    write(bench.folder, WEB)
    with pytest.raises(Complaints) as caught:
        run(bench, play(*tasks, **more))
    return [line.replace(f"{bench.folder}/", "") for line in str(caught.value).splitlines()]


def test_wrong_constants_are_told_before_the_run_with_their_places(bench: Bench) -> None:
    sites = [{"port": "x"}, {"prot": 1}]
    item = {"role": "web", "rate": "http", "vars": {"state": "presnet", "sites": sites}}
    assert complaints(bench, roles=[item]) == [
        'play.yml:6:11: role web: rate: expected a whole number, not "http"',
        'play.yml:8:14: role web: state: expected one of absent, present, not "presnet" (did you mean "present"?)',
        'play.yml:10:15: role web: sites[0].port: expected a whole number, not "x"',
        'play.yml:11:9: role web: sites[1]: there is no key `prot` (did you mean "port"?)',
        "play.yml:11:9: role web: sites[1]: `port` is missing",
    ]


@pytest.mark.parametrize("way", ["import_role", "include_role"])
def test_imports_and_includes_are_checked_too(bench: Bench, way: str) -> None:
    assert "role web: `rate` is missing (How fast.)" in complaints(bench, {way: {"name": "web"}})[0]
    assert (
        "play.yml:7:13: role web: rate: expected"
        in complaints(bench, {way: {"name": "web"}, "vars": {"rate": "x"}})[0]
    )
    assert "`who` is missing" in complaints(bench, {way: {"name": "web", "tasks_from": "other"}})[0]


def test_right_ones_cost_no_turn(bench: Bench) -> None:
    write(bench.folder, WEB)
    out = run(bench, play(log("z"), roles=[{"role": "web", "rate": 80}]))
    assert logged(bench) == {"n1": "web 80 z"}
    assert out.count() == 1
    assert "web : Validating arguments against arg spec 'main' - A server" in out.names("n1")


def test_what_only_the_run_knows_is_told_by_it(bench: Bench) -> None:
    write(bench.folder, WEB)
    tasks: list[dict[str, Any]] = [
        {"set_fact": {"kind": "http", "state": "gone"}},
        {"name": "I", "include_role": {"name": "web"}, "vars": {"rate": "{{ kind }}"}},
    ]
    out = run(bench, play(*tasks))
    last = out.steps()[-1]
    assert out.ended.exit_code == 1
    assert [re.sub(r"^\S+: ", "", line) for line in last.result["argument_errors"]] == [
        'role web: rate: expected a whole number, not "http"',
        'role web: state: expected one of absent, present, not "gone"',
    ]
    assert f"{bench.folder}/play.yml:11:13" in last.result["argument_errors"][0]
    out = run(
        bench,
        play(
            {"vars": tasks[1]["vars"], "include_role": {"name": "web", "rolespec_validate": False}},
            vars={"kind": 1},
        ),
    )
    assert logged(bench) == {"n1": "web 1"}


def test_faults_in_the_specs_themselves(bench: Bench) -> None:
    specs = {"argument_specs": {"main": {"options": {"port": {"tpye": "int"}, "x": {"type": "integer"}}}}}
    write(bench.folder, role("a", log("a"), meta__argument_specs=specs))
    with pytest.raises(Complaints) as caught:
        run(bench, play(roles=["a"]))
    assert "roles/a/meta/argument_specs.yml:5:9" in str(caught.value)
    assert 'did you mean "type"?' in str(caught.value)
    assert 'not "integer"' in str(caught.value)
    write(
        bench.folder,
        role("b", log("b {{ x }}"), meta={"argument_specs": {"main": {"options": {"x": {"type": "int"}}}}}),
    )
    with pytest.raises(Complaints, match="role b: x: expected a whole number"):
        run(bench, play(roles=[{"role": "b", "x": "y"}]))


def test_what_is_no_argument_is_told_with_its_place(bench: Bench) -> None:
    files = role(
        "r",
        log("x"),
        meta__argument_specs={"argument_specs": {"main": {"options": {"rate": {"type": "int"}}}}},
    )
    write(bench.folder, files)
    with pytest.raises(Complaints) as caught:
        bench.run(
            """
            - hosts: all
              gather_facts: false
              roles:
                - {role: r, rate: 1, rat: 2}
                - {role: r, vars: {other: 1}}
            """
        )
    assert [error.message for error in caught.value.errors] == ["the role r takes no argument `rat`"]
    assert "play.yml:5:26" in str(caught.value)
    assert 'did you mean "rate"?' in str(caught.value)


def test_the_check_comes_before_what_is_done_once_for_all(bench: Bench) -> None:
    specs = {"argument_specs": {"main": {"options": {"rate": {"type": "int"}}}}}
    files = role(
        "r", {"include_tasks": "more.yml"}, tasks__more=[log("o", run_once=True)], meta__argument_specs=specs
    )
    write(bench.folder, files)
    bench.nodes(3)
    out = run(bench, play(log("z"), roles=["r"], strategy="linear"))
    assert out.ended.exit_code == 0
    assert logged(bench) == {"n1": "o z", "n2": "z", "n3": "z"}
