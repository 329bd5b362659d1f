"""Several nodes: batches of them, failures that concern all, plays one after the other."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.engine.events import PlayStarted
from tests.support.tasks_that_log import block, fail, log, logged, on, play, run

if TYPE_CHECKING:
    from tests.support.runs import Bench

FIRST_TWO = {"when": "inventory_hostname in ['n1', 'n2']"}

# nodes, plays, node -> what it logs, exit code: as ansible-core 2.19 does unless said otherwise
CASES: dict[str, tuple[int, list[dict[str, Any]], dict[str, str], int]] = {
    "a failed node is left out of later plays": (
        2,
        [play(fail(**on("n1"))), play(log("p2")), play(log("p3"), hosts="n1"), play(log("p4"))],
        {"n2": "p2 p4"},
        1,
    ),
    "when all nodes of a play have failed, the run ends": (2, [play(fail()), play(log("p2"))], {}, 1),
    "when all nodes of a play have failed, others do not go on either": (
        2,
        [play(fail(), hosts="n1"), play(log("p2"), hosts="n2")],
        {},
        1,
    ),
    "a play without nodes is passed over": (
        1,
        [play(log("a"), hosts="n1:!n1"), play(log("b"))],
        {"n1": "b"},
        0,
    ),
    "serial: a batch that fails as a whole ends the run": (
        3,
        [play(log("a"), fail(**on("n1")), log("b"), serial=1), play(log("p2"))],
        {"n1": "a"},
        1,
    ),
    "serial: a batch that fails in part does not": (
        3,
        [play(log("a"), fail(**on("n1")), log("b"), serial=2), play(log("p2"))],
        {"n1": "a", "n2": "a b p2", "n3": "a b p2"},
        1,
    ),
    "any_errors_fatal": (
        2,
        [play(log("a"), fail(**on("n1")), log("b"), any_errors_fatal=True), play(log("p2"))],
        {"n1": "a", "n2": "a"},
        1,
    ),
    "any_errors_fatal of one task": (
        2,
        [play(log("a"), fail(any_errors_fatal=True, **on("n1")), log("b")), play(log("p2"))],
        {"n1": "a", "n2": "a"},
        1,
    ),
    "any_errors_fatal but for one task": (
        2,
        [play(fail(any_errors_fatal=False, **on("n1")), log("b"), any_errors_fatal=True)],
        {"n2": "b"},
        1,
    ),
    "any_errors_fatal of another task": (
        2,
        [play(log("a", any_errors_fatal=True), fail(**on("n1")), log("b")), play(log("p2"))],
        {"n1": "a", "n2": "a b p2"},
        1,
    ),
    "any_errors_fatal stops handlers": (
        2,
        [play(log("a", notify="A"), fail(**on("n1")), any_errors_fatal=True, handlers=[log("A")])],
        {"n1": "a", "n2": "a"},
        1,
    ),
    "any_errors_fatal runs always sections": (
        2,
        [play(block(fail(**on("n1")), log("b"), always=[log("w")]), log("z"), any_errors_fatal=True)],
        {"n1": "w", "n2": "w"},
        1,
    ),
    # as Ansible's manual has it; Ansible itself leaves n2 out of the next play
    "any_errors_fatal is answered by a rescue on every node": (
        2,
        [
            play(
                block(
                    fail(**on("n1")),
                    log("b"),
                    rescue=[log("r-{{ ansible_failed_task.name }}")],
                    always=[log("w")],
                ),
                log("z"),
                any_errors_fatal=True,
            ),
            play(log("p2")),
        ],
        {"n1": "r-F w z p2", "n2": "r-F w z p2"},
        0,
    ),
    "any_errors_fatal: a failure in the rescue stops all": (
        2,
        [
            play(
                block(
                    fail(**on("n1")), rescue=[log("r"), fail("G", **on("n2")), log("s")], always=[log("w")]
                ),
                log("z"),
                any_errors_fatal=True,
            )
        ],
        {"n1": "r w", "n2": "r w"},
        1,
    ),
    "any_errors_fatal ends later batches": (
        3,
        [play(fail(**on("n1")), log("b"), serial=2, any_errors_fatal=True)],
        {},
        1,
    ),
    "any_errors_fatal means no ignored ones": (
        2,
        [play(fail(ignore_errors=True, **on("n1")), log("b"), any_errors_fatal=True)],
        {"n1": "b", "n2": "b"},
        0,
    ),
    "too many failed": (
        4,
        [play(fail(**FIRST_TWO), log("b"), max_fail_percentage=49), play(log("p2"))],
        {},
        1,
    ),
    "as many as may fail": (
        4,
        [play(fail(**FIRST_TWO), log("b"), max_fail_percentage=50), play(log("p2"))],
        {"n3": "b p2", "n4": "b p2"},
        1,
    ),
    "too many failed in a batch": (
        4,
        [play(fail(**on("n1")), log("b"), serial=2, max_fail_percentage=40)],
        {},
        1,
    ),
    "rescued ones have not failed": (
        2,
        [play(block(fail(), rescue=[log("r")]), log("z"), max_fail_percentage=0)],
        {"n1": "r z", "n2": "r z"},
        0,
    ),
    "end_host": (
        2,
        [
            play(log("a", notify="A"), {"meta": "end_host", **on("n1")}, log("b"), handlers=[log("A")]),
            play(log("p2")),
        ],
        {"n1": "a p2", "n2": "a b A p2"},
        0,
    ),
    "end_play that one node says ends it for all": (
        2,
        [
            play(
                {"name": "slow", "command": "sleep 0.3", **on("n1")},
                {"meta": "end_play", **on("n1")},
                log("b"),
            ),
            play(log("p2")),
        ],
        {"n1": "p2", "n2": "p2"},
        0,
    ),
    "end_play ends later batches": (
        2,
        [play(log("a"), {"meta": "end_play"}, log("b"), serial=1), play(log("p2"))],
        {"n1": "a p2", "n2": "p2"},
        0,
    ),
    "end_batch does not": (
        2,
        [play(log("a"), {"meta": "end_batch"}, log("b"), serial=1), play(log("p2"))],
        {"n1": "a p2", "n2": "a p2"},
        0,
    ),
    "clear_host_errors": (
        2,
        [play(fail(**on("n1")), {"meta": "clear_host_errors"}, log("b")), play(log("p2"))],
        {"n1": "p2", "n2": "b p2"},
        0,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_nodes(bench: Bench, name: str) -> None:
    nodes, plays, expected, code = CASES[name]
    bench.nodes(nodes)
    out = run(bench, *plays)
    assert logged(bench) == expected
    assert out.ended.exit_code == code
    assert out.ended.status == ("ok" if code == 0 else "failed")
    assert out.ended.resume is (code != 0)


@pytest.mark.parametrize(
    ("nodes", "serial", "batches"),
    [
        (3, 1, ["n1", "n2", "n3"]),
        (3, 2, ["n1 n2", "n3"]),
        (3, "50%", ["n1", "n2", "n3"]),
        (4, "50%", ["n1 n2", "n3 n4"]),
        (3, "1%", ["n1", "n2", "n3"]),
        (5, [1, "40%", 5], ["n1", "n2 n3", "n4 n5"]),
        (5, [1, 2], ["n1", "n2 n3", "n4 n5"]),
        (2, "100%", ["n1 n2"]),
    ],
)
def test_batches_of_nodes_follow_one_another(
    bench: Bench, nodes: int, serial: Any, batches: list[str]
) -> None:
    bench.nodes(nodes)
    out = run(bench, play(log("a-{{ ansible_play_batch | join('+') }}"), serial=serial))
    started = [event for event in out.events if isinstance(event, PlayStarted)]
    assert [" ".join(event.nodes) for event in started] == batches
    assert [(event.batch, event.batches) for event in started] == [
        (number, len(batches)) for number in range(1, len(batches) + 1)
    ]
    lines = bench.lines()
    order = [line.partition(" ")[0] for line in lines]
    for before, after in pairwise(batches):
        last = max(order.index(node) for node in before.split())
        assert last < min(order.index(node) for node in after.split())
    assert set(lines) == {
        f"{node} a-{'+'.join(batch.split())}" for batch in batches for node in batch.split()
    }


def test_who_takes_part_is_known(bench: Bench) -> None:
    bench.nodes(3)
    names = "{{ ansible_play_hosts | join }}-{{ ansible_play_hosts_all | join }}-{{ play_hosts | join }}"
    run(bench, play(fail(**on("n1"))), play(log(names), serial=2))
    assert logged(bench) == {"n2": "n2n3-n1n2n3-n2", "n3": "n2n3-n1n2n3-n3"}


def test_a_failure_stops_others_with_its_name_once(bench: Bench) -> None:
    bench.nodes(3)
    out = run(bench, play(log("a"), fail(**on("n2")), log("b"), log("c"), any_errors_fatal=True))
    lost = out.lost()
    assert lost.pop("n2").startswith("F: non-zero return code")
    assert lost == dict.fromkeys(("n1", "n3"), "stopped, since n2: F failed")
    assert out.ended.nodes["n1"].failed == 0
    assert out.ended.nodes["n2"].failed == 1


def test_nodes_do_not_wait_for_one_another(bench: Bench) -> None:
    bench.nodes(2)
    waits = {"name": "waits", "shell": "until test -e {{ log }}.go; do sleep 0.02; done", **on("n1")}
    goes = {"name": "goes", "shell": "touch {{ log }}.go", **on("n2")}
    assert run(bench, play(waits, goes)).ended.exit_code == 0


def test_linear_is_a_barrier_at_every_task(bench: Bench) -> None:
    bench.nodes(3)
    slow = {"shell": "sleep 0.1; echo {{ inventory_hostname }} slow >> {{ log }}", **on("n1")}
    run(bench, play(slow, log("b"), log("c", **on("n2")), log("d"), strategy="linear"))
    order = [line.split()[1] for line in bench.lines()]
    assert order == ["slow", "b", "b", "b", "c", "d", "d", "d"]


def test_the_limit_cuts_every_play_down(bench: Bench) -> None:
    bench.nodes(3)
    out = run(bench, play(log("a")), play(log("b"), hosts="n1"), limit="n2:n3")
    assert logged(bench) == {"n2": "a", "n3": "a"}
    assert set(out.ended.nodes) == {"n2", "n3"}


def test_localhost_needs_no_inventory_entry(bench: Bench) -> None:
    out = run(bench, play(log("a"), hosts="localhost"), play(log("b")))
    assert logged(bench) == {"localhost": "a", "n1": "b"}
    assert out.ended.exit_code == 0


def test_unreachable_nodes_fail_alone(bench: Bench) -> None:
    bench.nodes(1, "  gone: {driver: ssh, host: 127.0.0.1, port: 1}\n")
    out = run(bench, play(log("a"), log("b")), play(log("c")))
    assert logged(bench) == {"n1": "a b c"}
    assert (out.ended.exit_code, out.ended.status) == (4, "failed")
    assert out.ended.nodes["gone"].unreachable == 1
    assert out.statuses("gone") == {"a": "unreachable"}
    out = run(bench, play(log("a"), log("b"), any_errors_fatal=True))
    assert logged(bench) == {"n1": "a"}
    assert out.lost()["n1"] == "stopped, since gone: a failed"
