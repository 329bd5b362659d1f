"""The schema of events says what runs emit, and its first version stands as it was given out."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.cli.schema import EVENTS_TABLE
from hivectl.cli.schema import events_table as table_of_files
from hivectl.engine.event_schemas import events_schema, events_table
from hivectl.engine.events import EVENTS_VERSION
from tests.support.event_schema import check_events
from tests.support.runs import Bench, make_bench

if TYPE_CHECKING:
    from hivectl.engine.events import Event
    from tests.support.runs import Outcome

SCHEMAS = Path(__file__).parents[2] / "schemas"
# what version 1 promises: never to be changed, only added to
PROMISED = Path(__file__).with_name("events_version_1.json")
PLAYBOOK = r"""
- name: First
  hosts: all
  tasks:
    - {name: Write, copy: {content: "{{ inventory_hostname }}", dest: ~/file}, notify: Tell}
    - {name: Lasts, command: sleep 0.3}
    - {name: Loop, command: "echo {{ item }}", loop: [a, b], register: said}
    - {name: Skip, command: "true", when: false}
    - {name: Not so, command: "false", ignore_errors: true}
    - block: [{name: Breaks, command: "false"}]
      rescue: [{name: Mends, debug: {msg: mended}}]
    - {name: No number, set_fact: {huge: "{{ '1e999' | float }}"}}
    - {name: Odd bytes, command: {argv: [printf, 'a\xff\033[31m']}}
    - {name: Hidden, command: echo hush, no_log: true}
    - {name: Once, debug: {var: said}, run_once: true}
    - {name: Nobody, command: "true", notify: "{{ 'Unheard of' }}"}
  handlers:
    - {name: Tell, debug: {msg: told}}
- name: Second
  hosts: n1
  serial: 1
  tasks:
    - {name: Dies, fail: {msg: dead}}
    - {name: Never, debug: {msg: never}}
"""


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return make_bench(tmp_path, monkeypatch, 2, "  far: {driver: ssh, host: 127.0.0.1, port: 1}\n")


def run(bench: Bench, **options: Any) -> Outcome:
    return bench.run(PLAYBOOK, word_after=0.01, **options)


@pytest.mark.parametrize("mode", ["apply", "check", "plan"])
def test_every_line_of_a_run_is_as_the_schema_says(bench: Bench, mode: str) -> None:
    seen = check_events(run(bench, mode=mode, diff=True).events)
    assert seen >= {"run_started", "play_started", "step_finished", "node_lost", "run_ended"}
    if mode == "apply":
        # parts of results come from modules that have some: see tests of `evaluate`
        assert seen | {"partial"} == {
            one["properties"]["event"]["const"] for one in definitions().values() if is_event(one)
        }


def test_a_run_that_is_interrupted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    waited = asyncio.Event()
    take = bench.events.append

    def listen(event: Event) -> None:
        take(event)
        if event.event == "waiting":
            waited.set()

    monkeypatch.setattr(bench, "listener", listen)

    async def interrupted() -> None:
        task = asyncio.ensure_future(
            bench.start("- hosts: n1\n  tasks: [{name: Sleep, command: sleep 60}]", word_after=0.01)
        )
        await waited.wait()
        task.cancel("interrupted")
        await task

    asyncio.run(interrupted())
    check_events(bench.events)
    assert bench.events[-1].event == "run_ended"


def definitions() -> dict[str, Any]:
    made: dict[str, Any] = events_schema()["$defs"]
    return made


def is_event(one: dict[str, Any]) -> bool:
    return "event" in one.get("properties", {})


def test_everything_is_explained() -> None:
    for name, one in definitions().items():
        assert one["description"], name
        for field, of in one.get("properties", {}).items():
            assert of.get("description"), f"{name}.{field} says nothing of what it means"
            assert f"`{field}`" in events_table()


def test_the_table_in_the_repository_is_current() -> None:
    stored = (SCHEMAS / EVENTS_TABLE).read_text(encoding="utf-8")
    assert stored == table_of_files(), "run `hivectl schema --output schemas`"


def test_version_1_keeps_what_it_promised() -> None:
    """Adding is allowed, and belongs into the promise too; whatever else differs needs another version."""
    assert EVENTS_VERSION == 1
    now, promised = promises(), json.loads(PROMISED.read_text(encoding="utf-8"))
    for name, fields in promised.items():
        assert name in now, f"{name} was promised"
        if isinstance(fields, list):
            assert set(fields) <= set(now[name]), f"words of {name} were promised"
            continue
        for field, kind in fields.items():
            assert now[name].get(field) == kind, f"{name}.{field} was promised as {kind}"
    assert now == promised, f"promise what is new: write {json.dumps(now, indent=1)} into {PROMISED.name}"


def promises() -> dict[str, Any]:
    return {
        name: one["enum"] if "enum" in one else {key: bare(of) for key, of in one["properties"].items()}
        for name, one in definitions().items()
    }


def bare(schema: Any) -> Any:
    """Leave out what does not bind."""
    if isinstance(schema, dict):
        return {key: bare(value) for key, value in schema.items() if key != "description"}
    return [bare(one) for one in schema] if isinstance(schema, list) else schema
