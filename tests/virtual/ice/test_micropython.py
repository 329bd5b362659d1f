"""The board's own firmware under a real MicroPython, with the twin on its pins."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

import pytest

from hivectl.bitstream.framed import FramedMeter
from hivectl.bitstream.measuring import CircuitRefusedError, NotMeasurableError
from hivectl.virtual.board.start import VirtualBoard, start_board
from tests.support.ice_boards import FIRMWARE, SECOND, circuit, damaged, line_to

if TYPE_CHECKING:
    from pathlib import Path


async def start(folder: Path) -> VirtualBoard:
    shutil.copytree(FIRMWARE, folder / "files")
    board = await start_board("ice1", folder, "pico2-ice")
    await board.reach("serial")
    return board


def test_the_firmware_measures_circuits(tmp_path: Path) -> None:
    async def scenario() -> None:
        board = await start(tmp_path)
        try:
            assert board.port is not None
            meter = await FramedMeter.open(line_to(board.port.link), node="ice1", answer=20.0)
            assert meter.identity.buffers == 2
            for name, pulses in (("div1500", 32_000), ("gate", 18_000_000), ("burst", 37)):
                counted = await meter.count(await meter.load(circuit(name)), SECOND)
                assert counted.pulses == pulses, name
            # the next one travels while one is measured
            buffers = [await meter.load(circuit(name)) for name in ("bursts", "johnson")]
            both = await asyncio.gather(*(meter.count(buffer, SECOND) for buffer in buffers))
            assert [counted.pulses for counted in both] == [240_000, 1_043_478]
            assert (await meter.status()).cdone
            with pytest.raises(CircuitRefusedError, match="CDONE stayed low"):
                await meter.count(await meter.load(damaged("div1500")), SECOND)
            assert not (await meter.status()).cdone
            with pytest.raises(NotMeasurableError, match="cannot tell: logic feeds itself"):
                await meter.count(await meter.load(circuit("refused/ring")), SECOND)
            assert (await meter.sample(await meter.load(circuit("constant")), 3, 1000)).samples == (
                0xFFFF,
            ) * 3
            # the board starts anew, and its FPGA with it
            await board.device.reset()
            assert not (await meter.status()).cdone
            assert (await meter.count(await meter.load(circuit("div1024")), SECOND)).pulses == 46_875
            await meter.close()
        finally:
            await board.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("keys", [b"\3", b"\r\3"], ids=["ctrl-c", "as-mpremote"])
def test_ctrl_c_gives_the_repl_back(tmp_path: Path, keys: bytes) -> None:
    async def scenario() -> None:
        board = await start(tmp_path)
        try:
            assert board.port is not None
            meter = await FramedMeter.open(line_to(board.port.link), node="ice1", answer=20.0)
            await meter.close()
            line = line_to(board.port.link)
            seen = b""
            async with asyncio.timeout(30):
                while b">>>" not in seen:
                    # the line has to be quiet before
                    await asyncio.sleep(0.05)
                    await line.write(keys)
                    try:
                        async with asyncio.timeout(1):
                            while b">>>" not in seen:
                                seen += await line.read()
                    except TimeoutError:
                        continue
                await line.write(b"import machine; print(machine.freq())\r")
                while b"144000000" not in seen:
                    seen += await line.read()
            await line.close()
        finally:
            await board.close()

    asyncio.run(scenario())
