"""Random plays against the plainest model of what a play means: statuses, order, and one node never hurting another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hivectl.engine import sessions
from hivectl.engine.events import Status
from tests.support.runs import Bench, RecordingDriver
from tests.support.tasks_that_log import play, run

if TYPE_CHECKING:
    from pathlib import Path

# what a task is made of, and what the model says of it
CHANGED, OK, FAILED, IGNORED, SKIPPED = "changed", "ok", "failed", "ignored", "skipped"
SAYS = "echo '{{ inventory_hostname }} NAME' >> '{{ log }}'"
SHAPES: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": (CHANGED, {"shell": SAYS}),
    "unchanged": (OK, {"shell": SAYS, "changed_when": False}),
    "fails": (FAILED, {"shell": SAYS + "; false"}),
    "fails and may": (IGNORED, {"shell": SAYS + "; false", "ignore_errors": True}),
    "must fail": (FAILED, {"shell": SAYS, "failed_when": True}),
    "fails by what it says": (FAILED, {"shell": SAYS, "register": "r", "failed_when": "r.rc == 0"}),
    "fails and is none": (CHANGED, {"shell": SAYS + "; false", "failed_when": False}),
    "skipped": (SKIPPED, {"shell": SAYS, "when": "false"}),
    "skipped by what is known": (
        SKIPPED,
        {"shell": SAYS, "when": "known is defined and known.rc is defined and known.rc == 9"},
    ),
    "registers": (CHANGED, {"shell": SAYS, "register": "known"}),
    "uses what was registered": (
        CHANGED,
        {"shell": SAYS, "when": "known is not defined or known is not failed"},
    ),
    "decided here": (OK, {"debug": {"msg": "{{ known.rc | default('none') }}"}}),
    "asserts": (OK, {"assert": {"that": "1 == 1"}}),
    "refuses": (FAILED, {"fail": {"msg": "no"}}),
    "missing": (FAILED, {"shell": "echo {{ [].x }}"}),
    "tries": (CHANGED, {"shell": SAYS, "retries": 1, "delay": 0}),
    "loops": (CHANGED, {"shell": SAYS, "loop": ["x", "y"]}),
    "loops and fails": (FAILED, {"shell": SAYS + "; test {{ item }} = y", "loop": ["x", "y"]}),
    "loops over nothing": (SKIPPED, {"shell": SAYS, "loop": []}),
    "elsewhere": (CHANGED, {"shell": SAYS, "delegate_to": "localhost"}),
}
SPEAKS_TWICE = {"loops", "loops and fails"}


@dataclass
class Expected:
    """What the model says of one node.

    Attributes:
        statuses: (task, status) in the order in which they end.
        lines: what is written to the log, in order.
    """

    statuses: list[tuple[str, str]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


class ModelFailureError(Exception):
    """A step failed in the model."""


@st.composite
def entries(draw: st.DrawFn, depth: int = 2) -> list[Any]:
    """A list of (shape, nodes that it is for) and blocks."""
    one = st.tuples(st.sampled_from(sorted(SHAPES)), st.sampled_from(["all", "n1", "n2", "n3"]))
    if depth == 0:
        return draw(st.lists(one, max_size=3))
    block = st.tuples(
        st.just("block"), entries(depth - 1), st.none() | entries(depth - 1), st.none() | entries(depth - 1)
    )
    return draw(st.lists(one | one | block, min_size=1, max_size=4))


class Writer:
    """Turns a shape into YAML's data, and gives each task a name of its own."""

    def __init__(self) -> None:
        self.number = 0

    def tasks(self, shape: list[Any]) -> tuple[list[Any], list[Any]]:
        made, named = [], []
        for entry in shape:
            if entry[0] == "block":
                body, body_named = self.tasks(entry[1])
                sections: dict[str, Any] = {"block": body}
                rest: list[Any] = []
                for key, part in (("rescue", entry[2]), ("always", entry[3])):
                    tasks, names = self.tasks(part) if part else ([], [])
                    if tasks:
                        sections[key] = tasks
                    rest.append(names)
                if body:
                    made.append(sections)
                    named.append(("block", body_named, *rest))
            else:
                self.number += 1
                name = f"t{self.number}"
                made.append(self.task(name, *entry))
                named.append((name, *entry))
        return made, named

    @staticmethod
    def task(name: str, shape: str, node: str) -> dict[str, Any]:
        task = {**SHAPES[shape][1], "name": name}
        if "shell" in task:
            task["shell"] = task["shell"].replace("NAME", name)
        if node != "all":
            conditions = [f"inventory_hostname == '{node}'", *([task["when"]] if "when" in task else [])]
            task["when"] = conditions
        return task


def expect(node: str, named: list[Any], expected: Expected, *, rescuable: bool) -> None:
    for entry in named:
        if entry[0] == "block":
            expect_block(node, entry, expected, rescuable=rescuable)
            continue
        name, shape, only = entry
        status = SHAPES[shape][0] if only in ("all", node) else SKIPPED
        shown = "rescued" if status == FAILED and rescuable else status
        expected.statuses.append((name, shown))
        if status != SKIPPED and "NAME" in SHAPES[shape][1].get("shell", ""):
            expected.lines += [name] * (2 if shape in SPEAKS_TWICE else 1)
        if status == FAILED:
            raise ModelFailureError


def expect_block(node: str, entry: Any, expected: Expected, *, rescuable: bool) -> None:
    _, body, rescue, always = entry
    try:
        try:
            expect(node, body, expected, rescuable=rescuable or bool(rescue))
        except ModelFailureError:
            if not rescue:
                raise
            expect(node, rescue, expected, rescuable=rescuable)
    except ModelFailureError:
        expect(node, always, expected, rescuable=rescuable)
        raise
    expect(node, always, expected, rescuable=rescuable)


@pytest.mark.parametrize("strategy", ["free", "linear"])
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(shape=entries(), nodes=st.integers(1, 3))
def test_a_play_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strategy: str, shape: list[Any], nodes: int
) -> None:
    (tmp_path / "home").mkdir(exist_ok=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    bench = Bench(tmp_path, nodes)
    monkeypatch.setattr(sessions, "find_driver", lambda name: RecordingDriver(name, bench))
    tasks, named = Writer().tasks(shape)
    out = run(bench, play(*tasks, strategy=strategy), seconds=30.0)
    lines = bench.lines()
    failed = False
    for node in (f"n{number}" for number in range(1, nodes + 1)):
        expected = Expected()
        try:
            expect(node, named, expected, rescuable=False)
        except ModelFailureError:
            failed = True
            assert node in out.lost()
        else:
            assert node not in out.lost()
        assert [(step.task.name, str(step.status)) for step in out.steps(node)] == expected.statuses
        assert [line.split()[1] for line in lines if line.startswith(f"{node} ")] == expected.lines
        # nobody is asked more often than there are tasks, and what is done is asked for once
        keys = [item.key for batch in out.batches.get(node, []) for item in batch.items]
        assert len(keys) == len(set(keys)) or any(shape == "tries" for shape in str(named).split("'"))
        count = out.ended.nodes[node]
        total = count.ok + count.changed + count.failed + count.skipped + count.rescued + count.ignored
        assert total == len(expected.statuses)
    assert out.ended.exit_code == int(failed)
    assert {step.status for step in out.steps()} <= set(Status)
