"""Waiting in tests: for a condition, with a deadline, and never longer than the process that shall bring it about."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

DEADLINE = 20.0


def until(condition: Callable[[], object], process: subprocess.Popen[str] | None = None) -> None:
    """Return when `condition()` is true; fails at once when `process` has ended without it.

    Args:
        condition: asked every 10 ms: files and processes tell nobody of themselves.
        process: whose work it waits for.
    """
    end = time.monotonic() + DEADLINE
    while not condition():
        if process is not None and process.poll() is not None and not condition():
            raise AssertionError("".join(["it ended before:\n", *map(str, process.communicate())]))
        if time.monotonic() > end:
            raise AssertionError(f"not within {DEADLINE:g} s")
        time.sleep(0.01)


def lines(path: Path) -> list[str]:
    """Return a file's lines, none while it is not there."""
    return path.read_text().splitlines() if path.exists() else []
