"""What nodes do together: run_once, group modules, needs, hostvars, delegate_to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.engine import fitting, validation
from hivectl.engine import run as engine_run
from hivectl.engine.events import Reserved
from hivectl.model.errors import Complaints
from hivectl.model.parameters import parameter
from hivectl.modules.base import Module, ModuleError
from hivectl.modules.registry import find_module, known_module
from tests.support.tasks_that_log import block, fail, log, logged, on, play, run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hivectl.modules.base import NodeContext, Result
    from tests.support.runs import Bench

ONCE: dict[str, tuple[list[Any], dict[str, str], int]] = {
    "the result is everybody's": (
        [log("o", run_once=True, register="r"), log("b-{{ r.rc }}")],
        {"n1": "o b-0", "n2": "b-0"},
        0,
    ),
    "the failure is everybody's": ([fail(run_once=True), log("b")], {}, 1),
    # Ansible rescues the one node alone and leaves the others out
    "the rescue is everybody's": (
        [
            block(
                fail(run_once=True),
                log("b"),
                rescue=[log("r-{{ ansible_failed_task.name }}-{{ ansible_failed_result.rc }}")],
                always=[log("w")],
            ),
            log("z"),
        ],
        {"n1": "r-F-1 w z", "n2": "r-F-1 w z"},
        0,
    ),
    "an ignored failure too": (
        [fail(run_once=True, register="r", ignore_errors=True), log("b-{{ r.rc }}")],
        {"n1": "b-1", "n2": "b-1"},
        0,
    ),
    "the first node's condition decides": (
        [log("o", run_once=True, register="r", **on("n2")), log("b-{{ r is skipped }}")],
        {"n1": "b-True", "n2": "b-True"},
        0,
    ),
    "facts are everybody's": (
        [{"set_fact": {"x": "{{ inventory_hostname }}"}, "run_once": True}, log("b-{{ x }}")],
        {"n1": "b-n1", "n2": "b-n1"},
        0,
    ),
    "facts of a loop too": (
        [
            {"set_fact": {"x": "v{{ item }}"}, "loop": [1, 2], "run_once": True},
            log("b-{{ x }}"),
        ],
        {"n1": "b-v2", "n2": "b-v2"},
        0,
    ),
    "loops": (
        [log("o{{ item }}", run_once=True, loop=[1, 2], register="r"), log("b-{{ r.results | length }}")],
        {"n1": "o1 o2 b-2", "n2": "b-2"},
        0,
    ),
    "the first node that is left does it": (
        [fail(**on("n1")), log("o", run_once=True), log("b")],
        {"n2": "o b"},
        1,
    ),
    "whoever does it comes after the slowest": (
        [
            {"name": "s", "shell": "sleep 0.2; touch {{ log }}.s", **on("n2")},
            {"name": "o", "command": "test -e {{ log }}.s", "run_once": True},
            log("b"),
        ],
        {"n1": "b", "n2": "b"},
        0,
    ),
    "on another node": (
        [
            {
                "name": "o",
                "command": "true",
                "run_once": True,
                "delegate_to": "localhost",
                "register": "r",
            },
            log("b-{{ r.rc }}"),
        ],
        {"n1": "b-0", "n2": "b-0"},
        0,
    ),
}


@pytest.mark.parametrize("name", ONCE)
def test_one_node_acts_for_all(bench: Bench, name: str) -> None:
    bench.nodes(2)
    tasks, expected, code = ONCE[name]
    out = run(bench, play(*tasks))
    assert logged(bench) == expected
    assert out.ended.exit_code == code


def test_one_node_acts_for_each_batch(bench: Bench) -> None:
    bench.nodes(2)
    run(bench, play(log("o", run_once=True), log("b"), serial=1))
    assert logged(bench) == {"n1": "o b", "n2": "o b"}


# -- needs

NEEDS: dict[str, tuple[list[dict[str, Any]], dict[str, str], dict[str, str]]] = {
    "done": ([play(log("a", id="x")), play(log("b", needs="x"))], {"n1": "a b", "n2": "a b"}, {}),
    "the same node's step counts where it has one": (
        [play(log("a", id="x", failed_when="inventory_hostname == 'n1'"), log("c"), log("b", needs="x"))],
        {"n1": "a", "n2": "a c b"},
        {"n1": "a: "},
    ),
    "otherwise all of them": (
        [play(fail("a", id="x"), hosts="n1"), play(log("b", needs="x"), log("c"), hosts="n2")],
        {},
        {"n1": "a: "},
    ),
    "what was never come to is not done": (
        [
            play(fail(**on("n1")), log("a", id="x"), hosts="n1:n2"),
            play(log("b", needs="x"), hosts="n3"),
        ],
        {"n2": "a"},
        {"n1": "F: ", "n3": "stopped, since n1: F failed"},
    ),
    "skipped is done": (
        [play(log("a", id="x", when="false")), play(log("b", needs="x"))],
        {"n1": "b", "n2": "b"},
        {},
    ),
    "ignored is done": (
        [play(fail(id="x", ignore_errors=True), log("b", needs="x"))],
        {"n1": "b", "n2": "b"},
        {},
    ),
    "done by one for all": (
        [play(log("a", id="x", run_once=True)), play(log("b", needs="x"))],
        {"n1": "a b", "n2": "b"},
        {},
    ),
    "the cause is named, however far": (
        [
            play(fail("a", id="x", **on("n1")), hosts="n1:n2"),
            play(log("b", needs="x", id="y"), hosts="n2:n3"),
            play(log("c", needs="y"), hosts="n2:n4"),
        ],
        {"n2": "b c"},
        {"n1": "a: ", "n3": "stopped, since n1: a failed", "n4": "stopped, since n1: a failed"},
    ),
    "always sections run": (
        [
            play(fail("a", id="x", **on("n1")), hosts="n1:n2"),
            play(block(log("b", needs="x"), rescue=[log("r")], always=[log("w")]), hosts="n3"),
        ],
        {"n3": "w"},
        {"n1": "a: ", "n3": "stopped, since n1: a failed"},
    ),
}


@pytest.mark.parametrize("name", NEEDS)
def test_needs(bench: Bench, name: str) -> None:
    plays, expected, lost = NEEDS[name]
    bench.nodes(next(count for count in (4, 3, 2) if count == 2 or f"n{count}" in str(plays)))
    out = run(bench, *plays)
    assert logged(bench) == expected
    assert set(out.lost()) == set(lost)
    assert all(out.lost()[node].startswith(reason) for node, reason in lost.items())


# -- results and facts of others


def test_another_nodes_result_is_waited_for(bench: Bench) -> None:
    bench.nodes(3)
    slow = {"name": "s", "shell": "sleep 0.3; echo v", "register": "r", **on("n2")}
    other = log("b-{{ hostvars['n2'].r.stdout | default('none') }}")
    # what n1 and n3 have queued must not let them overtake
    run(bench, play(log("q", register="q"), slow, log("p"), other))
    assert logged(bench) == dict.fromkeys(("n1", "n2", "n3"), "q p b-v")


def test_the_nodes_own_result_by_hostvars_is_waited_for(bench: Bench) -> None:
    run(
        bench,
        play(log("q", register="q"), log("b-{{ hostvars[inventory_hostname].q.rc | default('none') }}")),
    )
    assert logged(bench) == {"n1": "q b-0"}


def test_two_nodes_may_wait_for_each_other_in_turn(bench: Bench) -> None:
    bench.nodes(2)
    tasks = [
        {"command": "echo {{ inventory_hostname }}1", "register": "a"},
        {"command": "echo {{ hostvars[other].a.stdout }}2", "register": "b"},
        log("{{ hostvars[other].b.stdout }}"),
    ]
    other = {"other": "{{ 'n1' if inventory_hostname == 'n2' else 'n2' }}"}
    run(bench, play(*tasks, vars=other))
    assert logged(bench) == {"n1": "n112", "n2": "n212"}


def test_a_node_that_failed_is_waited_for_by_nobody(bench: Bench) -> None:
    bench.nodes(2)
    tasks = [
        {"shell": "sleep 0.2; false", "register": "r", **on("n2")},
        {"command": "true", "register": "later", **on("n2")},
        log("b-{{ hostvars['n2'].later.rc | default('none') }}"),
    ]
    run(bench, play(*tasks))
    assert logged(bench) == {"n1": "b-none"}


def test_another_nodes_facts_are_asked_for(bench: Bench) -> None:
    bench.nodes(2)
    facts = "{{ hostvars[item].ansible_facts.system }}/{{ hostvars[item]['ansible_system'] }}"
    out = run(
        bench,
        play({"debug": {"msg": facts}, "name": "d", "loop": "{{ groups['all'] }}"}, hosts="n1"),
        play({"command": "true"}, hosts="n2"),
    )
    assert out.statuses("n1") == {"d": "failed"}, "n2 takes no part: it is not asked"
    out = run(bench, play({"debug": {"msg": facts}, "name": "d", "loop": "{{ groups['all'] }}"}))
    assert [one["msg"] for one in out.result("d")["results"]] == ["Linux/Linux", "Linux/Linux"]


# -- delegates


def test_another_node_acts_and_this_one_keeps_the_result(bench: Bench) -> None:
    bench.nodes(2)
    task = {"name": "d", "command": "echo {{ inventory_hostname }}", "delegate_to": "n2", "register": "r"}
    out = run(bench, play(task, log("b-{{ r.stdout }}"), hosts="n1"))
    assert out.names("n1") == ["d", "b-n1"]
    assert out.names("n2") == []
    assert (out.count("n1"), out.count("n2")) == (1, 1)
    assert logged(bench) == {"n1": "b-n1"}
    [reserved] = [event for event in out.events if isinstance(event, Reserved)]
    assert set(reserved.nodes) == {"n1", "n2"}
    assert out.batches["n2"][0].fence is not None


def test_each_item_may_go_elsewhere(bench: Bench) -> None:
    bench.nodes(3)
    task = {
        "name": "d",
        "command": "echo {{ item }}",
        "delegate_to": "{{ item }}",
        "loop": ["n2", "n3"],
        "register": "r",
        "run_once": True,
    }
    out = run(bench, play(task, log("b-{{ r.results | map(attribute='stdout') | join('+') }}"), hosts="n1"))
    assert logged(bench) == {"n1": "b-n2+n3"}
    assert (out.count("n1"), out.count("n2"), out.count("n3")) == (1, 1, 1)
    assert all(out.batches[node][0].fence for node in ("n1", "n2", "n3"))


def test_a_delegate_that_somebody_holds_fails_the_step(bench: Bench) -> None:
    import asyncio

    from hivectl.store.reservations import StoredReservations

    bench.nodes(2)
    database = bench.lab().open_store()
    asyncio.run(StoredReservations(database).take(["n2"], reason="mine", time_to_live=60.0))
    task = {"name": "d", "command": "true", "delegate_to": "{{ other }}"}
    out = run(bench, play(log("a"), task, vars={"other": "n2"}, hosts="n1"))
    database.close()
    assert out.statuses("n1") == {"a": "changed", "d": "failed"}
    assert "n2 is held by" in out.message("d")
    assert out.count("n2") == 0


# -- group modules


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What `together` takes."""

    word: str = parameter("A word.", default="hello")


async def together(parameters: Parameters, contexts: Mapping[str, NodeContext]) -> Mapping[str, Result]:
    """Say who was there; leave out, fail or refuse where the word says so."""
    names = " ".join(contexts)
    if parameters.word == "refuse":
        raise ModuleError("refused")
    results: dict[str, Result] = {
        node: {"changed": True, "who": names, "failed": parameters.word == node} for node in contexts
    }
    if parameters.word == "forget":
        results.popitem()
    return results


MODULE = Module(
    name="together", summary="x", parameters=Parameters, group=together, free_form="word", check_mode="none"
)


@pytest.fixture
def group_module(monkeypatch: pytest.MonkeyPatch) -> None:
    def known(name: str) -> Module[Any] | None:
        return MODULE if name == "together" else known_module(name)

    def found(name: str) -> Module[Any]:
        return MODULE if name == "together" else find_module(name)

    monkeypatch.setattr(engine_run, "known_module", known)
    monkeypatch.setattr(engine_run, "find_module", found)
    monkeypatch.setattr(validation, "find_module", found)
    monkeypatch.setattr(fitting, "find_module", found)


GROUP: dict[str, tuple[dict[str, Any], dict[str, str], int]] = {
    "all take part": ({"together": "x", "register": "r"}, dict.fromkeys(("n1", "n2", "n3"), "n1-n2-n3"), 0),
    "those whose condition holds": (
        {"together": "x", "register": "r", "when": "inventory_hostname != 'n1'"},
        {"n1": "none", "n2": "n2-n3", "n3": "n2-n3"},
        0,
    ),
    "one of them fails": ({"together": "n2", "register": "r"}, dict.fromkeys(("n1", "n3"), "n1-n2-n3"), 1),
    "the module refuses": ({"together": "refuse", "register": "r"}, {}, 1),
    "a node is forgotten": (
        {"together": "forget", "register": "r"},
        dict.fromkeys(("n1", "n2"), "n1-n2-n3"),
        1,
    ),
    "for all its failure is ignored": (
        {"together": "refuse", "register": "r", "ignore_errors": True},
        dict.fromkeys(("n1", "n2", "n3"), "none"),
        0,
    ),
}


@pytest.mark.usefixtures("group_module")
@pytest.mark.parametrize("name", GROUP)
def test_a_group_module_is_one_step_on_all_nodes(bench: Bench, name: str) -> None:
    bench.nodes(3)
    task, expected, code = GROUP[name]
    slow = {"command": "sleep 0.1", **on("n3")}
    out = run(bench, play(slow, task, log("{{ (r.who | default('none')) | replace(' ', '-') }}")))
    assert logged(bench) == expected
    assert out.ended.exit_code == code


@pytest.mark.usefixtures("group_module")
def test_a_failed_node_takes_no_part_in_a_group(bench: Bench) -> None:
    bench.nodes(2)
    run(bench, play(fail(**on("n1")), {"together": "x", "register": "r"}, log("{{ r.who }}")))
    assert logged(bench) == {"n2": "n2"}


@pytest.mark.usefixtures("group_module")
def test_a_group_module_that_cannot_check_is_skipped(bench: Bench) -> None:
    bench.nodes(2)
    out = run(bench, play({"name": "t", "together": "x"}), mode="check")
    assert out.statuses("n1") == out.statuses("n2") == {"t": "skipped"}


@pytest.mark.usefixtures("group_module")
@pytest.mark.parametrize("keyword", [{"loop": [1]}, {"until": "true"}, {"retries": 2}, {"delegate_to": "n2"}])
def test_what_a_group_cannot_do_is_refused(bench: Bench, keyword: dict[str, Any]) -> None:
    with pytest.raises(Complaints) as caught:
        run(bench, play({"name": "t", "together": "x", **keyword}))
    assert f"`{next(iter(keyword))}`" in str(caught.value)


@pytest.mark.usefixtures("group_module")
def test_a_group_module_may_be_a_handler(bench: Bench) -> None:
    bench.nodes(2)
    handler = {"name": "A", "together": "x", "register": "r", "notify": "B"}
    out = run(bench, play(log("a", notify="A"), handlers=[handler, log("B{{ r.who }}", listen="B")]))
    assert logged(bench) == {"n1": "a Bn1", "n2": "a Bn2"}
    assert out.ended.exit_code == 0
