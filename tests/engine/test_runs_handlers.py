"""Handlers: who runs, when, in which order, and what is still owed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.tasks_that_log import block, fail, log, logged, on, play, run

if TYPE_CHECKING:
    from tests.support.runs import Bench

NAMED = {"name": "A", "shell": "echo n1 A1 >> {{ log }}"}, {"name": "A", "shell": "echo n1 A2 >> {{ log }}"}

CASES: dict[str, tuple[list[Any], list[Any], str]] = {
    "in the order in which they are defined, once": (
        [log("a", notify=["B", "A"]), log("b", notify="A")],
        [log("A"), log("B"), log("C")],
        "a b A B",
    ),
    "only for changes": (
        [log("a", notify="A", changed_when=False), {"debug": {"msg": "x"}, "notify": "A"}],
        [log("A")],
        "a",
    ),
    "for what counts as a change": (
        [{"debug": {"msg": "x"}, "changed_when": True, "notify": "A"}],
        [log("A")],
        "A",
    ),
    "by what they listen to": (
        [log("a", notify="web")],
        [log("A", listen="web"), log("B", listen=["web", "x"]), log("C")],
        "a A B",
    ),
    "a name means the first handler that bears it": ([log("a", notify="A")], [*NAMED], "a A1"),
    "named by a template": ([log("a", notify="{{ which }}")], [log("A"), log("B")], "a B"),
    "named by a loop's items": (
        [log("a{{ item }}", notify="{{ item }}", loop=["B", "A"], changed_when="item == 'A'")],
        [log("A"), log("B")],
        "aB aA A",
    ),
    "a handler notifies a later one, which runs in its place": (
        [log("a", notify=["A", "C"])],
        [log("A", notify="B"), log("B"), log("C")],
        "a A B C",
    ),
    "a handler notifies an earlier one, which runs after the others": (
        [log("a", notify="B")],
        [log("A"), log("B", notify="A"), log("C", listen="B")],
        "a B C A",
    ),
    "now": (
        [log("a", notify="A"), {"meta": "flush_handlers"}, log("b", notify="A"), log("c")],
        [log("A")],
        "a A b c A",
    ),
    "now, but nothing is due": ([log("a"), {"meta": "flush_handlers"}, log("b")], [log("A")], "a b"),
    "conditions of their own": (
        [log("a", notify=["A", "B"])],
        [log("A", when="false"), log("B", when="1 == 1")],
        "a B",
    ),
    "from a rescued block": (
        [block(log("a", notify="A"), fail(), rescue=[log("r", notify="B")])],
        [log("A"), log("B")],
        "a r A B",
    ),
    "with loops and results": (
        [log("a", notify="A")],
        [
            log("A{{ item }}", listen="A", loop=[1, 2], register="r"),
            log("B{{ r.results | length }}", listen="A"),
        ],
        "a A1 A2 B2",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_handlers_run(bench: Bench, name: str) -> None:
    tasks, handlers, expected = CASES[name]
    out = run(bench, play(*tasks, handlers=handlers, vars={"which": "B"}))
    assert logged(bench) == {"n1": expected}
    assert out.ended.exit_code == 0
    assert out.ended.pending_handlers == ()


def test_handlers_run_after_each_section(bench: Bench) -> None:
    sections = {
        "pre_tasks": [log("pre", notify="A")],
        "tasks": [log("t", notify="A")],
        "post_tasks": [log("post")],
    }
    run(bench, {"hosts": "all", **sections, "handlers": [log("A")]})
    assert logged(bench) == {"n1": "pre A t A post"}


def test_handlers_do_not_wait_for_other_nodes(bench: Bench) -> None:
    bench.nodes(2)
    slow = {"name": "slow", "shell": "until test -e {{ log }}.A; do sleep 0.02; done", **on("n1")}
    handler = {"name": "A", "shell": "touch {{ log }}.A"}
    out = run(bench, play(slow, log("a", notify="A"), handlers=[handler]))
    assert out.ended.exit_code == 0


def test_what_a_failure_left_is_owed_to_the_next_run(bench: Bench) -> None:
    bench.nodes(2)
    plays = play(
        log("a", notify=["A", "B"], changed_when="not again"),
        fail(when="inventory_hostname == 'n1' and not again"),
        log("z"),
        handlers=[log("A"), log("B")],
        vars={"again": False},
    )
    out = run(bench, plays)
    assert logged(bench) == {"n1": "a", "n2": "a z A B"}
    assert out.ended.pending_handlers == ("n1: A", "n1: B")
    again = {"log": str(bench.log), "again": True}
    looked = run(bench, plays, extra_variables=again, mode="check")
    assert looked.ended.pending_handlers == ()
    assert logged(bench) == {}
    out = run(bench, plays, extra_variables=again)
    # at the end of the first section that has tasks, not before it
    assert logged(bench) == {"n1": "a z A B", "n2": "a z"}
    assert [text for text in out.said() if "still owed" in text]
    assert out.ended.pending_handlers == ()
    run(bench, plays, extra_variables=again)
    assert logged(bench) == {"n1": "a z", "n2": "a z"}


def test_a_handler_that_has_run_is_not_owed_since_another_failed(bench: Bench) -> None:
    plays = play(
        log("a", notify=["A", "B", "C"], changed_when="not again"),
        handlers=[log("A"), log("B", failed_when="not again"), log("C")],
        vars={"again": False},
    )
    out = run(bench, plays, play(log("p2")))
    assert logged(bench) == {"n1": "a A B"}
    assert out.ended.pending_handlers == ("n1: B", "n1: C")
    assert out.lost()["n1"].startswith("B: ")
    run(bench, plays, extra_variables={"log": str(bench.log), "again": True})
    assert logged(bench) == {"n1": "a B C"}


def test_another_playbook_does_not_pay(bench: Bench) -> None:
    plays = play(log("a", notify="A"), fail(), handlers=[log("A")])
    run(bench, plays)
    bench.lines()
    other = bench.folder / "other"
    other.mkdir()
    first, bench.folder = bench.folder, other
    run(bench, play(log("b"), handlers=[log("A")]))
    bench.folder = first
    assert logged(bench) == {"n1": "b"}


def test_check_mode_shows_handlers_and_owes_none(bench: Bench) -> None:
    copy = {"name": "c", "copy": {"content": "x", "dest": "{{ log }}.c"}, "notify": "A"}
    plays = play(copy, handlers=[{"name": "A", "copy": {"content": "y", "dest": "{{ log }}.h"}}])
    out = run(bench, plays, mode="check")
    assert out.statuses("n1") == {"c": "changed", "A": "changed"}
    assert not (bench.folder / "log.h").exists()
    assert out.ended.pending_handlers == ()
    run(bench, plays)
    assert (bench.folder / "log.h").read_text() == "y"


def test_one_node_runs_a_handler_for_all(bench: Bench) -> None:
    bench.nodes(3)
    once = log("A", run_once=True, register="r")
    tasks = [
        {"name": "slow", "command": "sleep 0.2", **on("n2")},
        log("a", notify="A", when="inventory_hostname != 'n3'"),
    ]
    out = run(bench, play(*tasks, handlers=[once, log("B{{ r.rc }}", listen="A")]))
    lines = bench.lines()
    assert len([line for line in lines if line.endswith(" A")]) == 1
    assert sorted(line for line in lines if " B" in line) == ["n1 B0", "n2 B0"]
    # it comes after every change that asked for it
    assert max(lines.index("n1 a"), lines.index("n2 a")) < min(
        n for n, line in enumerate(lines) if line.endswith(" A")
    )
    assert out.ended.exit_code == 0


def test_handlers_of_nodes_that_end_early_are_owed(bench: Bench) -> None:
    out = run(bench, play(log("a", notify="A"), {"meta": "end_play"}, log("b"), handlers=[log("A")]))
    assert logged(bench) == {"n1": "a"}
    assert out.ended.pending_handlers == ("n1: A",)


def test_many_nodes_notify_at_the_same_moment(bench: Bench) -> None:
    bench.nodes(6)
    out = run(bench, play({"command": "true", "notify": "A"}, handlers=[log("A")]))
    assert out.ended.exit_code == 0
    assert set(logged(bench).values()) == {"A"}


def test_handlers_that_a_template_lets_notify_each_other_end(bench: Bench) -> None:
    names: dict[str, Any] = {"vars": {"first": "A", "second": "B"}}
    handlers = [log("A", notify="{{ second }}"), log("B", notify="{{ first }}")]
    out = run(bench, play(log("a", notify="A"), handlers=handlers, **names))
    assert out.ended.exit_code == 1
    assert logged(bench)["n1"].startswith("a A B A")
    assert len(bench.lines()) < 12


def test_a_handler_that_is_a_meta_task_is_done_once(bench: Bench) -> None:
    handlers = [
        {"name": "Again", "meta": "reset_connection"},
        {"name": "Never", "meta": "noop", "when": "false"},
    ]
    outcome = run(bench, play(log("a", notify=["Again", "Never"]), handlers=handlers))
    assert outcome.ended.status == "ok"
    assert outcome.ended.pending_handlers == ()
