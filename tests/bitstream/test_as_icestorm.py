"""Whatever IceStorm's tools make of an image, hivectl makes too, bit for bit."""

from dataclasses import replace
from pathlib import Path

import pytest

from hivectl.bitstream.asc import read_asc, write_asc
from hivectl.bitstream.devices import DEVICES, Device
from hivectl.bitstream.ice40 import read_image, write_image
from hivectl.bitstream.reading import read_bitstream
from tests.support.circuits import icepack, iceunpack, random_asc

every_device = pytest.mark.parametrize("device", DEVICES, ids=lambda device: device.name)


@every_device
def test_packed_as_icepack(device: Device, tmp_path: Path) -> None:
    for seed, warmboot in enumerate((True, False)):
        asc = random_asc(device, seed, comment="line one\nzweite Zeile: ü", warmboot=warmboot)
        image = read_asc(asc.encode(), "made.asc")
        assert write_image(image) == icepack(asc, tmp_path)
        assert image.warmboot is warmboot
        assert image.comment == "line one\nzweite Zeile: ü"


@every_device
def test_options_of_icepack(device: Device, tmp_path: Path) -> None:
    asc = random_asc(device, 3)
    image = read_asc(asc.encode(), "made.asc")
    awake = icepack(asc, tmp_path, "-s")
    assert write_image(replace(image, nosleep=True)) == awake
    assert read_image(awake, "made.bin").nosleep
    bare = icepack(asc, tmp_path, "-n")
    assert write_image(image, bram=False) == bare
    again = read_image(bare, "made.bin")
    assert again.bram == ()
    assert again.cram == image.cram


@every_device
def test_read_back_and_unpacked_as_iceunpack(device: Device, tmp_path: Path) -> None:
    asc = random_asc(device, 4)
    packed = icepack(asc, tmp_path)
    image = read_image(packed, "made.bin")
    assert image == read_asc(asc.encode(), "made.asc")
    assert write_asc(image) == iceunpack(packed, tmp_path)


def test_one_circuit_in_every_form_is_the_same(tmp_path: Path) -> None:
    up5k = next(device for device in DEVICES if device.name == "up5k")
    asc = random_asc(up5k, 5)
    one = read_bitstream(asc.encode(), "made.asc")
    other = read_bitstream(icepack(asc, tmp_path), "made.bin")
    silent = read_bitstream(icepack(random_asc(up5k, 5, comment=""), tmp_path), "made.bin")
    assert (one.form, other.form) == ("asc", "bin")
    assert one.sha256 == other.sha256 == silent.sha256
    assert len(one.packed) == 104090
    assert silent.packed == icepack(random_asc(up5k, 5, comment=""), tmp_path)
