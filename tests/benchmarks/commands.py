"""What single commands of hivectl cost that touch no node: start-up, validation, planning."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.benchmarks.job import JobError
from tests.benchmarks.measure import Cost, busy, measure, noise
from tests.benchmarks.tools import REPOSITORY, environment, hivectl_program

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

NODES = 1000
TASKS = 100
TIMEOUT = 60.0
HELP = "--help"
VALIDATE = "validate, small inventory"
STATUS = "status, small inventory"
STATUS_LARGE = "status, 1,000 nodes"
VALIDATE_LARGE = "validate, 1,000 nodes"
PLAN = "plan in process, 1,000 x 100"
PLAN_SERIAL = "plan in process, 1,000 x 100, serial: 1"
GRAPH = "graph, 1,000 x 100"
SMALL = """\
version: 1
vars: {site: basel}
defaults:
  ssh: {user: pi}
nodes:
  m[1:4]:
    driver: ssh
    host: "{{ name }}.lab.example"
    labels: {kind: microscope}
    vars: {pump: peristaltic}
  bench1: {driver: ssh, host: bench1.lab.example}
  here: {driver: local}
hives:
  hive1: {nodes: [m1, m2, m3, m4], vars: {objective: 20x}}
  benches: {nodes: [bench1, here]}
limits: {usb-hub: 1}
"""


@dataclass(frozen=True, slots=True)
class Case:
    """One command.

    Attributes:
        name: as in the table.
        argv: the program.
        runs: how many times it is run; the median counts.
    """

    name: str
    argv: tuple[str, ...]
    runs: int


@dataclass(frozen=True, slots=True)
class CommandSample:
    """One run of one command.

    Attributes:
        others: share of the machine's CPU that went to others, from 0 to 1.
    """

    name: str
    cost: Cost
    others: float


def large_inventory() -> str:
    """Return an inventory of NODES nodes, each written out, in hives of a hundred."""
    nodes = {
        f"node{number:04d}": {
            "driver": "ssh",
            "host": f"10.0.{number // 250}.{number % 250 + 1}",
            "port": 22,
            "labels": {"kind": "microscope" if number % 2 else "bench", "row": str(number % 10)},
            "vars": {"serial": f"E66{number:05d}", "slot": number},
        }
        for number in range(NODES)
    }
    names = list(nodes)
    hives = {
        f"hive{first // 100}": {"nodes": names[first : first + 100], "vars": {"rack": first // 100}}
        for first in range(0, NODES, 100)
    }
    whole = {"version": 1, "vars": {"site": "basel"}, "defaults": {"ssh": {"user": "pi"}}}
    return _yaml({**whole, "nodes": nodes, "hives": hives, "limits": {"usb-hub": 1}})


def large_playbook(serial: int | None = None) -> str:
    """Return a play of TASKS tasks for all nodes: templates, conditions, loops, ids and needs.

    Args:
        serial: so many nodes at once; 1 makes NODES x TASKS vertices, the largest graph that can be asked for.
    """
    tasks: list[dict[str, Any]] = []
    for number in range(TASKS):
        task: dict[str, Any] = {"name": f"Task {number}", "id": f"task{number}"}
        match number % 5:
            case 0:
                task["command"] = {
                    "argv": ["touch", f"/srv/{number}-{{{{ slot }}}}"],
                    "creates": f"/srv/{number}",
                }
            case 1:
                task["copy"] = {"content": "{{ serial }}\n", "dest": f"/srv/file{number}", "mode": "0644"}
            case 2:
                task["file"] = {"path": "/srv/{{ item }}", "state": "directory"}
                task["loop"] = ["a", "b", "c"]
            case 3:
                task["lineinfile"] = {"path": "/srv/list", "line": f"{number} {{{{ site }}}}"}
                task["when"] = "rack > 4"
            case _:
                task["command"] = {"argv": ["true"]}
                task["needs"] = [f"task{number - 4}"]
                task["changed_when"] = False
        tasks.append(task)
    play: dict[str, Any] = {"name": "A hundred tasks", "hosts": "all", "gather_facts": False}
    if serial:
        play["serial"] = serial
    return _yaml([{**play, "tasks": tasks}])


def cases(folder: Path, small_runs: int, large_runs: int) -> list[Case]:
    """Write the inputs into `folder` and return the commands."""
    names = ("small.yml", "large.yml", "playbook.yml", "serial.yml")
    small, large, playbook, serial = (folder / name for name in names)
    small.write_text(SMALL)
    large.write_text(large_inventory())
    playbook.write_text(large_playbook())
    serial.write_text(large_playbook(1))
    planning = (sys.executable, "-m", "tests.benchmarks.planning", str(large))
    program = hivectl_program()
    return [
        Case("python -c pass", (sys.executable, "-c", "pass"), small_runs),
        Case(HELP, (*program, "--help"), small_runs),
        Case(VALIDATE, (*program, "validate", str(small)), small_runs),
        Case(STATUS, (*program, "status", "-i", str(small)), small_runs),
        Case(STATUS_LARGE, (*program, "status", "-i", str(large)), large_runs),
        Case(VALIDATE_LARGE, (*program, "validate", str(large)), large_runs),
        Case(PLAN, (*planning, str(playbook)), large_runs),
        Case(PLAN_SERIAL, (*planning, str(serial)), large_runs),
        Case(GRAPH, (*program, "graph", "-i", str(large), str(playbook)), large_runs),
    ]


def run_cases(
    wanted: Sequence[Case], folder: Path, say: Callable[[str], None]
) -> tuple[list[CommandSample], list[str]]:
    """Let the commands take turns, after one run each that does not count (it compiles bytecode).

    Returns:
        What was measured, and what went wrong; a command that failed is not run again.
    """
    samples: list[CommandSample] = []
    faults: list[str] = []
    failed: set[str] = set()
    variables = environment(folder, {"HIVECTL_STORE": str(folder / "lab.db"), "PYTHONPATH": str(REPOSITORY)})
    for number in range(1 + max(case.runs for case in wanted)):
        for case in wanted:
            if number > case.runs or case.name in failed:
                continue
            began, worked = time.monotonic(), busy()
            try:
                cost = measure(case.argv, variables, folder, timeout=TIMEOUT)
            except JobError as fault:
                failed.add(case.name)
                faults.append(str(fault))
                say(str(fault))
                continue
            if number == 1:
                say(
                    f"{case.name}: {cost.cpu * 1000:.0f} ms CPU, {cost.wall:.2f} s wall; {last_line(cost.output)}"
                )
            if number:
                samples.append(CommandSample(case.name, cost, noise(began, worked, cost.cpu)))
    return samples, faults


def last_line(output: str) -> str:
    """Return the end of what a program wrote."""
    return (output.splitlines() or [""])[-1][:200]


def _yaml(value: object) -> str:
    import yaml

    # the way people write it, not as JSON: parsing it is part of what is measured
    text: str = yaml.safe_dump(value, sort_keys=False, width=110)
    return text
