"""`playbooks/provision_board.yml`: what it puts on a board makes a MicroPython join the lab."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.board_firmware import ROOT, Board
from tests.support.command import Lab

if TYPE_CHECKING:
    from pathlib import Path

SECRETS = {"LAB_WIFI_PASSWORD": "correct horse", "BOARD_PASSWORD": "tr0mb0ne"}
INVENTORY = """\
version: 1
vars:
  wifi_ssid: lab
  wifi_password: !env LAB_WIFI_PASSWORD
  webrepl_password: !env BOARD_PASSWORD
nodes:
  pico1:
    driver: local
    labels: {kind: board}
    vars:
      circuit_id: mixer-3
      board_wifi: {country: CH, static: {ip: 10.0.0.21, netmask: 255.255.255.0, gateway: 10.0.0.1}}
      board_settings: {watchdog_s: 5, flags: {wifi_autoreset: true}}
"""


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A lab whose board is a folder."""
    (tmp_path / "home").mkdir()
    (tmp_path / "board").mkdir()
    (tmp_path / "lab.yml").write_text(INVENTORY)
    return Lab(tmp_path)


def provision(lab: Lab, *more: str, **environment: str) -> tuple[int, str]:
    board = lab.folder / "board"
    done = lab.run(
        *("apply", "-i", "lab.yml", str(ROOT / "playbooks/provision_board.yml"), "--diff"),
        *("-e", json.dumps({"root": str(board), "start_anew": False}), *more),
        **{**SECRETS, **environment},
    )
    return done.returncode, done.stdout + done.stderr


def test_a_provisioned_board_joins_the_lab_as_the_inventory_says(lab: Lab) -> None:
    status, said = provision(lab)
    assert status == 0, said
    assert not [secret for secret in SECRETS.values() if secret in said]
    folder = lab.folder / "board"
    files = {f"/{path.relative_to(folder)}": path for path in folder.rglob("*") if path.is_file()}
    board = Board({path: file.read_text() for path, file in files.items()})
    start = board.start("world.run(70)\nimport hivelab\nresult = hivelab.status()")
    assert (start.refused, start.result["error"]) == (None, None)
    assert (start.result["name"], start.result["circuit_id"]) == ("pico1", "mixer-3")
    assert (start.result["wifi"]["state"], start.result["wifi"]["ip"]) == ("up", "10.0.0.21")
    assert start.did("webrepl") == [[0, 8266, "tr0mb0ne"]]
    assert start.did("watchdog") == [[0, 5000]]
    settings = json.loads(board.files["/hive/settings.json"])
    assert settings["flags"] == {"wifi_autoreset": True}
    assert not [secret for secret in SECRETS.values() if secret in board.files["/hive/settings.json"]]


def test_a_password_that_no_webrepl_can_compare_is_refused_before_anything_is_sent(lab: Lab) -> None:
    status, said = provision(lab, BOARD_PASSWORD="ten letters")
    assert status == 1
    assert "1 to 9 bytes" in said
    assert "ten letters" not in said
    assert list((lab.folder / "board").iterdir()) == []
