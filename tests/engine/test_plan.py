from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hivectl.engine.lab import attributes_of
from hivectl.engine.plan import Plan, Tags, Vertex, build_plan, split
from hivectl.model.errors import Complaints
from hivectl.model.inventory import load_inventory
from hivectl.model.playbook_loader import load_playbook
from hivectl.modules.registry import known_module, module_names

if TYPE_CHECKING:
    from pathlib import Path

    from hivectl.engine.graph import Graph
    from hivectl.model.inventory import Inventory

INVENTORY = """\
version: 1
nodes:
  m[1:4]: {driver: local, labels: {kind: microscope}}
  far: {driver: local}
hives:
  hive1: {nodes: [m1, m2]}
limits: {usb-hub: 2}
"""


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Inventory:
    path = tmp_path_factory.mktemp("lab") / "lab.yml"
    path.write_text(INVENTORY)
    return load_inventory([path], attributes_of, lambda: ["local", "ssh"])


def planned(folder: Path, inventory: Inventory, plays: list[dict[str, Any]], **options: Any) -> Plan:
    path = folder / "play.yml"
    path.write_text(yaml.safe_dump(plays, sort_keys=False))
    return build_plan(load_playbook(path, known_module, module_names), inventory, **options)


def task(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "command": "true", **more}


def play(*tasks: dict[str, Any], hosts: str = "all", **more: Any) -> dict[str, Any]:
    return {"hosts": hosts, "tasks": list(tasks), **more}


# -- splitting

sizes = st.lists(st.integers(1, 6) | st.integers(1, 100).map(lambda number: f"{number}%"), max_size=4)


@given(st.integers(0, 30), sizes)
def test_batches_take_every_node_once_in_order(count: int, serial: list[int | str]) -> None:
    nodes = tuple(f"n{number}" for number in range(count))
    batches = split(nodes, tuple(serial))
    assert tuple(node for batch in batches for node in batch) == nodes
    assert all(batches)
    for number, batch in enumerate(batches):
        size = serial[min(number, len(serial) - 1)] if serial else count
        bound = size if isinstance(size, int) else max(1, count * int(size[:-1]) // 100)
        assert len(batch) == bound or (len(batch) < bound and batch is batches[-1])


# -- tags: the table is what ansible-core 2.19 says


@pytest.mark.parametrize(
    ("tags", "only", "skip", "wanted"),
    [
        ("", "", "", True),
        ("", "x", "", False),
        ("", "untagged", "", True),
        ("", "tagged", "", False),
        ("", "all", "", True),
        ("", "", "untagged", False),
        ("", "", "tagged", True),
        ("", "", "all", False),
        ("x", "x", "", True),
        ("x", "y", "", False),
        ("x", "tagged", "", True),
        ("x", "untagged", "", False),
        ("x", "x", "x", False),
        ("x", "", "tagged", False),
        ("always", "y", "", True),
        ("always", "untagged", "", True),
        ("always", "", "always", False),
        ("always", "", "all", True),
        ("always", "", "all,always", False),
        ("always", "", "tagged", False),
        ("never", "", "", False),
        ("never", "all", "", False),
        ("never", "tagged", "", False),
        ("never", "never", "", True),
        ("never,x", "x", "", True),
        ("never,x", "tagged", "", False),
        ("never,x", "x", "never", False),
        ("never,always", "", "", True),
        ("never,always", "y", "", True),
    ],
)
def test_tags_mean_what_they_mean_to_ansible(
    tmp_path: Path, tags: str, only: str, skip: str, *, wanted: bool
) -> None:
    path = tmp_path / "play.yml"
    path.write_text(yaml.safe_dump([play(task("a", tags=tags))]))
    [one] = load_playbook(path, known_module, module_names).tasks()
    chosen = Tags(frozenset(filter(None, only.split(","))), frozenset(filter(None, skip.split(","))))
    assert chosen.wants(one) is wanted


# -- the graph


def test_tasks_are_a_chain_through_batches_and_plays(tmp_path: Path, inventory: Inventory) -> None:
    plan = planned(
        tmp_path, inventory, [play(task("a"), task("b"), hosts="hive1", serial=1), play(task("c"))]
    )
    order = [Vertex(1, 1), Vertex(2, 1), Vertex(1, 2), Vertex(2, 2), Vertex(3, 1)]
    assert list(plan.graph.order()) == order
    assert plan.group_of[Vertex(1, 2)] == ("m2",)
    assert plan.steps == 2 * 2 + 5
    assert plan.nodes == ("m1", "m2", "m3", "m4", "far")


def test_what_tags_leave_out_is_no_step(tmp_path: Path, inventory: Inventory) -> None:
    plays = [play(task("a", tags="x", id="first"), task("b", needs="first"), hosts="m1")]
    plan = planned(tmp_path, inventory, plays, tags=Tags(skip=frozenset({"x"})))
    assert list(plan.graph) == [Vertex(2, 1)]
    assert plan.nodes_of(plan.tasks[1]) == ()
    assert plan.nodes_of(plan.tasks[2]) == ("m1",)


def test_nodes_that_only_act_for_others_belong_to_the_run(tmp_path: Path, inventory: Inventory) -> None:
    plan = planned(tmp_path, inventory, [play(task("a", delegate_to="far"), hosts="m1")])
    assert plan.nodes == ("m1", "far")
    plan = planned(tmp_path, inventory, [play(task("a", delegate_to="far"), hosts="m1")], limit="m2")
    assert plan.nodes == ()


@pytest.mark.parametrize(
    ("plays", "complaints"),
    [
        ([play(task("a", needs="nothing"))], ["no task has the id `nothing`"]),
        (
            [play(task("a", id="pulses"), task("b", needs="pulse"))],
            ["no task has the id `pulse` (did you mean `pulses`?)"],
        ),
        ([play(task("a", id="x"), task("b", id="x"))], ["the id `x` is given twice"]),
        ([play(task("a", uses={"usb_hub": 1}))], ["no limit `usb_hub` (did you mean `usb-hub`?)"]),
        ([play(task("a", uses={"usb-hub": 3}))], ["uses 3 of `usb-hub`, of which there are 2"]),
        ([play(task("a"), hosts="m9")], ["m9"]),
        (
            [play(task("a", needs="x"), hosts="hive2"), play(task("b", uses={"nope": 1}))],
            ["hive2", "no task has the id `x`", "no limit `nope`"],
        ),
        (
            [play(task("a", needs="later"), task("b", id="later"))],
            ["these tasks wait for each other", "a task cannot need one that comes after it"],
        ),
        ([play(task("a", needs="a", id="a"))], ["these tasks wait for each other"]),
        (
            [play(task("a", needs="later"), hosts="m1"), play(task("b", id="later"), hosts="m2")],
            ["these tasks wait for each other"],
        ),
    ],
)
def test_everything_that_is_wrong_is_said_at_once(
    tmp_path: Path, inventory: Inventory, plays: list[dict[str, Any]], complaints: list[str]
) -> None:
    with pytest.raises(Complaints) as caught:
        planned(tmp_path, inventory, plays)
    for complaint in complaints:
        assert complaint in str(caught.value)
    assert all(error.origin is not None for error in caught.value.errors)


tasks = st.lists(
    st.tuples(st.integers(0, 2), st.lists(st.integers(0, 7), max_size=2, unique=True)), min_size=1, max_size=8
)


@settings(max_examples=60, deadline=None)
@given(
    tasks,
    st.lists(st.sampled_from(["m1", "hive1", "all", "far:m3"]), min_size=3, max_size=3),
    st.integers(0, 2),
)
def test_every_plan_is_in_order_or_refused(
    tmp_path_factory: pytest.TempPathFactory,
    inventory: Inventory,
    shape: list[tuple[int, list[int]]],
    hosts: list[str],
    serial: int,
) -> None:
    """Tasks of three plays need each other at random: what comes later cannot be needed, all else is honoured."""
    plays: list[dict[str, Any]] = [{"hosts": one, "tasks": []} for one in hosts]
    if serial:
        plays[0]["serial"] = serial
    ordered = sorted(range(len(shape)), key=lambda index: shape[index][0])
    place = {number: index for index, number in enumerate(ordered)}
    backwards = False
    for number in ordered:
        needs = [f"t{one}" for one in shape[number][1] if one < len(shape)]
        backwards = backwards or any(place[int(one[1:])] >= place[number] for one in needs)
        plays[shape[number][0]]["tasks"].append(task(f"t{number}", id=f"t{number}", needs=needs))
    folder = tmp_path_factory.mktemp("plan")
    if backwards:
        with pytest.raises(Complaints, match="wait for each other"):
            planned(folder, inventory, plays)
        return
    plan = planned(folder, inventory, plays)
    graph: Graph[Vertex] = plan.graph
    at = {vertex: index for index, vertex in enumerate(graph.order())}
    assert all(at[first] < at[then] for first, then in graph.edges())
    numbers = {one.id: one.number for one in plan.tasks.values()}
    for one in plan.tasks.values():
        for needed in one.needs:
            for vertex in (vertex for vertex in graph if vertex.task == one.number):
                before = set(graph.upstream([vertex]))
                assert any(earlier.task == numbers[needed] for earlier in before)
