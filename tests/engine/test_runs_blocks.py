"""Blocks: what a failure skips, what catches it, and what runs all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.tasks_that_log import block, fail, log, logged, on, play, run

if TYPE_CHECKING:
    from tests.support.runs import Bench

CAUGHT = "{{ ansible_failed_task.name }}"

# what ansible-core 2.19 logs for the same playbook: tests/engine/test_against_ansible.py asks it
CASES: dict[str, tuple[list[Any], str, int]] = {
    "nothing fails": (
        [block(log("a"), rescue=[log("r")], always=[log("w")]), log("z")],
        "a w z",
        0,
    ),
    "rescued": (
        [block(log("a"), fail(), log("b"), rescue=[log("r")], always=[log("w")]), log("z")],
        "a r w z",
        0,
    ),
    "not rescued": ([block(fail(), log("b"), always=[log("w")]), log("z")], "w", 1),
    "the rescue fails": (
        [block(fail(), rescue=[log("r"), fail("G"), log("s")], always=[log("w")]), log("z")],
        "r w",
        1,
    ),
    "the always section fails": ([block(log("a"), always=[log("w"), fail(), log("x")]), log("z")], "a w", 1),
    "the always section fails and a rescue is around": (
        [
            block(
                block(fail("F1"), rescue=[log("r")], always=[fail("F2"), log("w")]),
                log("y"),
                rescue=[log(f"rr-{CAUGHT}")],
            ),
            log("z"),
        ],
        "r rr-F2 z",
        0,
    ),
    "nested, the outer one rescues": (
        [
            block(
                log("a"),
                block(fail("F1"), log("x"), always=[log("iw")]),
                log("b"),
                rescue=[log(f"r-{CAUGHT}-{{{{ ansible_failed_result.rc }}}}")],
                always=[log("ow")],
            ),
            log("z"),
        ],
        "a iw r-F1-1 ow z",
        0,
    ),
    "nested in a rescue": (
        [
            block(
                fail("F1"),
                rescue=[block(fail("F2"), rescue=[log(f"r2-{CAUGHT}")]), log(f"r3-{CAUGHT}")],
            ),
            log("z"),
        ],
        "r2-F2 r3-F2 z",
        0,
    ),
    "nested in an always section": (
        [block(fail("F1"), always=[block(fail("F2"), rescue=[log("ar")]), log("aw")]), log("z")],
        "ar aw",
        1,
    ),
    "an ignored failure is none": (
        [block(fail(ignore_errors=True), log("a"), rescue=[log("r")])],
        "a",
        0,
    ),
    "what is behind a failure gives nothing": (
        [
            {"set_fact": {"x": "before"}},
            block(
                log("a", register="a"),
                {"set_fact": {"x": "early"}},
                fail(),
                {"command": "true", "register": "never"},
                {"set_fact": {"x": "behind", "y": 1}},
                rescue=[log("{{ x }}-{{ a.rc }}-{{ never.rc | default('none') }}-{{ y is defined }}")],
            ),
            log("z-{{ never is defined }}"),
        ],
        "a early-0-none-False z-False",
        0,
    ),
    "a failed condition is a failure": (
        [block(log("a", failed_when=True), log("b"), rescue=[log("r")])],
        "a r",
        0,
    ),
    "a value that is missing is a failure": (
        [block({"name": "u", "command": "echo {{ [].x }}"}, rescue=[log(f"r-{CAUGHT}")])],
        "r-u",
        0,
    ),
    "what failed is registered": (
        [block(fail(register="q"), rescue=[log("r-{{ q.rc }}-{{ q is failed }}")])],
        "r-1-True",
        0,
    ),
    "a block's condition is asked before each of its tasks": (
        [
            block({"set_fact": {"go": False}}, log("a"), when="go", rescue=[log("r")]),
            log("z"),
        ],
        "z",
        0,
    ),
    "deep": (
        [
            block(
                block(block(fail(), always=[log("w3")]), always=[log("w2")]),
                rescue=[block(fail("G"), always=[log("w1")])],
                always=[log("w0")],
            ),
            log("z"),
        ],
        "w3 w2 w1 w0",
        1,
    ),
    "the host ends: its always sections run": (
        [block(log("a"), {"meta": "end_host"}, log("b"), always=[log("w")]), log("z")],
        "a w",
        0,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_sections(bench: Bench, name: str) -> None:
    tasks, expected, code = CASES[name]
    out = run(bench, play(*tasks, vars={"go": True}))
    assert logged(bench) == {"n1": expected}
    assert out.ended.exit_code == code


def test_failures_are_counted_as_what_became_of_them(bench: Bench) -> None:
    tasks = [
        block(fail("caught"), rescue=[log("r")]),
        fail("left", ignore_errors=True),
        block(block(fail("passed on"), always=[log("w")]), rescue=[fail("final")]),
    ]
    out = run(bench, play(*tasks))
    assert out.statuses("n1") == {
        "caught": "rescued",
        "r": "changed",
        "left": "ignored",
        "passed on": "rescued",
        "w": "changed",
        "final": "failed",
    }
    summary = out.ended.nodes["n1"]
    assert (summary.rescued, summary.ignored, summary.failed, summary.changed) == (2, 1, 1, 2)
    assert out.ended.status == "failed"
    assert out.lost()["n1"].startswith("final: non-zero return code")


def test_each_node_is_rescued_by_itself(bench: Bench) -> None:
    bench.nodes(2)
    out = run(bench, play(block(fail(**on("n1")), log("b"), rescue=[log("r")], always=[log("w")])))
    assert logged(bench) == {"n1": "r w", "n2": "b w"}
    assert out.ended.exit_code == 0


def test_nothing_is_sent_to_a_node_that_is_gone(bench: Bench) -> None:
    bench.nodes(1, "  gone: {driver: ssh, host: 127.0.0.1, port: 1}\n")
    out = run(bench, play(block(log("a"), rescue=[log("r")], always=[log("w")]), log("z")))
    assert logged(bench) == {"n1": "a w z"}
    assert out.statuses("gone") == {"a": "unreachable"}
    assert out.ended.exit_code == 4
    assert out.ended.nodes["gone"].unreachable == 1


def test_a_stopped_run_does_its_always_sections_and_nothing_else(bench: Bench) -> None:
    import asyncio

    import yaml

    tasks = [
        block(
            log("a"), {"name": "slow", "command": "sleep 30"}, log("b"), always=[log("w")], rescue=[log("r")]
        ),
        log("z"),
    ]

    async def scenario() -> Any:
        running = asyncio.ensure_future(bench.start(yaml.safe_dump([play(*tasks)])))
        while not any(getattr(event, "task", None) and event.task.name == "slow" for event in bench.events):  # type: ignore[attr-defined]  # just looked  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.01)
        running.cancel("terminated")
        return await running

    ended = asyncio.run(scenario())
    assert (ended.status, ended.exit_code, ended.resume) == ("terminated", 143, True)
    assert logged(bench) == {"n1": "a w"}
