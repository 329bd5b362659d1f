"""Flashers that are programs: the real ones as far as they go without a board, and stand-ins for what they say then."""

from __future__ import annotations

import asyncio
import os
import textwrap
import time
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.bitstream.devices import device_named
from hivectl.bitstream.errors import ImageError
from hivectl.bitstream.reading import read_bitstream
from hivectl.boards.registry import find_board
from hivectl.flash import dfu_util, esptool, iceprog, mpremote, openfpgaloader, picotool, uf2
from hivectl.flash.base import (
    CutOffError,
    FlashError,
    Job,
    MissingProgramError,
    Plug,
    ProgramError,
)
from hivectl.flash.images import read_image
from hivectl.flash.places import in_boot_loader, locate
from hivectl.flash.registry import UnfitImageError, UnknownFlasherError, choose, find_flasher
from hivectl.virtual.usb_tree import Plugged, UsbTree
from tests.support.circuits import random_asc
from tests.support.esp_rom import EspRom
from tests.support.flashing import plugged
from tests.support.images import esp32_flash, esp32_image
from tests.support.uf2 import RP2350, micropython

if TYPE_CHECKING:
    from pathlib import Path

    from hivectl.flash.base import Flasher


@cache
def bitstream(device: str) -> bytes:
    known = device_named(device)
    assert known is not None
    return read_bitstream(random_asc(known, 1).encode(), "made").packed


def job_at(
    folder: Path,
    board: str,
    image: Path,
    *,
    identity: str = "0403:6010",
    terminal: str | None = None,
    seconds: float = 30.0,
    **asked: str,
) -> Job:
    """Return the job of flashing a board that is plugged in at 1-1.4, and that no program will find."""
    tree = UsbTree(folder / "machine")
    tree.plug("1-1.4", Plugged(identity=identity, product="board", serial_number="A1", terminal=terminal))
    plug = Plug(node="ice1", board=find_board(board), hub_port="1-1.4", root=folder / "machine")
    read = read_image(image, plug.board)
    [way, *_] = plug.board.ways_for(read.kind)
    return Job(plug=plug, image=read, way=way.options, asked=asked, timeout=seconds, say=lambda _: None)


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, script: str) -> Path:
    """Put a program on PATH; what it is told is in the file that is returned."""
    tools, told = folder / "tools", folder / "told"
    tools.mkdir(exist_ok=True)
    program = tools / name
    program.write_text(f'#!/bin/sh\necho "$@" >>"{told}"\n{textwrap.dedent(script)}')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    return told


async def flashed(flasher: Flasher, job: Job) -> bool:
    return await flasher.flash(job)


@pytest.mark.parametrize(
    ("flasher", "board", "says"),
    [
        (
            iceprog.FLASHER,
            "icestick",
            "iceprog cannot open the board's FTDI chip: another program has it, or this",
        ),
        (openfpgaloader.FLASHER, "icestick", "openFPGALoader cannot open the board: another program has it"),
        (dfu_util.FLASHER, "pico-ice", "dfu-util finds no DFU at the board's USB port"),
        (dfu_util.FLASHER, "fomu", "dfu-util finds no DFU at the board's USB port"),
    ],
)
def test_the_real_programs_say_that_there_is_no_board(
    tmp_path: Path, flasher: Flasher, board: str, says: str
) -> None:
    fpga = find_board(board).fpga
    assert fpga is not None
    image = tmp_path / "design.bin"
    image.write_bytes(bitstream(fpga))
    job = job_at(tmp_path, board, image)
    way = next(way for way in job.plug.board.ways if way.flasher == flasher.name)
    with pytest.raises(ProgramError) as caught:
        asyncio.run(flashed(flasher, replace(job, way=way.options)))
    assert caught.value.message.startswith(says)
    assert caught.value.message.endswith("nothing was written")
    assert caught.value.hint


def test_esptool_writes_and_compares_and_is_told_where(tmp_path: Path) -> None:
    app = tmp_path / "app.bin"
    app.write_bytes(esp32_image([bytes(range(256)) * 40, b"MicroPython v1.27.0 on 2025-12-09\0"], chip=0))
    whole = tmp_path / "whole.bin"
    whole.write_bytes(
        esp32_flash(esp32_image([bytes(64)], chip=0), app.read_bytes(), boot_offset=0x1000)[:0x15000]
    )

    async def scenario() -> None:
        rom = EspRom()
        said: list[str] = []
        by_hand: Any = {"before": "no-reset", "after": "no-reset", "stub": "no", "baud": "115200"}
        try:
            job = job_at(
                tmp_path, "esp32", app, identity="10c4:ea60", terminal=rom.path, offset="0x20000", **by_hand
            )
            job = replace(job, say=said.append)
            assert job.image.version == "v1.27.0 on 2025-12-09"
            assert await esptool.verify(job) is False
            assert await esptool.flash(job)
            assert rom.flash[0x20000:].startswith(app.read_bytes())
            assert rom.flash[:0x20000].strip(b"\xff") == b""
            assert {"esptool: 25 %", "esptool: 50 %", "esptool: 75 %"} <= set(said)
            assert await esptool.verify(job) is True
            # an image with its boot loader says itself where it belongs
            job = job_at(tmp_path / "2", "esp32", whole, terminal=rom.path, **by_hand)
            assert await esptool.flash(job)
            assert rom.flash[0x1000:].startswith(whole.read_bytes())
            # boards hang on plain serial ports too
            plain = replace(job.plug, hub_port=None, port=rom.path)
            assert not in_boot_loader(plain)
            assert await esptool.verify(replace(job, plug=plain)) is True
            rom.deaf_after = rom.blocks + 3
            with pytest.raises(
                CutOffError, match=r"esptool ended with 2: .*No more data.*nobody knows what the board"
            ):
                await esptool.flash(job)
        finally:
            rom.close()

    asyncio.run(scenario())


def test_a_serial_port_that_somebody_has_is_named_before_anything_is_written(tmp_path: Path) -> None:
    app = tmp_path / "app.bin"
    app.write_bytes(esp32_image([bytes(100)], chip=0))
    gone = tmp_path / "gone"
    job = job_at(tmp_path, "esp32", app, identity="10c4:ea60", terminal=str(gone))
    with pytest.raises(
        ProgramError, match="another program has it, or this user may not use it; nothing was written"
    ):
        asyncio.run(esptool.flash(job))


def test_mpremote_copies_what_differs(tmp_path: Path) -> None:
    source = tmp_path / "firmware"
    (source / "lib").mkdir(parents=True)
    (source / "main.py").write_text("print('ready')\n")
    (source / "lib/one.py").write_text("one = 1\n")

    async def scenario() -> None:
        async with plugged(tmp_path) as board:
            assert await mpremote.flash(board.job(source))
            assert (board.device.folder / "lib/one.py").read_text() == "one = 1\n"
            assert not await mpremote.flash(board.job(source))
            await uf2.start_boot_loader(board.job(source), locate(board.plug))
            with pytest.raises(FlashError, match="has no serial port"):
                await mpremote.flash(board.job(source))

    asyncio.run(scenario())


ICEPROG = """\
case "$*" in
  *-c*) echo "reading.."; exit ${SAME:-3};;
esac
echo "init.."; echo "erase 64kB sector at 0x000000.."; printf "programming.. 25%%\\rprogramming.. 50%%\\r"
exit ${ENDS:-0}
"""


def test_iceprog_is_told_exactly_which_board_and_compares_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = stand_in(tmp_path, monkeypatch, "iceprog", ICEPROG)
    image = tmp_path / "design.bin"
    image.write_bytes(bitstream("hx1k"))
    job = job_at(tmp_path, "icestick", image, offset="64k")
    assert asyncio.run(iceprog.verify(job)) is False
    assert asyncio.run(iceprog.flash(job)) is True
    monkeypatch.setenv("SAME", "0")
    assert asyncio.run(iceprog.verify(job)) is True
    assert told.read_text().splitlines() == [
        f"-d d:001/002 -I A -c -o 64k {image}",
        f"-d d:001/002 -I A -o 64k {image}",
        f"-d d:001/002 -I A -c -o 64k {image}",
    ]
    monkeypatch.setenv("ENDS", "2")
    with pytest.raises(CutOffError, match=r"iceprog ended with 2: .*; nobody knows what the board holds"):
        asyncio.run(iceprog.flash(job))
    # text is packed on the way
    text = tmp_path / "design.asc"
    known = device_named("hx1k")
    assert known is not None
    text.write_text(random_asc(known, 1))
    monkeypatch.setenv("ENDS", "0")
    told = stand_in(tmp_path, monkeypatch, "iceprog", f'for last; do :; done; cp "$last" {tmp_path}/written')
    assert asyncio.run(iceprog.flash(job_at(tmp_path, "icestick", text)))
    assert (tmp_path / "written").read_bytes() == bitstream("hx1k")


PICOTOOL = """\
# as the real one says: 245 where the contents differ (-11), 249 where there is no device (-7)
case "$1" in
  verify) echo "Verifying Flash: [===] 100%"; exit 245;;
  load) echo "Loading into Flash: [==============================]  100%"; cp "$4" "$VOLUME/IMAGE.UF2"; exit 0;;
esac
echo "No accessible RP-series device in BOOTSEL mode was found at bus 1, address 5."; exit 249
"""


def test_picotool_loads_into_the_boot_loader_that_was_started_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = stand_in(tmp_path, monkeypatch, "picotool", PICOTOOL)
    image = micropython(tmp_path / "new.uf2", family=RP2350, machine="Raspberry Pi Pico2 with RP2350")

    async def scenario() -> None:
        async with plugged(tmp_path, kind="pico2") as board:
            monkeypatch.setenv("VOLUME", str(board.usb.boot.volume))
            assert await uf2.verify(board.job(image)) is False
            assert board.usb.boot.active
            assert await picotool.flash(board.job(image))
            assert board.usb.boot.firmware.version == "v1.99.0 on 2026-02-03"

    asyncio.run(scenario())
    verify, load = (line.split() for line in told.read_text().splitlines())
    assert verify[:2] == ["verify", str(image)]
    assert load[:4] == ["load", "-v", "-x", str(image)]
    assert verify[2:] == load[4:] == ["--bus", "1", "--address", "3"]


def test_a_program_that_hangs_is_ended_with_all_that_it_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = tmp_path / "pids"
    stand_in(
        tmp_path,
        monkeypatch,
        "iceprog",
        f'trap "" TERM\nsleep 300 & echo $! $$ >"{pids}.new"; mv "{pids}.new" "{pids}"; wait; wait\n',
    )
    monkeypatch.setattr("hivectl.flash.programs.ENDING", 0.2)
    image = tmp_path / "design.bin"
    image.write_bytes(bitstream("hx1k"))

    def states() -> list[str]:
        found = []
        for pid in pids.read_text().split():
            try:
                with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123  a process, which may end meanwhile
                    found.append(file.read().rpartition(")")[2].split()[0])
            except FileNotFoundError:
                continue
        return [state for state in found if state not in "ZX"]

    def ended() -> bool:
        # killed, and dead in a moment
        end = time.monotonic() + 30
        while states() and time.monotonic() < end:
            time.sleep(0.01)
        return not states()

    with pytest.raises(CutOffError, match="iceprog did not end in 1 s and was stopped"):
        asyncio.run(iceprog.flash(job_at(tmp_path, "icestick", image, seconds=1)))
    assert ended()

    async def cancelled() -> None:
        pids.unlink()
        work = asyncio.ensure_future(iceprog.flash(job_at(tmp_path, "icestick", image)))
        async with asyncio.timeout(30):
            while not pids.exists():  # noqa: ASYNC110  another process makes it
                await asyncio.sleep(0.01)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(cancelled())
    assert ended()


def test_the_way_is_chosen_by_the_board_the_image_and_what_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def chosen(board: str, kind: str, wanted: str | None = None) -> str:
        flasher, way = choose(find_board(board), kind, wanted, node="n1")
        assert flasher.name == way.flasher
        return flasher.name

    assert [chosen("pico", "uf2"), chosen("esp32", "esp"), chosen("pico2-ice", "ice40")] == [
        "uf2",
        "esptool",
        "dfu-util",
    ]
    assert chosen("icestick", "ice40") == "iceprog"
    assert chosen("icestick", "ice40", "openfpgaloader") == "openfpgaloader"
    with pytest.raises(
        UnfitImageError, match=r"a board pico takes no image of the kind ice40 \(.*takes: uf2, elf"
    ):
        chosen("pico", "ice40")
    with pytest.raises(UnfitImageError, match=r"esptool does not put images .* \(these do: uf2, picotool\)"):
        chosen("pico", "uf2", "esptool")
    with pytest.raises(UnknownFlasherError, match='did you mean "openfpgaloader"'):
        find_flasher("openFPGAloder")
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    monkeypatch.setenv("PATH", str(nothing))
    assert chosen("pico", "uf2") == "uf2"
    with pytest.raises(MissingProgramError) as caught:
        chosen("icestick", "ice40")
    assert str(caught.value) == (
        "n1: iceprog or openFPGALoader is not installed on this machine (apt-get install fpga-icestorm, or apt-get "
        "install openfpgaloader)"
    )


@pytest.mark.parametrize(
    ("board", "content", "says"),
    [
        ("icestick", bitstream, "made for up5k, but the board has hx1k"),
        ("esp32", lambda _: esp32_image([bytes(100)], chip=9), "made for ESP32-S3, but the board is ESP32"),
        ("esp32", lambda _: esp32_image([bytes(100)], chip=0)[:-40], "damaged|ends"),
        ("icestick", lambda device: bitstream(device)[:5000], "ends"),
    ],
)
def test_images_for_others_never_reach_a_program(
    tmp_path: Path, board: str, content: object, says: str
) -> None:
    assert callable(content)
    image = tmp_path / "image.bin"
    image.write_bytes(content("up5k"))
    with pytest.raises(ImageError, match=says):
        read_image(image, find_board(board))
