"""A role of sixty tasks asks a node no oftener than its facts and results demand."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.engine.events import StepStarted
from hivectl.engine.options import RunOptions
from hivectl.engine.run import run_playbook
from tests.benchmarks.job import HERE
from tests.benchmarks.role_job import HANDLED, LOG, TURNS
from tests.support.runs import Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from hivectl.engine.events import RunEnded
    from tests.support.runs import Bench

# `'\\.'` in a template, which people write in regular expressions, and Python's codec would rather not see
pytestmark = pytest.mark.filterwarnings("ignore:invalid escape sequence:DeprecationWarning")

# the first task of each round trip, and why the one before could not go on
FRESH = [
    ("facts", "the play gathers facts, and the first task asks for one"),
    ("Folders", "facts are known"),
    ("Group", "`exporter_install` is made of what `Is it installed` has found"),
    ("Capabilities of the program", "the loop of `Remove older releases` is what `Older releases` has found"),
    ("Unit", "`failed_when` of `Check the configuration`"),
    # and with it the handlers, and what follows them up to the next question
    ("Start it", "it is started where `State of the service` has found none"),
    ("Remember the release", "`It runs` asserts what `Ask the service` has said"),
]
AGAIN = [
    *FRESH[:2],
    ("Which version is installed", "it is asked where `Is it installed` has found one"),
    ("Group", "`exporter_install` is made of what `Which version is installed` has said"),
    *FRESH[3:5],
    ("Enable it", "it is started where `State of the service` has found none"),
    FRESH[-1],
]


@pytest.fixture
def role(bench: Bench) -> Path:
    shutil.copytree(HERE / "role", bench.folder / "role")
    (bench.folder / "tree").mkdir()
    return bench.folder / "role" / "site.yml"


def turns(bench: Bench, playbook: Path) -> list[str]:
    """Run it, and return the first task of each batch."""
    firsts: list[str] = []

    def before_batch(_: str, batch: Any) -> None:
        if batch.items[0].operation.name == "facts":
            firsts.append("facts")
            return
        firsts.append(
            [event for event in bench.events if isinstance(event, StepStarted)][-1].task.name.split(" : ")[-1]
        )

    bench.before_batch = before_batch  # type: ignore[method-assign, assignment]  # what benches are made for
    bench.events = []
    options = RunOptions(
        playbook=playbook,
        extra_variables={"tree": str(bench.folder / "tree"), "site": "basel"},
        tags=frozenset(),
        skip_tags=frozenset(),
    )

    async def whole() -> RunEnded:
        async with asyncio.timeout(60):
            return await run_playbook(bench.lab(), options, [bench.listener])

    ended = asyncio.run(whole())
    assert ended.exit_code == 0, Outcome(ended, bench.events).lost()
    return firsts


def test_a_role_of_sixty_tasks_takes_the_turns_that_its_results_demand(bench: Bench, role: Path) -> None:
    assert turns(bench, role) == [first for first, _ in FRESH]
    assert (bench.folder / "tree" / LOG).read_bytes() == HANDLED
    assert turns(bench, role) == [first for first, _ in AGAIN]
    assert (bench.folder / "tree" / LOG).read_bytes() == HANDLED  # nothing was notified again
    assert max(len(FRESH), len(AGAIN)) == TURNS


def test_facts_that_nobody_asked_for_beforehand_come_in_one_turn(bench: Bench, role: Path) -> None:
    role.write_text(role.read_text().replace("gather_facts: true", "become: false"))
    assert turns(bench, role) == [first for first, _ in FRESH]
