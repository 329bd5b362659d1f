"""A folder of small files on a board by whole processes: `hivectl apply` of a playbook beside `mpremote cp -r`."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from tests.benchmarks.tools import hivectl_program

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

FRESH, SAME = "processes: 50 small files on an empty board", "processes: the same 50 files again"
OURS, THEIRS = "hivectl", "mpremote"
PLAYBOOK = """\
- hosts: all
  tasks:
    - sync: {{src: "{source}/", dest: /{name}}}
"""


def tools(port: str, source: Path, folder: Path) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Return what brings a folder on a board, by the tools' names, and its environment.

    Args:
        port: of the board.
        source: the folder.
        folder: for what the tools need.
    """
    folder.mkdir(exist_ok=True)
    inventory, playbook = folder / "lab.yml", folder / "sync.yml"
    inventory.write_text(f"version: 1\nnodes:\n  bench: {{driver: serial, port: {port}}}\n")
    playbook.write_text(PLAYBOOK.format(source=source, name=source.name))
    words = {
        OURS: [*hivectl_program(), "apply", "-i", str(inventory), str(playbook)],
        THEIRS: [sys.executable, "-m", "mpremote", "connect", port, "resume", "cp", "-r", str(source), ":"],
    }
    return words, {**os.environ, "HIVECTL_STORE": str(folder / "lab.db")}


async def syncs(
    words: Mapping[str, Sequence[str]],
    output: Callable[[Sequence[str]], Awaitable[str]],
    wipe: Callable[[], None],
    verify: Callable[[], None],
) -> list[tuple[str, str, float]]:
    """Bring a folder on a board by each tool, twice; return what was done, by what, and the seconds taken.

    Args:
        words: of the tools.
        output: runs a process to its end.
        wipe: empties the board.
        verify: raises where the folder is not on it.
    """
    taken = []
    for tool, argv in words.items():
        wipe()
        for name in (FRESH, SAME):
            began = time.monotonic()
            await output(argv)
            taken.append((name, tool, time.monotonic() - began))
            verify()
    return taken
