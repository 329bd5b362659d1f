"""The rounds: each tool does the job, then does it again with nothing to do; all take turns."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.job import JobError, identities, verify_untouched
from tests.benchmarks.measure import TICK, Cost, busy, measure, noise
from tests.benchmarks.tools import Stage, environment
from tests.support.sshd import children

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.benchmarks.job import Target
    from tests.benchmarks.tools import Tool

FRESH, REPEATED = "fresh", "repeated"
# the tools that promise one channel for each host
ONE_CHANNEL = frozenset({"floor", "floor-python", "turns", "hivectl"})
SETTLED = 60.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of one tool.

    Attributes:
        hosts: how many.
        tool: its name.
        workload: FRESH or REPEATED.
        cost: of the controller.
        target_cpu: CPU seconds of all hosts, logins included.
        channels: SSH channels a host (the highest).
        connections: SSH connections a host (the highest).
        others: share of the machine's CPU that went to neither, from 0 to 1: how noisy the machine was.
    """

    hosts: int
    tool: str
    workload: str
    cost: Cost
    target_cpu: float
    channels: int
    connections: int
    others: float


def target_cpu(targets: Sequence[Target]) -> float:
    """Return the CPU seconds of the hosts' sshds and of all their ended children (proc(5), stat, 14 to 17)."""
    ticks = 0
    for target in targets:
        assert target.sshd.process is not None
        fields = Path(f"/proc/{target.sshd.process.pid}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return ticks / TICK


def settle(targets: Sequence[Target]) -> None:
    """Wait until no host serves a connection any more, so that the next tool has the machine for itself."""
    end = time.monotonic() + SETTLED
    for target in targets:
        assert target.sshd.process is not None
        while children(target.sshd.process.pid):
            if time.monotonic() > end:
                raise JobError(
                    f"{target.name} still serves a connection, {SETTLED:.0f} s after the tool ended"
                )
            time.sleep(0.01)  # sshd tells nobody when a connection has ended


def run_once(tool: Tool, workload: str, stage: Stage) -> Sample:
    """Run a tool once, and check what it did and how."""
    argv, additions = tool.prepare(stage)
    for target in stage.targets:
        target.sshd.forget()
    used, worked, began = target_cpu(stage.targets), busy(), time.monotonic()
    cost = measure(argv, environment(stage.home, additions), stage.project)
    settle(stage.targets)
    used = target_cpu(stage.targets) - used
    others = noise(began, worked, used + cost.cpu)
    if tool.does_job:
        stage.job.verify(f"{tool.name}, {workload}", stage.targets, stage.project)
    channels = [target.sshd.channels() for target in stage.targets]
    connections = [target.sshd.logins() for target in stage.targets]
    if tool.name in ONE_CHANNEL and set(channels) | set(connections) != {1}:
        raise JobError(
            f"{tool.name}, {workload}: {channels} channels, {connections} connections, not one a host"
        )
    return Sample(
        len(stage.targets), tool.name, workload, cost, used, max(channels), max(connections), others
    )


def run_tool(tool: Tool, stage: Stage) -> list[Sample]:
    """Let a tool do the job on fresh hosts, and again."""
    for target in stage.targets:
        stage.job.fresh(target)
    shutil.rmtree(stage.home, ignore_errors=True)
    stage.home.mkdir(mode=0o700)
    samples = [run_once(tool, FRESH, stage)]
    before = [identities(target.tree) for target in stage.targets]
    samples.append(run_once(tool, REPEATED, stage))
    for target, old in zip(stage.targets, before, strict=True):
        verify_untouched(tool.name, old, identities(target.tree))
    return samples


def run_rounds(
    tools: Sequence[Tool], rounds: Callable[[str], int], stage: Stage, say: Callable[[str], None]
) -> tuple[list[Sample], list[str]]:
    """Let the tools take turns: A B C A B C.

    Args:
        tools: in this order.
        rounds: how many rounds a tool takes part in, by its name.
        stage: hosts and folders.
        say: told of each run.

    Returns:
        What was measured, and what went wrong; a tool that failed is not run again.
    """
    samples: list[Sample] = []
    faults: list[str] = []
    failed: set[str] = set()
    for number in range(max(rounds(tool.name) for tool in tools)):
        for tool in tools:
            if number >= rounds(tool.name) or tool.name in failed:
                continue
            try:
                made = run_tool(tool, stage)
            except JobError as fault:
                failed.add(tool.name)
                faults.append(str(fault))
                say(f"{tool.name}, {len(stage.targets)} hosts: {fault}")
                continue
            samples += made
            for sample in made:
                say(
                    f"{sample.hosts} hosts, {sample.workload}, {tool.name}: {sample.cost.wall:.2f} s wall, "
                    f"{sample.cost.cpu:.2f} s CPU, {sample.cost.memory:.0f} MB, others {sample.others:.0%}"
                )
    return samples, faults
