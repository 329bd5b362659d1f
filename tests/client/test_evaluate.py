"""Circuits measured from Python, on virtual pico2-ice boards that execute them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from hivectl import Hive
from hivectl.aio import Hive as AsyncHive
from hivectl.bitstream import evaluate, evaluate_async
from hivectl.model.errors import HivectlError, InputError
from tests.support.ice_boards import CIRCUITS

if TYPE_CHECKING:
    from pathlib import Path

KNOWN = {"div1500": 32_000, "div1024": 46_875, "gate": 18_000_000}
FILES = [CIRCUITS / f"{name}.bin" for name in KNOWN]


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    inventory = tmp_path / "lab.yml"
    inventory.write_text(
        "version: 1\nnodes:\n  ice[1:2]: {driver: serial, virtual: pico2-ice-native, board: pico2-ice}\n"
    )
    monkeypatch.setenv("HIVECTL_INVENTORY", str(inventory))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_results_come_one_by_one(lab: Path) -> None:
    assert lab.exists()
    with Hive("ice*") as hive:
        results = {one.name.rpartition("/")[2]: one for one in evaluate(hive, FILES, expect={"gate": 5})}
        assert {name.removesuffix(".bin"): one.value for name, one in results.items()} == KNOWN
        assert [name for name, one in results.items() if not one.ok] == ["gate.bin"]
        each = [(one.board, one.values) for one in hive.evaluate(FILES[0], each=True, repeats=2, cycles=4800)]
        assert sorted(each) == [("ice1", (3, 3)), ("ice2", (3, 3))]
        # the boards are well after a loop that was left early
        for one in hive.evaluate(FILES, window="10ms"):
            assert one.ok
            break
        assert len(list(hive.evaluate(FILES, window=0.01, boards={"*": "ice2"}))) == 3
        with pytest.raises(HivectlError, match="a window of 0 s holds nothing"):
            list(hive.evaluate(FILES, window=0))
        with pytest.raises(InputError, match="no file fits"):
            list(hive.evaluate("nothing/*.bin"))


def test_asynchronously(lab: Path) -> None:
    assert lab.exists()

    async def count() -> dict[str, float | None]:
        async with AsyncHive(["ice1"]) as hive:
            return {one.name: one.value async for one in evaluate_async(hive, FILES)}

    assert list(asyncio.run(count()).values()).count(32_000) == 1


def test_a_board_that_is_not_there_is_named(
    lab: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("hivectl.bitstream.evaluating.ABSENT", 0.0)
    (lab / "lab.yml").write_text(
        "version: 1\nnodes:\n  gone1: {driver: serial, board: pico2-ice, port: /dev/none}\n"
    )
    with Hive("gone1") as hive:
        (one,) = hive.evaluate(FILES[0])
    assert (one.ok, one.value) == (False, None)
    assert capsys.readouterr().err.startswith("hivectl: gone1: no board is plugged in: there is no /dev/none")
