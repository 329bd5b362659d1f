"""Run one program and write down what it cost: nothing of the hosts, everything of the controller.

    python -I -S launch.py RESULT.json SECONDS PROGRAM ARGUMENT...

After SECONDS the program and all that it started are killed, and its exit code is -9.

A process of its own, so that RUSAGE_CHILDREN holds the program and what it left behind (OpenSSH's control
masters: they are adopted by prctl(2) PR_SET_CHILD_SUBREAPER, ended, and counted), and nothing else.
Standard library only: what is imported here is resident while the program runs.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import sys
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>
# sampling costs at most a thirtieth of the time
SHARE = 30
SHORTEST = 0.04


def descendants(pid: int) -> list[int]:
    """Return every process below one."""
    found = []
    with contextlib.suppress(OSError):  # it has just ended
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *descendants(int(child))]
    return found


def proportional(pid: int) -> int:
    """Return a process's proportional set size in KiB (proc(5), smaps_rollup); 0 once it has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def watch(program: int, timeout: float) -> tuple[int, int]:
    """Wait for the program's end; returns the highest sum of PSS in KiB, and of processes, that was seen."""
    end = time.monotonic() + timeout
    ended = select.poll()
    ended.register(os.pidfd_open(program), select.POLLIN)
    memory = processes = 0
    interval = SHORTEST
    while not ended.poll(interval * 1000):
        began = time.monotonic()
        pids = [program, *descendants(program)]
        if began > end:
            signal_all(pids, signal.SIGKILL)
        memory = max(memory, sum(map(proportional, pids)))
        processes = max(processes, len(pids))
        interval = max(SHORTEST, (time.monotonic() - began) * SHARE)
    return memory, processes


def signal_all(pids: list[int], number: signal.Signals) -> None:
    """Send a signal to those that are still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def end_adopted() -> None:
    """End what the program left behind, and wait for it."""
    while left := descendants(os.getpid()):
        signal_all(left, signal.SIGTERM)
        os.waitpid(-1, 0)


def main() -> None:
    """Run, wait, write down."""
    result, timeout, *argv = sys.argv[1:]
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    began = time.monotonic()
    program = os.posix_spawnp(argv[0], argv, os.environ)
    memory, processes = watch(program, float(timeout))
    wall = time.monotonic() - began
    status = os.waitpid(program, 0)[1]
    end_adopted()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cost = {
        "rc": os.waitstatus_to_exitcode(status),
        "wall": wall,
        "cpu": used.ru_utime + used.ru_stime,
        "rss": used.ru_maxrss * 1024 / 1e6,
        "pss": memory * 1024 / 1e6,
        "processes": processes,
    }
    Path(result).write_text(json.dumps(cost))


if __name__ == "__main__":
    main()
