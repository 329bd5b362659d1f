"""What was applied is remembered, and a look at it tells what somebody else has changed from what is only pending."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from hivectl.store.applied import Applied, AppliedRow
from tests.support.runs import Bench, make_bench

if TYPE_CHECKING:
    from pathlib import Path

PLAYBOOK = """
- hosts: all
  tasks:
    - {name: Write, copy: {content: "%s", dest: "~/{{ inventory_hostname }}"}}
    - {name: Other, copy: {content: b, dest: "~/other {{ inventory_hostname }}"}, tags: [other]}
    - {name: Command, command: "true"}
    - {name: Touch, file: {path: "~/touched", state: touch}}
    - {name: Say, debug: {msg: x}}
"""


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return make_bench(tmp_path, monkeypatch, 2)


def row(bench: Bench, node: str = "n1") -> AppliedRow | None:
    with contextlib.closing(bench.lab().open_store()) as store:
        rows = Applied(store).all().get(node, [])
    return rows[0] if rows else None


def known(bench: Bench, node: str = "n1") -> AppliedRow:
    found = row(bench, node)
    assert found is not None
    return found


def test_nothing_is_known_before_anything_was_applied(bench: Bench) -> None:
    bench.run(PLAYBOOK % "a", mode="plan")
    assert row(bench) is None


@pytest.mark.parametrize("mode", ["plan", "check", "refresh"])
def test_what_somebody_else_changed_is_drift(bench: Bench, mode: str) -> None:
    run = bench.run(PLAYBOOK % "a").ended.run
    assert (known(bench).run, known(bench).whole, known(bench).drifted) == (run, True, None)
    looked = bench.run(PLAYBOOK % "a", mode=mode)
    assert known(bench).looked == looked.ended.time
    assert known(bench).drifted is None
    (bench.folder / "home/n1").write_text("somebody's")
    first = bench.run(PLAYBOOK % "a", mode=mode)
    assert known(bench).drifted == first.ended.time
    assert known(bench).what == ("Write",)
    assert known(bench, "n2").drifted is None
    assert [event.task.name for event in first.steps() if event.drifted] == ["Write"]
    bench.run(PLAYBOOK % "a", mode=mode)
    assert known(bench).drifted == first.ended.time, "since it was first seen"
    (bench.folder / "home/n1").write_text("a")
    bench.run(PLAYBOOK % "a", mode=mode)
    assert (known(bench).drifted, known(bench).what) == (None, ())


def test_applying_again_ends_it(bench: Bench) -> None:
    bench.run(PLAYBOOK % "a")
    (bench.folder / "home/n1").unlink()
    bench.run(PLAYBOOK % "a", mode="plan")
    bench.run(PLAYBOOK % "a")
    assert (known(bench).drifted, known(bench).what, known(bench).looked) == (None, (), None)


def test_what_is_only_pending_is_no_drift(bench: Bench) -> None:
    bench.run(PLAYBOOK % "a")
    (bench.folder / "home/other n1").unlink()
    looked = bench.run(PLAYBOOK % "changed", mode="refresh")
    assert known(bench).what == ("Other",)
    assert looked.statuses("n1") == {
        "Write": "skipped",
        "Other": "changed",
        "Command": "skipped",
        "Touch": "skipped",
        "Say": "ok",
    }
    assert looked.ended.nodes["n1"].changed == 1
    assert looked.ended.nodes["n2"].changed == 0
    assert (bench.folder / "home/n1").read_text() == "a"


def test_tasks_that_undo_each_other_are_nobody_elses_doing(bench: Bench) -> None:
    playbook = (
        PLAYBOOK % "a" + "    - {name: Line, lineinfile: {path: '~/{{ inventory_hostname }}', line: more}}\n"
    )
    bench.run(playbook)
    looked = bench.run(playbook, mode="refresh")
    assert looked.ended.nodes["n1"].changed == 0


def test_a_part_of_it_says_nothing_of_the_rest(bench: Bench) -> None:
    bench.run(PLAYBOOK % "a", tags=["other"])
    assert not known(bench).whole
    bench.run(PLAYBOOK % "a")
    (bench.folder / "home/n1").unlink()
    bench.run(PLAYBOOK % "a", mode="plan")
    assert known(bench).what == ("Write",)
    bench.run(PLAYBOOK % "a", mode="plan", tags=["other"])
    assert known(bench).what == ("Write",)
    bench.run(PLAYBOOK % "a", tags=["other"])
    assert known(bench).what == ("Write",)
    bench.run(PLAYBOOK % "a", mode="plan")
    assert known(bench).what == ("Write",), "what was applied before is still known"


def test_a_node_that_failed_keeps_what_it_has_got(bench: Bench) -> None:
    bench.run(PLAYBOOK % "a" + "    - {name: Fails, fail: {msg: x}, when: inventory_hostname == 'n1'}\n")
    assert not known(bench).whole
    assert known(bench, "n2").whole
    (bench.folder / "home/n1").unlink()
    bench.run(PLAYBOOK % "a", mode="plan")
    assert known(bench).what == ("Write",)
