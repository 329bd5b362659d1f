"""Reserve+release, durable, beside labgrid's reserve+cancel, which is not: one process, eight, a queue, many nodes."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import venv
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import quantiles
from typing import TYPE_CHECKING

from tests.benchmarks.measure import busy, noise
from tests.benchmarks.tools import HERE, REPOSITORY, environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

ALONE, EIGHT = "hivectl, 1 process", "hivectl, 8 processes"
QUEUE, LARGE, ANY = (
    "hivectl, 1 process, 300 wait",
    "hivectl, 1 process, 1,000 nodes",
    "hivectl, 1 process, one of 1,000 nodes",
)
PEER, PEER_EIGHT = "labgrid, 1 client", "labgrid, 8 clients"
PAIRS = 10_000
FEW_PAIRS = 2_000
NODES = 50
MANY_NODES = 1000
WAITING = 300
TIMEOUT = 600.0


@dataclass(frozen=True, slots=True)
class Pairs:
    """What reserving and releasing came to.

    Attributes:
        name: as in the table.
        pairs: how many.
        rate: of all processes together, per second.
        p50: milliseconds of a pair; likewise the others.
        cpu: milliseconds of the client's CPU a pair; the start of the process is part of it.
        others: share of the machine's CPU that went to others, from 0 to 1.
    """

    name: str
    pairs: int
    rate: float
    p50: float
    p99: float
    slowest: float
    cpu: float
    others: float


def run_reservations(folder: Path, peers: Path, say: Callable[[str], None]) -> tuple[list[Pairs], list[str]]:
    """Measure all of it, hivectl and labgrid in turns.

    Args:
        folder: for stores.
        peers: venv of labgrid, made if absent.
        say: told of each result.
    """
    made, faults = [], []

    def add(name: str, commands: Sequence[Sequence[str]]) -> None:
        try:
            found = _together(name, commands, folder)
        except (subprocess.SubprocessError, OSError, ValueError) as fault:
            faults.append(f"{name}: {fault}")
            return
        made.append(found)
        say(f"{name}: {found.rate:.0f} pairs/s, p50 {found.p50:.2f} ms, slowest {found.slowest:.1f} ms")

    def ours(
        name: str, processes: int, pairs: int, nodes: int = NODES, waiting: int = 0, any_of: int = 0
    ) -> None:
        shutil.rmtree(folder / "lab", ignore_errors=True)
        base = [
            sys.executable,
            "-m",
            "tests.benchmarks.reserving",
            str(folder / "lab" / "lab.db"),
            str(nodes),
        ]
        words = [str(pairs // processes), "{}", str(waiting), str(any_of)]
        add(
            name,
            [[*base, *(word.format(number * (nodes // 8)) for word in words)] for number in range(processes)],
        )

    ours(ALONE, 1, PAIRS)
    with ExitStack() as stack:
        try:
            programs = make_labgrid(peers)
            address = stack.enter_context(_coordinator(programs, folder))
        except (subprocess.SubprocessError, OSError) as fault:
            faults.append(f"labgrid could not be installed or started: {fault}")
        else:
            client = [str(programs / "python"), str(HERE / "labgrid_client.py"), address]
            add(PEER, [[*client, "alone", str(FEW_PAIRS)]])
            add(PEER_EIGHT, [[*client, f"place{one}", str(FEW_PAIRS // 8)] for one in range(8)])
    ours(EIGHT, 8, PAIRS)
    ours(QUEUE, 1, FEW_PAIRS, waiting=WAITING)
    ours(LARGE, 1, FEW_PAIRS, MANY_NODES)
    ours(ANY, 1, FEW_PAIRS, MANY_NODES, any_of=1)
    return made, faults


def make_labgrid(folder: Path) -> Path:
    """Make a venv with labgrid unless it is there; returns the folder of its programs."""
    programs = folder / "bin"
    if not (programs / "labgrid-coordinator").exists():
        venv.create(folder, with_pip=True)
        requirements = str(HERE / "labgrid.txt")
        subprocess.run(
            [programs / "pip", "install", "-q", "-r", requirements], check=True, env=os.environ.copy()
        )
    return programs


@contextmanager
def _coordinator(programs: Path, folder: Path) -> Iterator[str]:
    """Run labgrid's coordinator; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    home = folder / "labgrid"
    home.mkdir()
    with subprocess.Popen(
        [str(programs / "labgrid-coordinator"), "-l", address],
        cwd=home,
        env=environment(home, {}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as running:
        try:
            _until_reachable(address)
            yield address
        finally:
            running.kill()


def _until_reachable(address: str) -> None:
    host, _, port = address.rpartition(":")
    end = time.monotonic() + 30
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=5).close()
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return


def _together(name: str, commands: Sequence[Sequence[str]], folder: Path) -> Pairs:
    """Run processes at the same time, and put together what they measured."""
    variables = environment(folder, {"PYTHONPATH": str(REPOSITORY)})
    with ExitStack() as stack:
        running = []
        for command in commands:
            process = stack.enter_context(
                subprocess.Popen(
                    command,
                    cwd=REPOSITORY,
                    env=variables,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            stack.callback(process.kill)
            running.append(process)
        for process in running:
            assert process.stdout is not None
            if process.stdout.readline() != "ready\n":
                raise ValueError(process.communicate(timeout=TIMEOUT)[1][-2000:])
        began, worked = time.monotonic(), busy()
        for process in running:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        outputs = [process.communicate(timeout=TIMEOUT) for process in running]
        taken = time.monotonic() - began
        if any(process.returncode for process in running):
            raise ValueError(outputs[0][1][-2000:])
        results = [json.loads(output) for output, _ in outputs]
        others = noise(began, worked, sum(result["cpu"] for result in results))
    times = sorted(one for result in results for one in result["times"])
    hundredths = quantiles(times, n=100)
    cpu = sum(result["cpu"] for result in results) / len(times)
    return Pairs(
        name,
        len(times),
        len(times) / taken,
        hundredths[49] * 1000,
        hundredths[98] * 1000,
        times[-1] * 1000,
        cpu * 1000,
        others,
    )
