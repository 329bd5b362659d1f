"""`hivectl check` on boards: what their firmware says, and why a way to them is not there."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.drivers.base import Target
from hivectl.drivers.registry import find_driver
from hivectl.drivers.session import Candidate, NodeSession
from hivectl.engine.board_check import check_board
from hivectl.model.secret import Secret
from hivectl.virtual.board.start import start_board
from tests.support.board_firmware import Board

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from hivectl.virtual.board.start import VirtualBoard

# a radio in the state that a test asks for; the firmware on the board is the real one
NETWORK = """\
STA_IF = 0
STAT_CONNECTING, STAT_GOT_IP = 1, 3
STAT_NO_AP_FOUND, STAT_WRONG_PASSWORD = -2, -3
def hostname(name): pass
def country(code): pass
class WLAN:
    def __init__(self, interface): pass
    def active(self, on=True): return on
    def config(self, name=None, **options): return b"\\x28\\xcd\\xc1\\0\\0\\1"
    def connect(self, *given): pass
    def disconnect(self): pass
    def isconnected(self): return {up}
    def status(self, what=None): return {status}
    def ifconfig(self, *given): return ("10.0.0.21", "255.255.255.0", "10.0.0.1", "10.0.0.1")
"""
WEBREPL = "def start(port=8266, password=None, accept_handler=None):\n    {does}\n"


BOOT = """\
import sys
# in place of the radio of virtual boards, for which any network is there
for name in ("network", "webrepl", "ntptime"):
    sys.modules.pop(name, None)
import hivelab
try:
    hivelab.boot()
    hivelab._lab.tick()
finally:
    open("/booted", "w").close()
"""


@asynccontextmanager
async def lab_board(
    folder: Path, *, network: str = "", webrepl: str = "pass", secrets: dict[str, Any] | None = None
) -> AsyncIterator[VirtualBoard]:
    """Start a board with the lab's firmware; after two seconds of its own its radio is as told."""
    files = Board.provisioned(secrets=secrets).files if network else {}
    if network:
        # whoever connects interrupts what runs, even this
        files["/boot.py"] = BOOT
        files["/lib/network.py"] = network
        files["/lib/ntptime.py"] = "def settime():\n    pass\n"
        files["/lib/webrepl.py"] = WEBREPL.format(does=webrepl)
    for path, text in files.items():
        place = folder / "board/files" / path[1:]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    virtual = await start_board("pico1", folder / "board")
    try:
        async with asyncio.timeout(30):
            while network and not (folder / "board/files/booted").exists():  # noqa: ASYNC110 - a file sends no events
                await asyncio.sleep(0.01)
        yield virtual
    finally:
        await virtual.close()


def candidate(driver: str, folder: Path, name: str, **attributes: Any) -> Candidate:
    known = find_driver(driver)
    given = known.attributes(**attributes)
    return Candidate(known, Target(node="pico1", connection=name, attributes=given, state=folder))


async def warnings(virtual: VirtualBoard, folder: Path, **wifi: Any) -> tuple[str, ...]:
    """Check a board whose first way is its Wi-Fi, and whose second is USB."""
    port = (await virtual.reach("serial"))["port"]
    with socket.socket() as silent:
        # bound, and not listening: whoever connects is refused
        silent.bind(("127.0.0.1", 0))
        wanted = {"host": "127.0.0.1", "port": silent.getsockname()[1], "password": Secret("tr0mb0ne")}
        ways = [
            # resumed, a board would start anew between two checks
            candidate("webrepl", folder, "wifi", **{**wanted, "resume": False, **wifi}),
            candidate("serial", folder, "usb", port=port, resume=False),
        ]
        session = NodeSession("pico1", ways)
        try:
            connection = await session.connection()
            seen = await check_board(connection, session.failed())
            assert seen.version == "1.27.0"
            return seen.warnings
        finally:
            await session.close()


UP = NETWORK.format(up="True", status="STAT_GOT_IP")
STATES: dict[str, tuple[dict[str, Any], str]] = {
    "no network": (
        {"network": NETWORK.format(up="False", status="STAT_NO_AP_FOUND")},
        "wifi: its Wi-Fi is not up: the network lab is not there",
    ),
    "wrong Wi-Fi password": (
        {"network": NETWORK.format(up="False", status="STAT_WRONG_PASSWORD")},
        "wifi: its Wi-Fi is not up: the password of the network lab is wrong",
    ),
    "still joining": (
        {"network": NETWORK.format(up="False", status="STAT_CONNECTING")},
        "wifi: its Wi-Fi is not up: it is still trying to join lab",
    ),
    "no WebREPL password": (
        {"network": UP, "secrets": {"webrepl_password": ""}},
        "wifi: its WebREPL did not start: it was given no password",
    ),
    "WebREPL password too long": (
        {"network": UP, "secrets": {"webrepl_password": "0123456789"}},
        "wifi: its WebREPL did not start: its password has more than 9 bytes",
    ),
    "WebREPL failed": (
        {"network": UP, "webrepl": "raise OSError(98)"},
        "wifi: its WebREPL did not start: OSError(98,)",
    ),
    "another address": (
        {"network": UP},
        "wifi: its Wi-Fi is up and its WebREPL listens on 10.0.0.21:8266: is that what the inventory says, and is there a way to it?",
    ),
    "no firmware of ours": ({}, "the board has not the lab's firmware, which would say why"),
}


@pytest.mark.parametrize("name", STATES)
def test_usb_tells_why_the_wifi_is_not_there(tmp_path: Path, name: str) -> None:
    how, words = STATES[name]

    async def main() -> None:
        async with lab_board(tmp_path, **how) as virtual:
            told = await warnings(virtual, tmp_path)
            assert [one for one in told if words in one], told
            assert len(told) == 1

    asyncio.run(main())


def test_a_wrong_password_is_told_from_a_wifi_that_is_not_there(tmp_path: Path) -> None:
    async def main() -> None:
        # whatever the board's radio says: somebody there has denied the login
        async with lab_board(tmp_path, network=UP) as virtual:
            there = await virtual.reach("webrepl")
            [told] = await warnings(virtual, tmp_path, port=there["port"], password=Secret("wrong"))
            assert told.startswith("wifi: the board denied access: its WebREPL has another password")
            long = await warnings(virtual, tmp_path, port=there["port"], password=Secret("0123456789"))
            assert len(long) == 1, long
            assert "more than 9 characters" in long[0]
            # and all is well with the right one
            assert await warnings(virtual, tmp_path, port=there["port"], password=there["password"]) == ()

    asyncio.run(main())


def test_safe_mode_is_told(tmp_path: Path) -> None:
    async def main() -> None:
        (tmp_path / "board/files/hive").mkdir(parents=True)
        (tmp_path / "board/files/hive/safe").write_text("")
        async with lab_board(tmp_path, network=UP) as virtual:
            there = await virtual.reach("webrepl")
            told = await warnings(virtual, tmp_path, port=there["port"], password=there["password"])
            assert told == ("it is in safe mode: the file /hive/safe is there",)
            report = json.loads((tmp_path / "board/files/hive/boots.jsonl").read_text().splitlines()[-1])
            assert report["mode"] == "safe"

    asyncio.run(main())
