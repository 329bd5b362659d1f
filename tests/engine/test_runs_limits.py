"""How much happens at the same time, and what is said while nothing does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.engine.events import Status
from hivectl.model.errors import Complaints
from tests.support.tasks_that_log import fail, log, play, run

if TYPE_CHECKING:
    from tests.support.runs import Bench

LIMITS = "limits: {usb-hub: 2, probe: 1}\n"
# says when it begins and when it ends
BUSY = "echo + >> {{ log }}; sleep 0.15; echo - >> {{ log }}"


def most_at_once(lines: list[str]) -> int:
    now = most = 0
    for line in lines:
        now += 1 if line == "+" else -1
        most = max(most, now)
    assert now == 0
    return most


@pytest.mark.parametrize(
    ("task", "most"),
    [
        ({"shell": BUSY}, 4),
        ({"shell": BUSY, "uses": {"usb-hub": 1}}, 2),
        ({"shell": BUSY, "uses": {"usb-hub": 2}}, 1),
        ({"shell": BUSY, "uses": {"usb-hub": 1, "probe": 1}}, 1),
        ({"shell": BUSY, "uses": {"probe": 1}, "retries": 1}, 1),
        ({"shell": BUSY, "uses": {"probe": 1}, "loop": [1]}, 1),
        ({"shell": BUSY, "uses": {"probe": 1}, "delegate_to": "localhost"}, 1),
    ],
)
def test_no_limit_is_exceeded(bench: Bench, task: dict[str, Any], most: int) -> None:
    bench.nodes(4, LIMITS)
    out = run(bench, play(task))
    assert out.ended.exit_code == 0
    lines = bench.lines()
    assert lines.count("+") == 4
    assert most_at_once(lines) <= most
    if most == 4:
        assert most_at_once(lines) > 1


def test_forks_bound_how_many_nodes_work(bench: Bench) -> None:
    bench.nodes(4)
    run(bench, play({"shell": BUSY}), forks=2)
    assert most_at_once(bench.lines()) <= 2


def test_what_waits_for_a_limit_does_not_keep_others_back(bench: Bench) -> None:
    bench.nodes(2, LIMITS)
    tasks = [
        {
            "shell": "until test -e {{ log }}.go; do sleep 0.02; done",
            "uses": {"probe": 1},
            "when": "inventory_hostname == 'n1'",
        },
        {"shell": "touch {{ log }}.go", "when": "inventory_hostname == 'n2'"},
        {"shell": "true", "uses": {"probe": 1}},
    ]
    assert run(bench, play(*tasks)).ended.exit_code == 0


@pytest.mark.parametrize(
    ("uses", "message"),
    [
        ({"usb_hub": 1}, r"no limit `usb_hub`.*did you mean `usb-hub`"),
        ({"probe": 2}, "uses 2 of `probe`, of which there are 1"),
    ],
)
def test_limits_that_cannot_be_had_are_refused(bench: Bench, uses: dict[str, int], message: str) -> None:
    bench.nodes(1, LIMITS)
    with pytest.raises(Complaints, match=message):
        run(bench, play(log("a", uses=uses)))


def test_a_word_on_what_is_waited_for(bench: Bench) -> None:
    bench.nodes(3, LIMITS)
    slow = {"name": "slow", "shell": "sleep 0.8", "when": "inventory_hostname == 'n1'"}
    out = run(bench, play(slow, {"name": "together", "command": "true", "run_once": True}), word_after=0.1)
    waited = out.waited()
    assert any(line.startswith("n1: slow (") for line in waited)
    assert any(line.startswith("n2, n3: waits for n1 before together (") for line in waited)
    out = run(bench, play({"name": "probing", "command": "sleep 0.4", "uses": {"probe": 1}}), word_after=0.1)
    assert any("waits for its turn with probing" in line for line in out.waited())
    out = run(bench, play({"name": "t", "command": "false", "retries": 1, "delay": 0.5}), word_after=0.1)
    assert any("waits 0.5 s to try t again" in line for line in out.waited())


def test_nothing_is_said_while_things_happen(bench: Bench) -> None:
    out = run(bench, play({"shell": "sleep 0.2"}, {"shell": "sleep 0.2", "register": "r"}), word_after=30)
    assert out.waited() == []


def test_the_summary_counts_and_times(bench: Bench) -> None:
    bench.nodes(2)
    tasks = [
        {"name": "quick", "command": "true"},
        {"name": "slow", "command": "sleep 0.4", "when": "inventory_hostname == 'n2'", "changed_when": False},
        {"name": "once", "command": "sleep 0.2", "run_once": True},
        fail("ignored", ignore_errors=True),
        fail("fails", when="inventory_hostname == 'n1'"),
        {"name": "last", "command": "true"},
    ]
    out = run(bench, play(*tasks))
    first, second = out.ended.nodes["n1"], out.ended.nodes["n2"]
    assert (first.changed, first.ok, first.skipped, first.ignored, first.failed) == (2, 0, 1, 1, 1)
    assert (second.changed, second.ok, second.skipped, second.ignored, second.failed) == (2, 1, 1, 1, 0)
    steps = [event for event in out.steps() if event.status is not Status.SKIPPED]
    assert len(steps) == 8
    took = {(event.node, event.task.name): event.seconds for event in steps}
    assert took["n2", "slow"] >= 0.35
    # on a busy machine the first step may be the slow one: who was waited for is told by what the steps took
    before = {node: took[node, "quick"] + took.get((node, "slow"), 0.0) for node in ("n1", "n2")}
    waited_for, other = sorted(before, key=lambda node: -before[node])
    path = [(timing.node, timing.task) for timing in out.ended.critical_path]
    heavy = [(waited_for, task) for task in ("quick", "slow") if took.get((waited_for, task), 0.0) >= 0.05]
    assert path[: len(heavy) + 1] == [*heavy, ("n1", "once")]
    assert (other, "quick") not in path
    assert (other, "slow") not in path
    assert out.ended.slowest[0].seconds == max(took.values())


def test_events_are_json(bench: Bench) -> None:
    from hivectl.engine.events import to_json

    out = run(bench, play(log("a", loop=[1, 2]), fail()))
    kinds = [json.loads(json.dumps(to_json(event)))["event"] for event in out.events]
    assert kinds[0] == "run_started"
    assert kinds[-1] == "run_ended"
    assert {"reserved", "play_started", "step_started", "step_finished", "node_lost"} <= set(kinds)
