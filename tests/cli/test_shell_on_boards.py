"""`hivectl shell` and `exec` on boards: a real terminal, a real interpreter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hivectl.virtual.board.package import cache_folder
from tests.support.command import Lab
from tests.support.person import person_at

if TYPE_CHECKING:
    from pathlib import Path

# starting a board may take a while on a busy machine
PATIENCE = 60.0


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    lab = Lab(tmp_path)
    (tmp_path / "home").mkdir()
    lab.write(
        "inventory/lab.yml",
        "version: 1\nnodes:\n"
        "  usb: {driver: serial, virtual: pico-w, labels: {kind: board}}\n"
        "  wifi: {driver: webrepl, virtual: pico-w, labels: {kind: board}}\n",
    )
    return lab


def cache() -> dict[str, str]:
    """Return where the interpreter is kept, for commands with another home."""
    return {"XDG_CACHE_HOME": str(cache_folder().parent)}


@pytest.mark.parametrize("node", ["usb", "wifi"])
def test_a_person_works_at_a_boards_prompt(lab: Lab, node: str) -> None:
    with person_at(lab, "shell", node, **cache()) as person:
        person.sees("Ctrl-] leaves", PATIENCE)
        person.sees("MicroPython", PATIENCE)
        person.sees(">>> ", PATIENCE)
        person.types("x = 40 + 1\rx + 1\r")
        person.sees("\r\n42\r\n>>> ", PATIENCE)
        person.types("for i in range(2): print('row', i)\r\r")
        person.sees("row 1", PATIENCE)
        person.types("while True: print('ru' + 'ns'); pass\r\r")
        person.sees("runs\r\nruns", PATIENCE)
        person.types("\x03")
        person.sees("KeyboardInterrupt", PATIENCE)
        person.sees(">>> ", PATIENCE)
        held = lab.run("exec", node, "--", "1", **cache())
        assert held.returncode == 5
        assert f"shell {node}" in held.stderr
        person.types("\x04")
        if node == "wifi":
            # the WebSocket goes with the interpreter
            person.sees("connected again", PATIENCE)
        else:
            person.sees("soft reboot", PATIENCE)
        person.sees(">>> ", PATIENCE)
        person.types("x\r")
        person.sees("NameError", PATIENCE)
        person.types("\x1d")
        assert person.leaves(PATIENCE) == 0, person.seen
        assert person.terminal_is_as_before()
    done = lab.run("exec", "kind=board", "--", "import os; print(os.uname().sysname)", **cache())
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "rp2" in done.stdout


def test_what_runs_on_a_board_goes_on(lab: Lab) -> None:
    lab.write(
        "state/virtual/usb/files/main.py",
        "import time\nn = 0\nwhile True:\n print('n', n)\n n += 1\n time.sleep(0.05)\n",
    )
    with person_at(lab, "shell", "usb", **cache()) as person:
        person.sees("n 5\r\n", PATIENCE)
        person.types("\x03")
        person.sees("KeyboardInterrupt", PATIENCE)
        person.sees(">>> ", PATIENCE)
        person.types("n > 5\r")
        person.sees("True", PATIENCE)
        person.types("\x04")
        person.sees("n 1\r\n", PATIENCE)
        person.types("\x1d")
        assert person.leaves(PATIENCE) == 0, person.seen


def test_the_terminal_is_restored_when_we_are_ended(lab: Lab) -> None:
    with person_at(lab, "shell", "wifi", **cache()) as person:
        person.sees(">>> ", PATIENCE)
        person.process.terminate()
        assert person.leaves(PATIENCE) == 143
        assert person.terminal_is_as_before()
