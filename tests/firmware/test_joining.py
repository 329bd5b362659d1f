"""`playbooks/provision_board.yml` on a virtual board as it is unpacked: over USB first, over Wi-Fi after."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from hivectl.drivers.base import Capability
from hivectl.drivers.webrepl.wire import WebReplWire
from hivectl.engine.lab import open_lab
from hivectl.engine.sessions import Sessions
from hivectl.virtual.board.package import cache_folder
from tests.support.board_firmware import ROOT
from tests.support.command import Lab

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

SECRETS = {"LAB_WIFI_PASSWORD": "correct horse", "BOARD_PASSWORD": "tr0mb0ne"}
INVENTORY = """\
version: 1
vars:
  wifi_ssid: lab
  wifi_password: !env LAB_WIFI_PASSWORD
  webrepl_password: !env BOARD_PASSWORD
nodes:
  pico1:
    board: pico-w
    labels: {kind: board}
    connections:
      wifi: {driver: webrepl, virtual: pico-w, password: !env BOARD_PASSWORD}
      usb: {driver: serial, virtual: pico-w}
    vars: {circuit_id: mixer-3}
"""


def test_a_new_board_is_provisioned_over_usb_and_then_reached_over_wifi(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    lab = Lab(tmp_path)
    lab.write("inventory/lab.yml", INVENTORY)
    environment = {**SECRETS, "XDG_CACHE_HOME": str(cache_folder().parent)}
    playbook = str(ROOT / "playbooks/provision_board.yml")
    # nothing listens on it yet, so USB it is
    first = lab.run("apply", playbook, "--diff", **environment)
    assert first.returncode == 0, first.stdout + first.stderr
    assert not [secret for secret in SECRETS.values() if secret in first.stdout]
    files = tmp_path / "state/virtual/pico1/files"
    assert json.loads((files / "hive/secrets.json").read_text())["webrepl_password"] == "tr0mb0ne"
    last = json.loads((files / "hive/boots.jsonl").read_text().splitlines()[-1])
    assert (last["cause"], last["asked"], last["wifi"]) == ("hard", "hivectl", "up")
    second = lab.run("apply", playbook, **environment)
    assert (second.returncode, second.stderr) == (0, "")
    assert "nothing changed" in second.stdout, second.stdout
    for name, value in lab.environment(**environment).items():
        monkeypatch.setenv(name, value)
    wire, status = asyncio.run(reached(tmp_path / "inventory/lab.yml"))
    assert wire is WebReplWire
    assert (status["name"], status["circuit_id"], status["mode"]) == ("pico1", "mixer-3", "lab")
    assert status["webrepl"]["state"] == "listening"


async def reached(inventory: Path) -> tuple[type, Any]:
    """Return by what a command reaches the board, and what the board says of itself."""
    sessions = Sessions(open_lab([inventory]))
    try:
        connection: Any = await (await sessions.of("pico1")).connection(Capability.REPL)
        told = await connection.repl.execute("import hivelab, json\nprint(json.dumps(hivelab.status()))")
        return type(connection.repl._wire), json.loads(told)
    finally:
        await sessions.close()
