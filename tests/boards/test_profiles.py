"""Boards: what their profiles promise, and what inventories may say."""

from __future__ import annotations

import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from hivectl.bitstream.devices import device_named
from hivectl.boards.registry import UnknownBoardError, board_names, built_in_boards, find_board, meant
from hivectl.engine.lab import open_lab
from hivectl.flash.registry import find_flasher, flasher_names
from hivectl.model.errors import Complaints
from hivectl.model.plugins import built_in_names

ROOT = Path(__file__).parents[2]
POINTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]


def test_the_package_declares_each_of_its_boards_and_flashers() -> None:
    for name, value in POINTS["hivectl.boards"].items():
        module, _, attribute = value.partition(":")
        assert getattr(import_module(module), attribute) is find_board(name)
    assert set(POINTS["hivectl.boards"]) == set(built_in_boards()) <= set(board_names())
    assert set(POINTS["hivectl.flash"]) == set(flasher_names())
    assert {name.replace("-", "_") for name in POINTS["hivectl.flash"]} == built_in_names("hivectl.flash")


@pytest.mark.parametrize("name", sorted(POINTS["hivectl.boards"]))
def test_a_profile_says_all_that_flashing_needs(name: str) -> None:
    board = find_board(name)
    assert board.name == name
    assert board.summary
    assert board.ways
    for way in board.ways:
        flasher = find_flasher(way.flasher)
        assert way.takes
        # what a profile tells a flasher, a task may tell it too, or it is the flasher's own business
        assert set(way.options) <= {*flasher.options, "id", "chip"}
    if "uf2" in board.kinds and not board.chip.startswith("ESP"):
        assert board.families
        assert board.board_ids
        assert board.boot_ids
    if board.fpga is not None:
        assert device_named(board.fpga) is not None
        assert "ice40" in board.kinds
    if board.measures:
        assert board.fpga is not None


def test_families_are_those_of_the_chip() -> None:
    assert {f"{one:08X}" for one in find_board("pico-w").families} == {"E48BFF56"}
    assert {f"{one:08X}" for one in find_board("pico2-ice").families} == {
        "E48BFF57",
        "E48BFF58",
        "E48BFF59",
        "E48BFF5A",
        "E48BFF5B",
    }
    assert {f"{one:08X}" for one in find_board("esp32-s3").families} == {"C47E5767"}


@pytest.mark.parametrize(
    ("written", "board"),
    [
        ("pico_w", "pico-w"),
        ("PicoW", "pico-w"),
        ("Pico", "pico"),
        ("pico2ice", "pico2-ice"),
        ("icestik", "icestick"),
        ("esp32s3", "esp32-s3"),
        # boards of others, and of years to come, are labels
        ("pico3", None),
        ("esp32-wrover", None),
        ("esp32-c61", None),
        ("nucleo-f401re", None),
        ("q", None),
        ("pico-w", None),
    ],
)
def test_misspelt_boards_are_told_from_boards_of_others(written: str, board: str | None) -> None:
    assert meant(written) == board


def test_an_inventory_is_told_where_a_board_is_misspelt(tmp_path: Path) -> None:
    file = tmp_path / "lab.yml"
    file.write_text(
        "version: 1\nnodes:\n"
        "  p1: {driver: serial, hub_port: 1-1, board: pico_w}\n"
        "  p2:\n    driver: serial\n    hub_port: 1-2\n    board: pico2ice\n"
        "  p3: {driver: serial, hub_port: 1-3, board: nucleo-f401re}\n"
    )
    with pytest.raises(Complaints) as caught:
        open_lab([file])
    assert [str(error).removeprefix(f"{tmp_path}/") for error in caught.value.errors] == [
        'lab.yml:3:46: there is no board "pico_w" (did you mean "pico-w"?)',
        'lab.yml:7:12: there is no board "pico2ice" (did you mean "pico2-ice"?)',
    ]


def test_an_unknown_board_is_answered_with_the_nearest_or_with_all() -> None:
    with pytest.raises(UnknownBoardError, match=r'no board "pico2ice".*did you mean "pico2-ice"'):
        find_board("pico2ice")
    with pytest.raises(UnknownBoardError, match=r"there are alchitry-cu, .* upduino"):
        find_board("zzz")
