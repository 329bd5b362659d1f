"""`hivectl flash` and `hivectl boards`."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from hivectl.virtual.board.package import cache_folder
from tests.support.command import Lab, make_lab
from tests.support.uf2 import micropython

if TYPE_CHECKING:
    from pathlib import Path

INVENTORY = """\
version: 1
nodes:
  p1: {driver: serial, virtual: pico-w}
  m1: {driver: local}
"""


@pytest.fixture
def board_lab(tmp_path: Path) -> Lab:
    return make_lab(tmp_path, INVENTORY)


def test_a_board_is_flashed_by_hand_and_the_run_is_one_like_others(board_lab: Lab) -> None:
    image = micropython(board_lab.folder / "images/new.uf2")
    cache = {"XDG_CACHE_HOME": str(cache_folder().parent)}
    done = board_lab.run("flash", "p1", "images/new.uf2", "--diff", "--report", "jsonl=events", **cache)
    assert done.returncode == 0, done.stdout + done.stderr
    events = [json.loads(line) for line in (board_lab.folder / "events").read_text().splitlines()]
    [finished] = [event for event in events if event["event"] == "step_finished"]
    assert finished["task"]["name"] == "Flash new.uf2"
    assert finished["status"] == "changed"
    assert finished["result"]["image"] == str(image)
    assert finished["result"]["version"] == "v1.99.0 on 2026-02-03"
    said = [event["text"] for event in events if event["event"] == "message"]
    assert [text for text in said if text.startswith("uf2: ")] == ["uf2: 25 %", "uf2: 50 %", "uf2: 75 %"]
    again = board_lab.run("flash", "p1", str(image), "--check", **cache)
    assert "nothing" in again.stdout
    assert "flash-" in board_lab.run("runs").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["p1", "nowhere.uf2"], 3, "there is no image nowhere.uf2"),
        (["p2", "lab.yml"], 3, "p2"),
        (
            ["m1", "lab.yml"],
            3,
            "m1 cannot be flashed: the inventory does not say which kind of board this is",
        ),
        (["p1", "lab.yml", "--option", "fast"], 3, "is no NAME=VALUE"),
    ],
)
def test_what_cannot_be_flashed_is_told(arguments: list[str], code: int, told: str, board_lab: Lab) -> None:
    (board_lab.folder / "lab.yml").touch()
    done = board_lab.run("flash", *arguments)
    assert (done.returncode, told in done.stderr) == (code, True), done.stdout + done.stderr
    assert "by_hand" not in done.stderr, "nobody wrote that playbook"


def test_boards_are_listed_with_what_each_needs(board_lab: Lab) -> None:
    listed = json.loads(board_lab.run("boards", "--output", "json").stdout)["items"]
    [ice] = [board for board in listed if board["name"] == "pico2-ice"]
    assert ice["flashed"] == ["uf2", "picotool", "mpremote", "dfu-util"]
    assert ice["measures"] == ["pulses", "variance"]
    nothing = board_lab.folder / "nothing"
    nothing.mkdir()
    shown = board_lab.run("boards", "icestick", "--output", "json", PATH=str(nothing))
    [iceprog, _] = json.loads(shown.stdout)["items"]
    assert (iceprog["ready"], iceprog["install"]) == ("no", "apt-get install fpga-icestorm")
    assert board_lab.run("boards", "iceblaster", PATH=os.environ["PATH"]).returncode == 3
