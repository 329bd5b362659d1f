"""The command line as a user calls it: a process of its own, with a home and a lab of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

PROGRAM = (sys.executable, "-c", "from hivectl.cli.main import run; run()")
PACKAGE = Path(__file__).parents[2]


@dataclass(frozen=True)
class Lab:
    """A folder with an inventory, and `hivectl` called in it.

    Attributes:
        names_store: whether HIVECTL_STORE names its store; False: its inventory does.
    """

    folder: Path
    names_store: bool = True

    def environment(self, **more: str) -> dict[str, str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("HIVECTL_", "XDG_"))
        }
        kept.pop("NO_COLOR", None)
        own = {"HOME": str(self.folder / "home"), "PYTHONPATH": str(PACKAGE), "TERM": "xterm-256color"}
        if self.names_store:
            own["HIVECTL_STORE"] = str(self.folder / "state" / "lab.db")
        return {**kept, **own, **more}

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return self.run_with(PROGRAM[-1], *arguments, **more)

    def run_with(self, code: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run Python that calls hivectl."""
        return subprocess.run(
            [*PROGRAM[:-1], code, *arguments],
            cwd=self.folder,
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def start(
        self, *arguments: str, stdout: int | IO[Any] = subprocess.PIPE, **more: str
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*PROGRAM, *arguments],
            cwd=self.folder,
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


INVENTORY = """\
version: 1
vars: {site: basel, place: "{{ site }} lab", token: !env TEST_TOKEN}
nodes:
  m[1:3]:
    driver: local
    labels: {kind: microscope}
    vars: {pump: peristaltic}
  far: {driver: ssh, host: 127.0.0.1, port: 1, labels: {kind: remote}}
hives:
  hive1: {nodes: [m1, m2], vars: {objective: 20x}}
"""


def make_lab(folder: Path, inventory: str = INVENTORY) -> Lab:
    lab = Lab(folder)
    (folder / "home").mkdir()
    lab.write("inventory/lab.yml", inventory)
    return lab
