"""The firmware of boards, on a real MicroPython among stand-ins of the hardware."""

from __future__ import annotations

import asyncio
import atexit
import functools
import json
import os
import subprocess
import textwrap
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.virtual.board.package import find_interpreter

if TYPE_CHECKING:
    from hivectl.virtual.board.package import Interpreter

ROOT = Path(__file__).parents[2]
FIRMWARE = ROOT / "firmware/micropython"
STUBS = ROOT / "tests/firmware/stubs"

SETTINGS: dict[str, Any] = {
    "version": 1,
    "name": "pico1",
    "circuit_id": "mixer-3",
    "wifi": {"ssid": "lab"},
}
SECRETS = {"wifi_password": "correct horse", "webrepl_password": "tr0mb0ne"}


@functools.cache
def interpreter() -> Interpreter:
    """Return node and MicroPython, fetched where nobody did it before."""
    return asyncio.run(find_interpreter())


@functools.cache
def started() -> subprocess.Popen[str]:
    """Return what starts boards: one process for all tests, since its own start takes longer than theirs."""
    process = subprocess.Popen(
        [interpreter().node, str(ROOT / "tests/firmware/interpreter.mjs"), interpreter().script.as_uri()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"]},
    )
    atexit.register(end, process)
    return process


def end(process: subprocess.Popen[str]) -> None:
    """End what starts boards, whatever it does."""
    process.kill()
    # closes both pipes, too
    process.communicate()


def answer_of(asked: dict[str, Any]) -> dict[str, Any]:
    """Let boards be started."""
    process = started()
    assert process.stdin is not None
    assert process.stdout is not None
    killer = threading.Timer(60.0, process.kill)
    killer.start()
    try:
        process.stdin.write(json.dumps(asked) + "\n")
        process.stdin.flush()
        said = process.stdout.readline()
    finally:
        killer.cancel()
    if not said:
        started.cache_clear()
        pytest.fail("the interpreter ended, or a board did not within 60 s")
    answer: dict[str, Any] = json.loads(said)
    assert "error" not in answer, answer["error"][-3000:]
    return answer


@dataclass
class Start:
    """What one start of the board gave.

    Attributes:
        refused: what boot.py raised, so that main.py was left out.
        ended: what started the board anew.
        log: what it did to its hardware: [second, what, ...].
        result: what the script put into `result`.
        printed: lines of its console.
    """

    refused: str | None
    ended: str | None
    log: list[list[Any]]
    result: Any
    printed: list[str]

    def did(self, what: str) -> list[list[Any]]:
        """Return the entries of the log of one kind, without its name."""
        return [[second, *more] for second, kind, *more in self.log if kind == what]


@dataclass
class Board:
    """A board whose files stay from start to start.

    Attributes:
        files: path -> text.
    """

    files: dict[str, str] = field(default_factory=dict)

    @classmethod
    def provisioned(
        cls, settings: dict[str, Any] | None = None, secrets: dict[str, Any] | None = None
    ) -> Board:
        """Return a board with the firmware and with settings: the usual ones, and those given."""
        board = cls({f"/{path.relative_to(FIRMWARE)}": path.read_text() for path in FIRMWARE.rglob("*.py")})
        board.files["/hive/settings.json"] = json.dumps({**SETTINGS, **(settings or {})})
        board.files["/hive/secrets.json"] = json.dumps({**SECRETS, **(secrets or {})})
        return board

    def start(self, after: str = "", before: str = "") -> Start:
        """Start once: `before` sets the world up, `after` runs once boot.py and main.py are through."""
        return self.starts((before, after))[0]

    def starts(self, *scripts: tuple[str, str]) -> list[Start]:
        """Start several times, one after the other."""
        stubs = {f"/stubs/{path.name}": path.read_text() for path in STUBS.glob("*.py")}
        asked = {
            "files": {**self.files, **stubs},
            "boots": [
                {"before": textwrap.dedent(before), "after": textwrap.dedent(after)}
                for before, after in scripts
            ],
        }
        answer = answer_of(asked)
        self.files = {path: text for path, text in answer["files"].items() if not path.startswith("/stubs/")}
        return [Start(**one) for one in answer["answers"]]
