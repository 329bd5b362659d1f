"""Waiting in tests: for a condition, with a deadline, and never longer than the process that shall bring it about."""

from __future__ import annotations

import threading
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


def heard(process: subprocess.Popen[str], word: str) -> str:
    """Read a process's standard output until a line holds `word`, and return all of it; the process is killed in time."""
    assert process.stdout is not None
    timer = threading.Timer(DEADLINE, process.kill)
    timer.start()
    told = []
    try:
        for line in process.stdout:
            told.append(line)
            if word in line:
                return "".join(told)
    finally:
        timer.cancel()
    raise AssertionError(f"{word!r} was not heard in: {''.join(told)}")
