"""One task's keywords: loops, retries, conditions, timeouts, environment, check mode."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.model.errors import Complaints
from tests.support.tasks_that_log import block, log, logged, on, play, run

if TYPE_CHECKING:
    from tests.support.runs import Bench

TRY = "echo n1 try >> {{ log }}; "

CASES: dict[str, tuple[list[Any], str, int]] = {
    # loops
    "every item, in order": ([log("i{{ item }}", loop=[3, 1, 2])], "i3 i1 i2", 0),
    "a failed item does not keep the others back": (
        [
            {
                "shell": "echo n1 i{{ item }} >> {{ log }}; test {{ item }} != 2",
                "loop": [1, 2, 3],
                "register": "r",
                "ignore_errors": True,
            },
            log("{{ r.failed }}-{{ r.results | map(attribute='failed') | map('string') | join('-') }}"),
        ],
        "i1 i2 i3 True-False-True-False",
        0,
    ),
    "no item": (
        [log("e", loop=[], register="r"), log("{{ r is skipped }}-{{ r.results | length }}-{{ r.changed }}")],
        "True-0-False",
        0,
    ),
    "items are skipped one by one": (
        [
            log("i{{ item }}", loop=[1, 2, 3], when="item != 2", register="r"),
            log("{{ r is skipped }}-{{ r.results[1] is skipped }}-{{ r.results[0] is skipped }}"),
        ],
        "i1 i3 False-True-False",
        0,
    ),
    "all items are skipped": (
        [
            log("i", loop=[1, 2], when="item > 5", register="r"),
            log("{{ r is skipped }}-{{ r.results | length }}"),
        ],
        "True-2",
        0,
    ),
    "names of the item and its place": (
        [log("{{ place }}{{ it }}", loop=["a", "b"], loop_control={"loop_var": "it", "index_var": "place"})],
        "0a 1b",
        0,
    ),
    "a mapping's entries": (
        [log("{{ item.key }}{{ item.value }}", loop="{{ {'a': 1, 'b': 2} | dict2items }}")],
        "a1 b2",
        0,
    ),
    "what a loop has registered is there for the next": (
        [
            {"command": "echo {{ item }}", "loop": [1, 2], "register": "r"},
            log("{{ item.stdout }}of{{ item.item }}", loop="{{ r.results }}"),
        ],
        "1of1 2of2",
        0,
    ),
    "facts gather up item by item": (
        [
            {"set_fact": {"l": "{{ l | default([]) + [item] }}"}, "loop": [1, 2, 3]},
            {
                "set_fact": {"n": "{{ n | default(0) + 1 }}"},
                "loop": [1, 2, 3],
                "when": "n | default(0) < 2",
                "register": "r",
            },
            {
                "set_fact": {"d": "{{ d | default({}) | combine({item: n}) }}"},
                "loop": ["a", "b"],
                "vars": {"n": 7},
            },
            log("{{ l | join }}-{{ n }}-{{ r.results[2] is skipped }}-{{ d.a + d.b }}"),
        ],
        "123-2-True-4",
        0,
    ),
    "a condition spares a loop that could not be made": (
        [log("i", loop="{{ nothing.at.all }}", when="nothing is defined"), log("z")],
        "z",
        0,
    ),
    # tries
    "until it is so": (
        [
            {
                "shell": TRY + "wc -l < {{ log }}",
                "register": "r",
                "until": "r.stdout | int >= 3",
                "retries": 5,
                "delay": 0,
            },
            log("{{ r.attempts }}"),
        ],
        "try try try 3",
        0,
    ),
    "it never is so": (
        [
            {
                "shell": TRY,
                "register": "r",
                "until": "false",
                "retries": 2,
                "delay": 0,
                "ignore_errors": True,
            },
            log("{{ r.attempts }}-{{ r.failed }}"),
        ],
        "try try try 2-True",
        0,
    ),
    "until alone is four tries": (
        [
            {"shell": TRY, "register": "r", "until": "r.rc != 0", "delay": 0, "ignore_errors": True},
            log("{{ r.failed }}"),
        ],
        "try try try try True",
        0,
    ),
    "retries alone: until it does not fail": (
        [
            {"shell": TRY + "test $(wc -l < {{ log }}) -ge 2", "register": "r", "retries": 3, "delay": 0},
            log("{{ r.attempts }}"),
        ],
        "try try 2",
        0,
    ),
    "each item has its own tries": (
        [
            {
                "shell": "echo n1 try{{ item }} >> {{ log }}; grep -c try{{ item }} {{ log }}",
                "register": "r",
                "until": "r.stdout | int >= item",
                "retries": 3,
                "delay": 0,
                "loop": [1, 2],
            },
            log("{{ r.results | map(attribute='attempts') | join('-') }}"),
        ],
        "try1 try2 try2 1-2",
        0,
    ),
    "until sees what failed_when has decided": (
        [
            {
                "shell": TRY + "wc -l < {{ log }}",
                "register": "r",
                "failed_when": "r.stdout | int < 2",
                "until": "r is succeeded",
                "retries": 3,
                "delay": 0,
            },
            log("{{ r.attempts }}"),
        ],
        "try try 2",
        0,
    ),
    "a task that needs no node may try again too": (
        [
            {
                "debug": {"msg": "x"},
                "until": "false",
                "retries": 1,
                "delay": 0,
                "register": "r",
                "ignore_errors": True,
            },
            log("{{ r.failed }}-{{ r.attempts }}"),
        ],
        "True-1",
        0,
    ),
    # conditions
    "changed_when and failed_when": (
        [
            log("a", changed_when=False, register="a"),
            {"command": "true", "changed_when": ["b.rc == 0", "true"], "register": "b"},
            {"command": "false", "failed_when": False, "register": "c"},
            {
                "command": "echo bad",
                "failed_when": "'bad' in d.stdout",
                "register": "d",
                "ignore_errors": True,
            },
            log("{{ a.changed }}-{{ b.changed }}-{{ c.failed }}-{{ c.rc }}-{{ d.failed }}"),
        ],
        "a False-True-False-1-True",
        0,
    ),
    "failed_when of a list: all of them": (
        [log("a", register="r", failed_when=["r.rc == 0", "false"]), log("b")],
        "a b",
        0,
    ),
    "failed_when that fails stops": ([log("a", register="r", failed_when="r.rc == 0"), log("b")], "a", 1),
    "when of a list: the first that does not hold ends it": (
        [log("a", when=["true", "1 == 1"]), log("b", when=["r is defined", "r.rc == 0"]), log("c")],
        "a c",
        0,
    ),
    "a skipped task is registered": (
        [
            log("a", register="r", when="false"),
            log("{{ r is skipped }}-{{ r.stdout is defined }}"),
            log("c", when="r is not skipped"),
        ],
        "True-False",
        0,
    ),
    # environment
    "environments of all levels": (
        [
            block(
                {"shell": "echo n1 $A$B$C >> {{ log }}", "environment": {"C": "task"}},
                environment={"B": "block", "A": "over"},
            ),
            {"shell": "echo n1 $A$B >> {{ log }}", "environment": [{"A": "one"}, {"B": "{{ 1 + 1 }}"}]},
        ],
        "overblocktask one2",
        0,
    ),
    "parameters as pairs in a text": (
        [
            {"file": "path={{ log }}.d state=directory mode=0750"},
            {"stat": "path='{{ log }}.d'", "register": "s"},
            {"set_fact": 'x={{ s.stat.mode }} y="two words"'},
            {"shell": "echo n1 {{ x }}-{{ y | length }} $PWD >> {{ log }} chdir=/"},
        ],
        "0750-9 /",
        0,
    ),
    "omit": (
        [
            {"copy": {"content": "x", "dest": "{{ log }}.o", "mode": "{{ mode | default(omit) }}"}},
            {"command": "echo {{ [1, omit, 2] | reject('none') | list | length }}", "register": "r"},
            log("z"),
        ],
        "z",
        0,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_tasks(bench: Bench, name: str) -> None:
    tasks, expected, code = CASES[name]
    out = run(bench, play(*tasks, environment={"A": "play"}))
    assert logged(bench) == {"n1": expected}
    assert out.ended.exit_code == code


def test_a_loop_shows_labels_and_the_items_that_failed(bench: Bench) -> None:
    task = {
        "name": "t",
        "command": "test {{ item.name }} = a",
        "loop": [{"name": "a", "secret": "s3"}, {"name": "b", "secret": "s4"}],
        "loop_control": {"label": "{{ item.name }}"},
    }
    out = run(bench, play(task))
    [step] = out.steps()
    assert [one["_ansible_item_label"] for one in step.result["results"]] == ["a", "b"]
    assert step.result["msg"] == "One or more items failed"
    assert step.reason.startswith("b: non-zero return code")


def test_an_unknown_loop_control_is_refused(bench: Bench) -> None:
    with pytest.raises(Complaints, match="pause"):
        run(bench, play(log("a", loop=[1], loop_control={"puase": 3})))


@pytest.mark.parametrize("value", ["text", {"a": 1}, 3])
def test_a_loop_over_something_else_is_a_failure(bench: Bench, value: Any) -> None:
    out = run(bench, play({"set_fact": {"x": value}}, log("a", loop="{{ x }}")))
    assert out.ended.exit_code == 1
    assert "`loop` must be a list" in out.steps()[-1].reason


def test_a_timeout_counts_from_when_the_attempt_begins(bench: Bench) -> None:
    bench.nodes(3)
    # with one fork the third waits longer than the timeout for its turn
    task = {"name": "t", "command": "sleep 0.5", "timeout": 1.2}
    assert run(bench, play(task), forks=1).ended.exit_code == 0


def test_a_timeout_ends_what_takes_too_long(bench: Bench) -> None:
    started = time.monotonic()
    slow = {"name": "t", "shell": "sleep 20; echo n1 late >> {{ log }}", "timeout": 0.3}
    wait = {
        "name": "w",
        "wait_for": {"path": "/nowhere", "timeout": 20},
        "timeout": 0.3,
        "ignore_errors": True,
    }
    out = run(bench, play(wait, slow, log("z")))
    assert time.monotonic() - started < 10
    assert out.statuses("n1") == {"w": "ignored", "t": "failed"}
    assert logged(bench) == {}


def test_each_attempt_has_its_own_time(bench: Bench) -> None:
    task = {
        "name": "t",
        "shell": TRY + "test $(wc -l < {{ log }}) -ge 3 || sleep 20",
        "timeout": 0.4,
        "retries": 4,
        "delay": 0,
        "register": "r",
    }
    out = run(bench, play(task))
    assert out.ended.exit_code == 0
    assert logged(bench) == {"n1": "try try try"}


def test_check_mode_changes_nothing_but_what_must(bench: Bench) -> None:
    path = bench.folder / "made"
    tasks = [
        {"name": "copy", "copy": {"content": "x\n", "dest": str(path)}, "register": "c"},
        {"name": "skipped", "command": f"touch {path}.2"},
        {"name": "acts", "command": f"touch {path}.3", "check_mode": False},
        {"name": "looks", "stat": {"path": str(path)}, "register": "s"},
        {"name": "d", "debug": {"msg": "{{ ansible_check_mode }} {{ c.changed }} {{ s.stat.exists }}"}},
    ]
    out = run(bench, play(*tasks), mode="check", diff=True)
    assert out.statuses("n1") == {
        "copy": "changed",
        "skipped": "skipped",
        "acts": "changed",
        "looks": "ok",
        "d": "ok",
    }
    assert out.message("d") == "True True False"
    assert "x\\n" in str(out.result("copy")["diff"])
    assert not path.exists()
    assert path.with_name("made.3").exists()
    only = {"name": "c", "copy": {"content": "x", "dest": str(path)}, "check_mode": True}
    assert run(bench, play(only)).statuses("n1") == {"c": "changed"}
    assert not path.exists()


def test_tries_in_check_mode_do_not_go_on_for_what_is_skipped(bench: Bench) -> None:
    task = {"name": "t", "command": "true", "register": "r", "until": "r.rc == 0", "retries": 5, "delay": 9}
    out = run(bench, play(task), mode="check", seconds=8)
    assert out.statuses("n1") == {"t": "skipped"}


def test_ignored_failures_go_on(bench: Bench) -> None:
    tasks = [
        {"name": "a", "command": "false", "ignore_errors": True},
        {"name": "b", "command": "echo {{ [].x }}", "ignore_errors": True, "register": "b"},
        {"name": "c", "assert": {"that": "1 == 2"}, "ignore_errors": "{{ yes_please }}"},
        log("z-{{ b.failed }}"),
    ]
    out = run(bench, play(*tasks, vars={"yes_please": True}))
    assert list(out.statuses("n1").values()) == ["ignored", "ignored", "ignored", "changed"]
    assert logged(bench) == {"n1": "z-True"}


@pytest.mark.parametrize(
    ("only", "skip", "expected"),
    [
        ([], [], "a b c"),
        (["x"], [], "a b e"),
        (["y"], [], "b"),
        (["never"], [], "b d e"),
        (["tagged"], [], "a b"),
        (["untagged"], [], "b c"),
        (["all"], [], "a b c"),
        ([], ["x"], "b c"),
        ([], ["always"], "a c"),
        (["x"], ["y"], "a e"),
        ([], ["tagged"], "c"),
        (["x", "untagged"], [], "a b c e"),
    ],
)
def test_tags(bench: Bench, only: list[str], skip: list[str], expected: str) -> None:
    tasks = [
        log("a", tags="x"),
        log("b", tags=["y", "always"]),
        log("c"),
        log("d", tags="never"),
        log("e", tags=["never", "x"]),
    ]
    out = run(bench, play(*tasks), tags=only, skip_tags=skip)
    assert logged(bench) == {"n1": expected}
    assert out.ended.exit_code == 0


def test_tags_come_down_and_handlers_run_whatever_tags_they_have(bench: Bench) -> None:
    tasks = [block(log("a", notify="A"), tags="x"), log("b")]
    run(bench, play(*tasks, handlers=[log("A", tags="other")]), tags=["x"])
    assert logged(bench) == {"n1": "a A"}
    run(bench, play(log("a"), tags="x"), play(log("b"), log("c", tags="x")), tags=["x"])
    assert logged(bench) == {"n1": "a c"}


def test_meta_reset_connection_and_clear_facts(bench: Bench) -> None:
    connects: list[str] = []
    bench.before_connect = connects.append  # type: ignore[assignment]  # that is what it is for
    tasks = [
        log("a-{{ ansible_system }}"),
        {"meta": "clear_facts"},
        {"meta": "reset_connection"},
        log("b-{{ ansible_system }}"),
        {"meta": "noop"},
        {"meta": "end_host", **on("n2")},
        log("c"),
    ]
    out = run(bench, play(*tasks))
    assert logged(bench) == {"n1": "a-Linux b-Linux c"}
    assert connects == ["n1", "n1"]
    assert sum(item.operation.name == "facts" for batch in out.batches["n1"] for item in batch.items) == 2
