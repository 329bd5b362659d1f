"""What the twin does not count: a class and a message for each cause, never a number."""

from __future__ import annotations

from pathlib import Path

import pytest

from hivectl.virtual.fpga import errors
from hivectl.virtual.fpga.cache import NetlistCache
from hivectl.virtual.fpga.target import ICESTICK, PICO2_ICE, Target
from hivectl.virtual.fpga.twin import Twin

CIRCUITS = Path(__file__).parent / "circuits"
CAUSES = {
    "asynchronous": (errors.AsynchronousResetError, "asynchronously"),
    "ddr": (errors.OutputKindError, "double data rate"),
    "elsewhere": (errors.NotDrivenError, "does not drive pin 27.*; it drives 28$"),
    "multiplier": (errors.HardBlockError, "hard block"),
    "otherclock": (errors.MissingClockError, "pin 20"),
    "otherinput": (errors.UnknownInputError, "depends on pin 20"),
    "pll": (errors.PllError, "phase-locked"),
    "ring": (errors.CombinationalLoopError, "feeds itself.*only a real board"),
    "ripple": (errors.DerivedClockError, "clocked by other logic"),
    "twoclocks": (errors.SeveralClocksError, "several sources"),
    "write": (errors.MemoryWriteError, "is written to"),
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> NetlistCache:
    return NetlistCache(tmp_path_factory.mktemp("netlists"))


def test_every_refused_circuit_has_its_cause() -> None:
    assert {path.stem for path in (CIRCUITS / "refused").glob("*.bin")} == set(CAUSES)


@pytest.mark.parametrize("name", sorted(CAUSES))
def test_refused_by_name(name: str, cache: NetlistCache) -> None:
    kind, message = CAUSES[name]
    with pytest.raises(kind, match=message) as caught:
        Twin(PICO2_ICE, cache=cache).load((CIRCUITS / "refused" / f"{name}.bin").read_bytes(), name)
    assert type(caught.value) is kind


def test_a_bitstream_for_another_chip(cache: NetlistCache) -> None:
    with pytest.raises(
        errors.WrongDeviceError, match=r"div\.bin is for an iCE40 hx1k, and the board pico2-ice"
    ):
        Twin(PICO2_ICE, cache=cache).load((CIRCUITS / "hx1k" / "div1024.bin").read_bytes(), "div.bin")
    with pytest.raises(errors.WrongDeviceError, match="icestick"):
        Twin(ICESTICK, cache=cache).load((CIRCUITS / "div1024.bin").read_bytes(), "div.bin")


def test_pins_that_are_not_there(cache: NetlistCache) -> None:
    data = (CIRCUITS / "div1024.bin").read_bytes()
    with pytest.raises(errors.PinError, match="sg48 has no pin 99"):
        Twin(Target("odd", "5k", "sg48", "35", "99"), cache=cache).load(data)
    with pytest.raises(errors.WrongDeviceError, match="package bga"):
        Twin(Target("odd", "5k", "bga", "35", "27"), cache=cache).load(data)
    with pytest.raises(errors.NotDrivenError, match="drives 27"):
        Twin(Target("odd", "5k", "sg48", "35", "28"), cache=cache).load(data)
    with pytest.raises(errors.MissingClockError, match="pin 35"):
        Twin(Target("odd", "5k", "sg48", "20", "27"), cache=cache).load(data)


@pytest.mark.parametrize("window", [0, -1, 1.5, True, "1"])
def test_windows_that_are_none(window: int, cache: NetlistCache) -> None:
    found = Twin(PICO2_ICE, cache=cache).load((CIRCUITS / "div1024.bin").read_bytes())
    with pytest.raises(errors.WindowError, match="positive number of clock cycles"):
        found.count(window)
