"""Images for Espressif's chips: header, segments, checksums, whole flashes."""

import random

import pytest

from hivectl.bitstream.errors import (
    ChecksumError,
    CommandError,
    ImageError,
    NotAnImageError,
    TruncatedError,
    UnknownDeviceError,
    WrongDeviceError,
)
from hivectl.bitstream.esp32 import check_esp32_chip, read_esp32_image
from tests.support.images import esp32_flash, esp32_image

SEGMENTS = [random.Random(1).randbytes(1000), b"x" * 77, b"", b"\xff" * 4]
APP = esp32_image(SEGMENTS, project="micropython", version="v1.27.0")
BOOT = esp32_image([b"boot" * 100])


@pytest.mark.parametrize("hashed", [True, False])
def test_an_application(hashed: bool) -> None:  # noqa: FBT001  # pytest gives it by name
    image = read_esp32_image(esp32_image(SEGMENTS, hashed=hashed, project="demo", version="1.2"), "app.bin")
    assert (image.chip, image.segments, image.hashed) == ("ESP32-S3", 5, hashed)
    assert (image.project, image.version) == ("demo", "1.2")
    assert not image.whole
    check_esp32_chip(image, "ESP32-S3")
    with pytest.raises(
        WrongDeviceError, match=r"app.bin: made for ESP32-S3, but e1 is ESP32 \(take the file"
    ):
        check_esp32_chip(image, "ESP32", node="e1")


@pytest.mark.parametrize(("chip", "offset"), [(9, 0), (0, 0x1000), (18, 0x2000)])
def test_a_whole_flash(chip: int, offset: int) -> None:
    boot = esp32_image([b"boot" * 100], chip=chip)
    app = esp32_image(SEGMENTS, chip=chip, project="micropython", version="v1.27.0")
    image = read_esp32_image(esp32_flash(boot, app, boot_offset=offset), "flash.bin")
    assert (image.whole, image.offset, image.project) == (True, offset, "micropython")


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (b"", ImageError, "the file is empty"),
        (b"UF2\n", NotAnImageError, "begins with 55, not E9"),
        (APP[:20], TruncatedError, "ends within the header at byte 20"),
        (b"\xe9\x00" + APP[2:], CommandError, "0 segments"),
        (b"\xe9\x11" + APP[2:], CommandError, "17 segments"),
        (APP[:12] + b"\x63" + APP[13:], UnknownDeviceError, "chip number 99 is not known at byte 12"),
        (APP[:23] + b"\x07" + APP[24:], CommandError, "byte 23 of the header says 7"),
        (APP[:600], TruncatedError, "ends within segment 1"),
        (APP[:-1], TruncatedError, "ends within its SHA-256"),
        (APP[:-40], TruncatedError, "ends before the checksum|ends within segment"),
        (APP[:500] + b"\x01" + APP[501:], ChecksumError, "checksum mismatch"),
        (APP[:-1] + bytes([APP[-1] ^ 1]), ChecksumError, "SHA-256 mismatch"),
        (esp32_flash(BOOT, esp32_image(SEGMENTS, chip=5), boot_offset=0), WrongDeviceError, "boot loader is for ESP32-S3, the application for ESP32-C3"),
        (esp32_flash(BOOT, APP[:-1] + b"?", boot_offset=0), ChecksumError, "SHA-256 mismatch"),
        (esp32_flash(BOOT, b"no image" * 9, boot_offset=0), NotAnImageError, "an image must begin with E9, not 6E at byte 65536"),
    ],
)  # fmt: skip  # a table
def test_refusals(data: bytes, error: type[ImageError], says: str) -> None:
    with pytest.raises(error, match=says) as raised:
        read_esp32_image(data, "firmware.bin")
    assert str(raised.value).startswith("firmware.bin: ")
