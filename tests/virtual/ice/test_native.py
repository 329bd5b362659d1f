"""Boards whose firmware is played, measured as real ones are: over their serial ports, by the hosts' own side."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.bitstream import frames
from hivectl.bitstream.framed import FramedMeter
from hivectl.bitstream.frames import Decoder, Frame, Mode, Packing, Verb
from hivectl.bitstream.icefarm import IcefarmMeter
from hivectl.bitstream.measuring import (
    PULSES,
    VARIANCE,
    BoardLostError,
    CircuitRefusedError,
    NotMeasurableError,
)
from hivectl.bitstream.opening import open_meter
from hivectl.model.errors import InputError
from hivectl.virtual.fpga.cache import NetlistCache
from hivectl.virtual.fpga.target import PICO2_ICE
from hivectl.virtual.fpga.twin import Twin
from hivectl.virtual.ice import icefarm
from hivectl.virtual.ice.fpga import Configurations
from hivectl.virtual.ice.start import VirtualIce, start_native
from hivectl.virtual.registry import start_virtual
from tests.support.ice_boards import SECOND, circuit, damaged, line_to
from tests.support.uf2 import RP2350, micropython

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from hivectl.drivers.terminal import Terminal


@pytest.fixture(scope="module")
def configurations(tmp_path_factory: pytest.TempPathFactory) -> Configurations:
    return Configurations(Twin(PICO2_ICE, cache=NetlistCache(tmp_path_factory.mktemp("netlists"))))


@asynccontextmanager
async def board(
    folder: Path, configurations: Configurations, kind: str = "pico2-ice-native"
) -> AsyncIterator[VirtualIce]:
    started = await start_native("ice1", folder, kind, configurations=configurations)
    try:
        await started.reach("serial")
        yield started
    finally:
        await started.close()


def line(started: VirtualIce) -> Terminal:
    assert started.usb.port is not None
    return line_to(started.usb.port.link)


def test_counts_are_those_of_the_twin(tmp_path: Path, configurations: Configurations) -> None:
    async def scenario() -> None:
        async with board(tmp_path, configurations) as ice:
            meter = await FramedMeter.open(line(ice), node="ice1")
            try:
                assert (meter.identity.device, meter.identity.serial) == ("up5k", b"ice1virt".hex())
                for name, pulses in (("div1500", 32_000), ("bursts", 240_000), ("oscillator", 750_000)):
                    buffer = await meter.load(circuit(name))
                    counted = await meter.count(buffer, SECOND)
                    assert (counted.pulses, counted.cycles) == (pulses, SECOND), name
                    meter.free(buffer)
                assert (await meter.status()).cdone
            finally:
                await meter.close()

    asyncio.run(scenario())


def test_what_the_fpga_refuses_and_what_the_twin_cannot_tell(
    tmp_path: Path, configurations: Configurations
) -> None:
    async def scenario() -> None:
        async with board(tmp_path, configurations) as ice:
            meter = await FramedMeter.open(line(ice), node="ice1")
            try:
                with pytest.raises(CircuitRefusedError, match="CDONE stayed low"):
                    await meter.count(await meter.load(damaged("div1500")), SECOND)
                assert not (await meter.status()).cdone
                with pytest.raises(NotMeasurableError, match="cannot tell: logic feeds itself"):
                    await meter.count(await meter.load(circuit("refused/ring")), SECOND)
                # a real FPGA takes it
                assert (await meter.status()).cdone
                # a bad circuit fails alone
                assert (await meter.count(await meter.load(circuit("div1024")), 512)).pulses == 1
            finally:
                await meter.close()

    asyncio.run(scenario())


def test_a_bitstream_that_comes_right_behind_has_no_part_in_a_measurement(
    tmp_path: Path, configurations: Configurations
) -> None:
    async def scenario() -> None:
        async with board(tmp_path, configurations) as ice:
            terminal = line(ice)
            asked = b""
            names = ("refused/ddr", "refused/pll", "refused/ring")
            for number, name in enumerate(names):
                image = circuit(name).packed
                load = frames.LOAD.pack(Packing.PLAIN, len(image)) + image
                asked += frames.encode(Verb.LOAD, 2 * number, load)
                asked += frames.encode(Verb.COUNT, 2 * number + 1, frames.COUNT.pack(Mode.TAKE, SECOND))
            writing = asyncio.create_task(terminal.write(asked))
            decoder, found = Decoder(), dict[int, Frame]()
            async with asyncio.timeout(30):
                while len(found) < 2 * len(names):
                    found |= {frame.sequence: frame for frame in decoder.feed(await terminal.read())}
            await writing
            await terminal.close()
            said = [found[number].payload.decode() for number in (1, 3, 5)]
            assert "double data rate" in said[0]
            # the board takes one beside the one that it measures: a third may be told to wait
            assert "phase-locked" in said[1] or "waits" in said[1], said
            assert "feeds itself" in said[2] or "wait" in said[2], said

    asyncio.run(scenario())


def test_a_count_that_would_take_for_ever_is_given_up_with_the_reason(
    tmp_path: Path, configurations: Configurations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hivectl.virtual.ice.fpga.PATIENCE", 0.3)

    async def scenario() -> None:
        async with board(tmp_path, configurations) as ice:
            meter = await FramedMeter.open(line(ice), node="ice1", answer=20.0)
            try:
                buffer = await meter.load(circuit("blink"))
                for _ in range(2):
                    with pytest.raises(NotMeasurableError, match=r"4,000,000,000 cycles .* a shorter window"):
                        await meter.count(buffer, 4_000_000_000)
                assert (await meter.count(buffer, 1000)).pulses == 0
            finally:
                await meter.close()

    # the thread of a circuit that has no period is let go at its next piece
    asyncio.run(scenario())


def test_samples_are_the_levels_of_the_pin(tmp_path: Path, configurations: Configurations) -> None:
    async def scenario() -> None:
        async with board(tmp_path, configurations) as ice:
            meter = await FramedMeter.open(line(ice), node="ice1")
            try:
                # 46,875 Hz, sampled 93,750 times a second from 100 ms on: 4,800,000 cycles are 4687.5 of its periods
                sampled = await meter.sample(await meter.load(circuit("div1024")), 6, 93_750)
                assert sampled.samples == (0xFFFF, 0, 0xFFFF, 0, 0xFFFF, 0)
                quiet = await meter.sample(await meter.load(circuit("constant")), 3, 1000)
                assert quiet.samples == (0xFFFF, 0xFFFF, 0xFFFF)
            finally:
                await meter.close()

    asyncio.run(scenario())


def test_lost_bytes_cost_time_but_no_result(tmp_path: Path, configurations: Configurations) -> None:
    async def scenario() -> None:
        async with board(tmp_path, configurations) as ice:
            meter = await FramedMeter.open(line(ice), node="ice1", answer=0.3)
            try:
                for name, pulses in (("div1500", 32_000), ("gate", 18_000_000), ("johnson", 1_043_478)) * 10:
                    ice.device.faults.loss = 3e-4
                    counted = await meter.count(await meter.load(circuit(name)), SECOND)
                    assert counted.pulses == pulses, name
                    ice.device.faults.loss = 0.0
                    if (await meter.status()).errors:
                        return
                pytest.fail("no frame lost a byte")
            finally:
                await meter.close()

    asyncio.run(scenario())


def test_a_board_that_is_unplugged_is_lost_and_comes_back(
    tmp_path: Path, configurations: Configurations
) -> None:
    async def scenario() -> None:
        async with board(tmp_path, configurations) as ice:
            meter = await FramedMeter.open(line(ice), node="ice1")
            ice.device.pace = 1.0
            counting = asyncio.create_task(meter.count(await meter.load(circuit("div1024")), 60 * SECOND))
            ice.usb.unplug()
            with pytest.raises(BoardLostError):
                await counting
            await meter.close()
            ice.device.pace = 0.0
            await ice.usb.replug()
            meter = await FramedMeter.open(line(ice), node="ice1")
            assert not (await meter.status()).cdone
            assert (await meter.count(await meter.load(circuit("div1024")), SECOND)).pulses == 46_875
            await meter.close()

    asyncio.run(scenario())


def test_a_window_takes_its_time_where_that_is_asked(tmp_path: Path, configurations: Configurations) -> None:
    async def scenario() -> None:
        async with board(tmp_path, configurations) as ice:
            ice.device.pace = 1.0
            meter = await FramedMeter.open(line(ice), node="ice1")
            try:
                loop = asyncio.get_running_loop()
                began = loop.time()
                await meter.count(await meter.load(circuit("div1024")), SECOND // 5)
                assert loop.time() - began >= 0.2
            finally:
                await meter.close()

    asyncio.run(scenario())


def test_the_inventory_reaches_them_by_their_serial_ports_alone(tmp_path: Path) -> None:
    async def scenario() -> None:
        started = await start_virtual("pico2-ice-native", "ice1", tmp_path)
        try:
            await line_to((await started.reach("serial"))["port"]).close()
            with pytest.raises(
                InputError, match="virtual `pico2-ice-native` is not reached by the driver webrepl"
            ):
                await started.reach("webrepl")
        finally:
            await started.close()
        with pytest.raises(InputError, match="did you mean `pico2-ice`"):
            await start_virtual("pico2-icy", "ice1", tmp_path)

    asyncio.run(scenario())


def test_its_boot_loader_takes_a_uf2_file(tmp_path: Path, configurations: Configurations) -> None:
    async def scenario() -> None:
        async with board(tmp_path, configurations) as ice:
            ice.plug()
            assert ice.device.on_loader is not None
            ice.device.on_loader()
            async with asyncio.timeout(30):
                while not ice.usb.boot.active:  # noqa: ASYNC110 - a volume that appears tells nobody
                    await asyncio.sleep(0.01)
            micropython(ice.usb.boot.volume / "new.uf2", family=RP2350)
            async with asyncio.timeout(30):
                while ice.usb.port is None or not ice.usb.port.link.is_symlink():  # noqa: ASYNC110 - likewise
                    await asyncio.sleep(0.01)
            assert ice.usb.boot.firmware.whole
            meter = await FramedMeter.open(line(ice), node="ice1")
            await meter.close()

    asyncio.run(scenario())


def test_icefarm_counts_in_a_second_of_its_own(tmp_path: Path, configurations: Configurations) -> None:
    async def scenario() -> None:
        async with board(tmp_path, configurations, "pico2-ice-icefarm") as ice:
            meter = await IcefarmMeter.open(line(ice), node="ice1")
            try:
                for name, pulses in (("div1500", 32_000), ("johnson", 1_043_478)):
                    counted = await meter.count(await meter.load(circuit(name)), SECOND)
                    assert (counted.pulses, counted.warnings) == (pulses, ())
                # this firmware does not look at CDONE
                counted = await meter.count(await meter.load(damaged("div1500")), SECOND)
                assert counted.pulses == 0
                assert "does not say" in counted.warnings[0]
            finally:
                await meter.close()

    asyncio.run(scenario())


def test_icefarm_is_ready_however_it_was_left(
    tmp_path: Path, configurations: Configurations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(icefarm, "WATCHDOG", 0.5)

    async def counted(ice: VirtualIce, protocol: str) -> int:
        async def fresh() -> Terminal:
            return line(ice)

        meter = await open_meter(fresh, node="ice1", measure=PULSES, protocol=protocol)
        try:
            assert isinstance(meter, IcefarmMeter)
            return (await meter.count(await meter.load(circuit("div1500")), SECOND)).pulses
        finally:
            await meter.close()

    async def scenario() -> None:
        async with board(tmp_path, configurations, "pico2-ice-icefarm") as ice:
            assert await counted(ice, "icefarm") == 32_000
            # it has said that it is ready, and says so to nobody any more
            assert await counted(ice, "auto") == 32_000
            # somebody else was stopped in the middle
            other = line(ice)
            await other.write(circuit("div1024").packed[:50_000])
            assert b"started" in await other.read()
            await other.close()
            assert await counted(ice, "icefarm") == 32_000
            meter = await IcefarmMeter.open(line(ice), node="ice1")
            ice.device.faults.loss = 0.5
            sent = asyncio.create_task(meter.count(await meter.load(circuit("div1500")), SECOND))
            firmware: Any = ice.device._firmware
            while not firmware.waiting:  # noqa: ASYNC110 - bytes that come tell nobody
                await asyncio.sleep(0.001)
            ice.device.faults.loss = 0
            assert (await sent).pulses == 32_000
            await meter.close()

    asyncio.run(scenario())


def test_icefarm_samples(tmp_path: Path, configurations: Configurations) -> None:
    async def scenario() -> None:
        async with board(tmp_path, configurations, "pico2-ice-icefarm-variance") as ice:
            meter = await IcefarmMeter.open(line(ice), node="ice1", measures=VARIANCE)
            try:
                sampled = await meter.sample(await meter.load(circuit("div1024")), 500, 10_000.0)
                # samples are 4,800 cycles apart: 4.6875 of its periods
                expected = [(4_800_000 + 4800 * number) % 1024 >= 512 for number in range(500)]
                assert [sample == 4095 for sample in sampled.samples] == expected
            finally:
                await meter.close()

    asyncio.run(scenario())
