"""UF2 boot loaders: started, found, written, left; on virtual boards whose boot ROMs do what the chips' do."""

from __future__ import annotations

import asyncio
import fcntl
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hivectl.flash import places, uf2, usb
from hivectl.flash.base import (
    CutOffError,
    NotBackError,
    NotPluggedInError,
    NoVolumeError,
    WrongBoardError,
)
from hivectl.flash.volumes import mounted
from hivectl.model.node_errors import StreamError
from hivectl.virtual.usb_tree import Plugged, UsbTree
from tests.support.flashing import desk, plugged
from tests.support.images import e10_block
from tests.support.uf2 import RP2350, firmware, micropython
from tests.support.uf2 import uf2 as packed

if TYPE_CHECKING:
    from pathlib import Path


def test_two_identical_boards_are_told_apart(tmp_path: Path) -> None:
    first = micropython(tmp_path / "first.uf2", "v1.91.0 on 2026-01-01")
    second = micropython(tmp_path / "second.uf2", "v1.92.0 on 2026-01-02")

    async def scenario() -> None:
        async with desk(tmp_path / "desk", "p1", "p2") as (one, two), asyncio.TaskGroup() as group:
            group.create_task(uf2.flash(one.job(first)))
            group.create_task(uf2.flash(two.job(second)))
        assert one.usb.boot.firmware.version == "v1.91.0 on 2026-01-01"
        assert two.usb.boot.firmware.version == "v1.92.0 on 2026-01-02"

    asyncio.run(scenario())


def test_a_board_is_found_by_its_serial_number_and_in_its_boot_loader_where_it_was_last(
    tmp_path: Path,
) -> None:
    new = micropython(tmp_path / "new.uf2")

    async def scenario() -> None:
        async with desk(tmp_path / "desk", "p1", "p2") as (one, two):
            serial = {board.plug.node: places.locate(board.plug).serial_number for board in (one, two)}
            assert len(set(serial.values())) == 2
            named = replace(
                two.plug,
                hub_port=None,
                serial_number=serial["p2"].upper(),
                notes=tmp_path / "notes" / "p2.json",
            )
            assert places.locate(named).hub_port == "1-1.2"
            for board in (one, two):
                await uf2.start_boot_loader(board.job(new), places.locate(board.plug))
            # both boot loaders have the same serial number, and that is not the firmware's
            found = places.locate(named)
            assert (found.hub_port, found.identity) == ("1-1.2", "2e8a:0003")
            # nobody has ever seen this one
            strange = replace(named, node="p3", serial_number="0102", notes=tmp_path / "notes" / "p3.json")
            with pytest.raises(NotPluggedInError, match=r"no board with the serial number 0102") as caught:
                places.locate(strange)
            assert "in its boot loader is at USB port 1-1.1, 1-1.2" in str(caught.value)
            await uf2.flash(replace(two.job(new), plug=named))
            assert two.usb.boot.firmware.version == "v1.99.0 on 2026-02-03"
            assert one.usb.boot.active

    asyncio.run(scenario())


def test_another_board_in_the_port_is_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with desk(tmp_path / "desk", "p1", "p2") as (one, two):
            other = places.locate(two.plug).serial_number
            with pytest.raises(WrongBoardError, match=rf"at USB port 1-1.1 is a board .*, not {other}"):
                places.locate(replace(one.plug, serial_number=other))
            with pytest.raises(NotPluggedInError, match=r"no board with the USB port 1-1.7 is plugged in"):
                places.locate(replace(one.plug, hub_port="1-1.7"))

    asyncio.run(scenario())


def test_a_board_that_somebody_uses_is_left_alone(tmp_path: Path) -> None:
    new = micropython(tmp_path / "new.uf2")

    async def scenario() -> None:
        async with plugged(tmp_path) as board:
            assert board.usb.port is not None
            other = os.open(board.usb.port.path, os.O_RDWR | os.O_NOCTTY)
            fcntl.flock(other, fcntl.LOCK_EX)
            try:
                with pytest.raises(StreamError, match="is in use by another program"):
                    await uf2.flash(board.job(new))
            finally:
                os.close(other)
            assert not board.usb.boot.active
            await uf2.flash(board.job(new))
            assert board.usb.boot.firmware.version == "v1.99.0 on 2026-02-03"

    asyncio.run(scenario())


def test_the_boot_loader_of_another_kind_of_board_gets_nothing(tmp_path: Path) -> None:
    wrong = micropython(tmp_path / "wrong.uf2", family=RP2350)

    async def scenario() -> None:
        async with plugged(tmp_path, kind="pico-w", board="pico2") as board:
            with pytest.raises(WrongBoardError) as caught:
                await uf2.flash(board.job(wrong))
            assert (
                "that of Raspberry Pi RP2 (Board-ID RPI-RP2), not that of a pico2 (Board-ID RP2350)"
                in str(caught.value)
            )
            assert sorted(path.name for path in board.usb.boot.volume.iterdir()) == [
                "INDEX.HTM",
                "INFO_UF2.TXT",
            ]
            assert board.usb.boot.firmware.whole

    asyncio.run(scenario())


def test_firmware_that_does_not_heed_the_touch_is_named(tmp_path: Path) -> None:
    new = micropython(tmp_path / "new.uf2")

    async def scenario() -> None:
        async with plugged(tmp_path) as board:
            assert board.usb.port is not None
            board.usb.port._touched = None
            with pytest.raises(
                NoVolumeError, match="does not heed a serial port that is opened at 1200 baud; nothing"
            ):
                await uf2.flash(board.job(new, seconds=0.3))

    asyncio.run(scenario())


def test_a_board_that_is_unplugged_in_the_middle_is_unknown_and_comes_up_in_its_boot_loader(
    tmp_path: Path,
) -> None:
    new = micropython(tmp_path / "new.uf2")

    async def scenario() -> None:
        async with plugged(tmp_path) as board:
            await uf2.start_boot_loader(board.job(new), places.locate(board.plug))
            board.usb.boot.unplug_after = 100
            with pytest.raises(
                CutOffError, match=r"went away from USB port 1-1 after \d+ of \d+ bytes: nobody knows"
            ):
                await uf2.flash(board.job(new, seconds=1))
            await board.usb.replug()
            assert board.usb.boot.active
            # from the boot loader it is as good as ever
            await uf2.flash(board.job(new))
            assert board.usb.boot.firmware.version == "v1.99.0 on 2026-02-03"

    asyncio.run(scenario())


def test_a_boot_loader_that_starts_nothing_is_said_to_be_still_there(tmp_path: Path) -> None:
    new = micropython(tmp_path / "new.uf2")

    async def scenario() -> None:
        async with plugged(tmp_path) as board:
            job = board.job(new)
            await uf2.start_boot_loader(job, places.locate(board.plug))
            # as a file for another chip is taken: in silence
            ignored = replace(job.image, data=packed(firmware("v1.99.0 on 2026-02-03"), family=RP2350))
            with pytest.raises(NotBackError, match="did not start it: it is still in its boot loader"):
                await uf2.flash(replace(job, image=ignored, timeout=0.5))
            assert board.usb.boot.firmware.whole

    asyncio.run(scenario())


def test_other_firmware_is_written_too(tmp_path: Path) -> None:
    blinky = micropython(tmp_path / "blinky.uf2", None)

    async def scenario() -> None:
        async with plugged(tmp_path, kind="pico2-w") as board:
            family = tmp_path / "arm.uf2"
            family.write_bytes(packed(firmware(None), family=RP2350))
            with pytest.raises(Exception, match="made for RP2040, but the board is RP2350"):
                board.job(blinky)
            assert await uf2.flash(board.job(family))
            assert (board.usb.boot.firmware.whole, board.usb.boot.firmware.version) == (True, None)

    asyncio.run(scenario())


def test_a_cancelled_flash_leaves_the_boot_loader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new = micropython(tmp_path / "new.uf2")

    async def scenario() -> None:
        async with plugged(tmp_path) as board:
            begun = asyncio.Event()
            loop = asyncio.get_running_loop()
            put = uf2._put

            def slowly(descriptor: int, piece: bytes) -> None:
                put(descriptor, piece[:512])
                loop.call_soon_threadsafe(begun.set)

            with monkeypatch.context() as patch:
                patch.setattr(uf2, "_put", slowly)
                work = asyncio.ensure_future(uf2.flash(board.job(new)))
                await begun.wait()
                work.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await work
            assert board.usb.boot.active
            await uf2.flash(board.job(new))

    asyncio.run(scenario())


def test_sysfs_is_read_as_linux_writes_it(tmp_path: Path) -> None:
    tree = UsbTree(tmp_path)
    volume = tmp_path / "a volume"
    tree.plug("1-1.4", Plugged(identity="2E8A:0003", product="RP2 Boot", serial_number="E0", volume=volume))
    tree.plug("3-2", Plugged(identity="0403:6010", product="", serial_number="", terminal="/dev/null"))
    assert [(one.hub_port, one.identity, one.serial_number) for one in usb.devices(tmp_path)] == [
        ("1-1.4", "2e8a:0003", "E0"),
        ("3-2", "0403:6010", ""),
    ]
    boot, chip = usb.at(tmp_path, "1-1.4"), usb.at(tmp_path, "3-2")
    assert boot is not None
    assert chip is not None
    [block] = usb.blocks(boot)
    assert mounted(tmp_path, block) == volume
    assert usb.terminals(tmp_path, chip) == (str(tmp_path / "dev/ttyACM0"),)
    assert usb.of_terminal(tmp_path, "/dev/ttyACM0") == chip
    assert (chip.bus, usb.terminals(tmp_path, boot), usb.blocks(chip)) == (3, (), ())
    tree.unplug("1-1.4")
    assert usb.at(tmp_path, "1-1.4") is None
    assert mounted(tmp_path, block) is None
    assert usb.devices(tmp_path / "no machine") == ()


def test_a_volume_that_nobody_mounts_is_named_with_what_helps(tmp_path: Path) -> None:
    new = micropython(tmp_path / "new.uf2")

    async def scenario() -> None:
        async with plugged(tmp_path) as board:
            job = board.job(new)
            await uf2.start_boot_loader(job, places.locate(board.plug))
            (board.plug.root / "proc/self/mountinfo").write_text("")
            with pytest.raises(
                NoVolumeError, match=r"shows no volume after 0.2 s: .*/sda1 is not mounted"
            ) as caught:
                await uf2.flash(replace(job, timeout=0.2))
            assert "`flasher: picotool`" in str(caught.value)
            assert board.usb.boot.firmware.whole

    asyncio.run(scenario())


def test_the_block_of_erratum_e10_disturbs_nobody(tmp_path: Path) -> None:
    image = tmp_path / "e10.uf2"
    image.write_bytes(e10_block() + packed(firmware("v1.99.0 on 2026-02-03"), family=RP2350))

    async def scenario() -> None:
        async with plugged(tmp_path, kind="pico2") as board:
            assert board.job(image).image.version == "v1.99.0 on 2026-02-03"
            assert await uf2.flash(board.job(image))
            assert board.usb.boot.firmware.version == "v1.99.0 on 2026-02-03"

    asyncio.run(scenario())
