"""`flash`, on virtual boards: their boot loaders take what those of the chips take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hivectl.model.errors import ExitCode
from tests.support.runs import Bench
from tests.support.uf2 import micropython

if TYPE_CHECKING:
    from pathlib import Path

BOARD = """\
version: 1
nodes:
  p1: {driver: serial, virtual: pico-w, board: pico-w}
"""
PLAY = """\
- hosts: p1
  tasks:
    - name: Firmware
      flash: {image: new.uf2}
    - name: What it runs
      repl: {code: "import os; print(os.uname().version)"}
"""


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    bench = Bench(tmp_path)
    bench.inventory.write_text(BOARD)
    return bench


def test_a_board_gets_new_firmware_once(bench: Bench) -> None:
    micropython(bench.folder / "new.uf2")
    looked = bench.run(PLAY, mode="check", diff=True)
    assert looked.statuses("p1")["Firmware"] == "changed"
    assert looked.result("Firmware", "p1")["diff"] == {
        "before": "MicroPython v1.27.0 on 2025-12-10 on Raspberry Pi Pico W with RP2040\n",
        "after": "new.uf2 (MicroPython v1.99.0 on 2026-02-03)\n",
    }
    done = bench.run(PLAY)
    assert done.ended.exit_code == ExitCode.DONE, done.said()
    flashed = done.result("Firmware", "p1")
    assert (flashed["changed"], flashed["before"], flashed["verified"]) == (
        True,
        "v1.27.0 on 2025-12-10",
        True,
    )
    assert "v1.99.0 on 2026-02-03" in done.result("What it runs", "p1")["stdout"]
    again = bench.run(PLAY)
    assert again.statuses("p1")["Firmware"] == "ok"
