"""What one run of a program cost the controller."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.job import JobError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LAUNCH = Path(__file__).with_name("launch.py")
SHOWN = 3000
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a program cost.

    Attributes:
        wall: seconds from its start to its end.
        cpu: user and system seconds of it and of all its descendants.
        rss: highest resident set of its largest process, in MB (1e6 bytes).
        pss: highest sum of the proportional sets that sampling saw, in MB; 0 when it was too short.
        processes: most processes that sampling saw at once.
        output: what it wrote to stdout.
    """

    wall: float
    cpu: float
    rss: float
    pss: float
    processes: int
    output: str

    @property
    def memory(self) -> float:
        """The larger of what its largest process and what all of them together held, in MB."""
        return max(self.rss, self.pss)


def busy() -> float:
    """Return the CPU seconds that the whole machine has worked (proc(5), stat: all but idle and iowait)."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICK


def noise(began: float, worked: float, own: float) -> float:
    """Return the share of the machine's CPU, from 0 to 1, that went to what is not measured.

    Args:
        began: time.monotonic() at the start.
        worked: busy() at the start.
        own: CPU seconds of what is measured.
    """
    capacity = (time.monotonic() - began) * (os.cpu_count() or 1)
    return max(0.0, busy() - worked - own) / capacity


def measure(
    argv: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    *,
    expected: int = 0,
    timeout: float = 900,
) -> Cost:
    """Run a program and return what it cost.

    Args:
        argv: the program.
        environment: all of its environment.
        folder: its working directory.
        expected: its exit code.
        timeout: seconds after which it is killed.

    Raises:
        JobError: it ended with another code, or not at all; with the end of its output.
    """
    with tempfile.TemporaryDirectory() as scratch:
        result, stdout, stderr = (Path(scratch, name) for name in ("result", "stdout", "stderr"))
        with stdout.open("wb") as out, stderr.open("wb") as err:
            subprocess.run(
                [sys.executable, "-I", "-S", str(LAUNCH), str(result), str(timeout), *argv],
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                check=True,
            )
        cost = json.loads(result.read_text())
        output = stdout.read_text(errors="replace")
        code = cost.pop("rc")
        if code != expected:
            how = f"was killed after {timeout:.0f} s" if cost["wall"] > timeout else f"ended with {code}"
            raise JobError(
                f"{' '.join(argv)}\n{how}\n{output[-SHOWN:]}\n{stderr.read_text(errors='replace')[-SHOWN:]}"
            )
        return Cost(output=output, **cost)
