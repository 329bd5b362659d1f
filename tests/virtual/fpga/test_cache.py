"""Netlists that were worked out before: shipped, or in the user's cache."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from hivectl.bitstream.reading import read_bitstream
from hivectl.virtual.fpga import icebox
from hivectl.virtual.fpga.cache import SHIPPED, NetlistCache, key_of
from hivectl.virtual.fpga.errors import IceboxMissingError
from hivectl.virtual.fpga.netlist import Netlist
from hivectl.virtual.fpga.target import PICO2_ICE
from hivectl.virtual.fpga.twin import Twin, extract_netlist
from tests.virtual.fpga.ship import CIRCUITS

# pulses in a second of 48 MHz
COUNTS = {"bursts": 240_000, "div": 46_875, "gate": 18_000_000, "khz32": 32_000, "ring": 1_043_478}
DIV = (Path(__file__).parent / "circuits" / "div1024.bin").read_bytes()


@pytest.fixture
def without_icebox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(icebox, "PLACES", ())
    monkeypatch.setattr(icebox, "_load", icebox._load.__wrapped__)
    monkeypatch.setattr("hivectl.virtual.fpga.chip.chip_of", _no_chip)


def _no_chip(device: str) -> None:
    assert device
    icebox.load_icebox()


def test_what_is_shipped_is_what_the_engine_makes() -> None:
    keys = set()
    for path in sorted(CIRCUITS.glob("*.bin")):
        bitstream = read_bitstream(path.read_bytes(), path.name)
        key = key_of(bitstream.sha256, PICO2_ICE)
        keys.add(f"{key}.json")
        shipped = Netlist.from_json(json.loads((SHIPPED / f"{key}.json").read_bytes()))
        assert shipped == extract_netlist(bitstream, PICO2_ICE), (
            f"{path.name}: python -m tests.virtual.fpga.ship"
        )
    assert {path.name for path in SHIPPED.iterdir()} == keys


@pytest.mark.usefixtures("without_icebox")
def test_the_quickstart_needs_no_icestorm(tmp_path: Path) -> None:
    twin = Twin(PICO2_ICE, cache=NetlistCache(tmp_path), wasm=False)
    counts = {
        path.stem: twin.load(path.read_bytes(), path.name).count(48_000_000).pulses
        for path in CIRCUITS.glob("*.bin")
    }
    assert counts == COUNTS
    other = (Path(__file__).parent / "circuits" / "enable.bin").read_bytes()
    with pytest.raises(IceboxMissingError, match=r"icebox is not here.*apt-get install") as caught:
        twin.load(other, "enable.bin")
    assert caught.value.hint is not None


def test_a_netlist_is_kept_and_a_damaged_one_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "enable.bin"
    shutil.copy(Path(__file__).parent / "circuits" / "enable.bin", path)
    cache = NetlistCache(tmp_path / "kept")
    expected = Twin(PICO2_ICE, cache=cache).load(path.read_bytes()).netlist
    (kept,) = (tmp_path / "kept").iterdir()
    assert cache.find(kept.stem) == expected
    for damage in (
        "",
        "{}",
        "[1]",
        kept.read_text()[:-9],
        kept.read_text().replace('"version":1', '"version":0'),
    ):
        kept.write_text(damage)
        assert cache.find(kept.stem) is None
        assert Twin(PICO2_ICE, cache=cache).load(path.read_bytes()).netlist == expected
        assert cache.find(kept.stem) == expected


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    twin = Twin(PICO2_ICE, cache=NetlistCache(tmp_path / "file"))
    assert (
        twin.load((Path(__file__).parent / "circuits" / "negative.bin").read_bytes()).count(300).pulses == 100
    )


def test_asc_and_bin_are_one_circuit(tmp_path: Path) -> None:
    from hivectl.bitstream.asc import write_asc
    from hivectl.bitstream.ice40 import read_image

    text = write_asc(read_image(DIV, "div")).encode()
    twin = Twin(PICO2_ICE, cache=NetlistCache(tmp_path))
    assert twin.load(text, "div.asc") is twin.load(DIV, "div.bin")
    assert twin.load(text, "div.asc").count(48_000_000).pulses == 46_875
