"""`evaluate` in a playbook, on 16 boards of which some run the real firmware, while they are unplugged and rebooted."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.engine.events import Partial
from hivectl.virtual import registry
from hivectl.virtual.board.package import cache_folder
from tests.support.command import PACKAGE
from tests.support.ice_boards import FIRMWARE
from tests.support.ice_farm import disturb
from tests.support.runs import Bench

if TYPE_CHECKING:
    from pathlib import Path

# what the quickstart's circuits count in a second, by arithmetic
COUNTS = {"bursts": 240_000, "div": 46_875, "gate": 18_000_000, "khz32": 32_000, "ring": 1_043_478}
NATIVE, REAL = 14, 2
# a board that hangs needs its power switched, which is another test's
MISHAPS = {"unplug": 1, "reboot": 1, "cut": 1}
LOSS = 1e-5


def make_lab(folder: Path, circuits: int) -> Bench:
    """Return a lab of 16 boards, with so many files of circuits."""
    bench = Bench(folder)
    bench.inventory.write_text(
        "version: 1\nnodes:\n"
        f"  fast[1:{NATIVE}]: {{driver: serial, virtual: pico2-ice-native, board: pico2-ice}}\n"
        f"  real[1:{REAL}]: {{driver: serial, virtual: pico2-ice, board: pico2-ice}}\n"
        "store: state/lab.db\n"
    )
    (folder / "circuits").mkdir()
    for name in COUNTS:
        shutil.copy(PACKAGE / "playbooks" / "circuits" / f"{name}.bin", folder)
    for number in range(circuits):
        name = tuple(COUNTS)[number % len(COUNTS)]
        (folder / "circuits" / f"{name}-{number}.bin").hardlink_to(folder / f"{name}.bin")
    return bench


def troubled(bench: Bench, monkeypatch: pytest.MonkeyPatch, circuits: int, *, every: float) -> Counter[str]:
    """Measure them in trouble; return how many boards of each kind gave results."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache_folder().parent))
    start: Any = registry.start_virtual
    boards: list[Any] = []
    trouble: list[asyncio.Task[None]] = []

    async def started(kind: str, node: str, folder: Path, **named: Any) -> Any:
        if kind == "pico2-ice":
            await asyncio.to_thread(shutil.copytree, FIRMWARE, folder / "files", dirs_exist_ok=True)
        board = await start(kind, node, folder, **named)
        boards.append(board)
        board.device.faults.seed = len(boards)
        if kind == "pico2-ice":
            board.device.faults.loss = LOSS
        else:
            # a window takes a hundredth of its time, so that trouble finds boards at work
            board.device.pace = 0.01
        if not trouble:
            work = disturb(boards, random.Random(7), every=every, loss=LOSS, mishaps=MISHAPS)
            trouble.append(asyncio.create_task(work))
        return board

    monkeypatch.setattr(registry, "start_virtual", started)
    try:
        outcome = bench.run(
            "- hosts: all\n  gather_facts: false\n  tasks:\n"
            "    - name: count\n"
            "      evaluate: {bitstreams: circuits/*.bin, window: 1s, boards: {'ring-*.bin': [real1, real2]}}\n",
            seconds=60.0 + circuits / 10,
        )
    finally:
        for task in trouble:
            task.cancel()
    assert trouble, "boards are missing"
    parts = [event.data for event in outcome.events if isinstance(event, Partial)]
    files = [f"circuits/{path.name}" for path in (bench.folder / "circuits").iterdir()]
    assert sorted(part["file"] for part in parts) == sorted(files), "one result each"
    for part in parts:
        name = part["file"].removeprefix("circuits/").partition("-")[0]
        assert part["value"] == (None if part.get("error") else COUNTS[name]), part
    return Counter(part["board"][:4] if part["ok"] else "failed" for part in parts)


def test_in_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = troubled(make_lab(tmp_path, 200), monkeypatch, 200, every=0.1)
    assert found["fast"]
    assert found["real"]
    assert found["failed"] < 20, found


@pytest.mark.soak
def test_two_thousand_in_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = troubled(make_lab(tmp_path, 2000), monkeypatch, 2000, every=0.1)
    assert found["failed"] < 200, found
