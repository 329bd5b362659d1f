"""A bitstream from a file's bytes, whichever of its forms they are in: always checked before a board is touched."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hivectl.bitstream.asc import read_asc
from hivectl.bitstream.devices import Device, device_named
from hivectl.bitstream.errors import EmptyImageError, NotAnImageError, TooLargeError, WrongDeviceError
from hivectl.bitstream.ice40 import SYNC, read_image, write_image
from hivectl.model.records import record

if TYPE_CHECKING:
    from hivectl.bitstream.ice40 import Image

LARGEST = 16_000_000  # bytes; the largest `.asc`, of an 8k with the names of its nets, has some three million
NO_COMMENT = bytes.fromhex("FF0000FF")  # what `icepack` writes for an empty comment
SNIFFED = 4096  # bytes that are looked at to tell what a file is
# what files that are taken for bitstreams by mistake begin with
SIGNATURES = (
    (b"\x7fELF", "a program (ELF)", None),
    (b"UF2\n", "a UF2 file", "UF2 files are put on boards by `flash`"),
    (b"\x1f\x8b", "compressed (gzip)", "unpack it first"),
    (b"PK\x03\x04", "an archive (zip)", "unpack it first"),
    (b"BZh", "compressed (bzip2)", "unpack it first"),
    (b"\xfd7zXZ", "compressed (xz)", "unpack it first"),
    (b"\x89PNG", "a picture (PNG)", None),
    (b"%PDF", "a PDF file", None),
)


@record(kw_only=True)
class Bitstream:
    """One circuit, checked and packed.

    Attributes:
        name: of the file, as it was named.
        form: "bin" or "asc", as the file was.
        image: what it configures.
        packed: what boards get: with block RAM and without comment; 104,090 bytes for every up5k.
        sha256: of `packed`, in hexadecimal: the same circuit has the same, whatever its file's form and comment.
        warnings: what is odd, but does not make it useless.
    """

    name: str
    form: str
    image: Image
    packed: bytes
    sha256: str
    warnings: tuple[str, ...]

    @property
    def device(self) -> Device:
        """The device that it is for."""
        return self.image.device


def read_bitstream(data: bytes, name: str) -> Bitstream:
    """Check a bitstream in any of its forms, and pack it.

    Args:
        data: the whole file, `.bin` or `.asc`: its content says which.
        name: of the file, for complaints.

    Raises:
        ImageError: a leaf for each cause, saying what is wrong and where.
    """
    if len(data) > LARGEST:
        raise TooLargeError(
            f"{len(data):,} bytes are too many for a bitstream (up to {LARGEST:,})", name=name
        )
    form = sniff(data, name)
    image = read_asc(data, name) if form == "asc" else read_image(data, name)
    packed = write_image(image, header=NO_COMMENT)
    return Bitstream(
        name=name,
        form=form,
        image=image,
        packed=packed,
        sha256=hashlib.sha256(packed).hexdigest(),
        warnings=image.warnings,
    )


def sniff(data: bytes, name: str) -> str:
    """Return "bin" or "asc"; raises EmptyImageError, and NotAnImageError with what it is instead."""
    if not data:
        raise EmptyImageError("the file is empty", name=name)
    for signature, what, hint in SIGNATURES:
        if data.startswith(signature):
            raise NotAnImageError(f"{what}, not a bitstream", name=name, hint=hint)
    if SYNC in data:
        return "bin"
    if not _is_text(data[:SNIFFED]):
        return "bin"  # whose reader says what is missing
    if any(line.startswith((b".comment", b".device")) for line in data[:SNIFFED].splitlines()):
        return "asc"
    raise NotAnImageError(
        "text, not a bitstream: an .asc file begins with .comment or .device",
        name=name,
        hint="sources go through yosys and nextpnr-ice40 first",
    )


def _is_text(data: bytes) -> bool:
    # comments of .asc files may be in any language
    return not any(byte < 32 and byte not in b"\t\n\r\f" for byte in data)


def check_device(bitstream: Bitstream, device: str, *, node: str | None = None) -> None:
    """Refuse a bitstream that is for another device; raises WrongDeviceError.

    Args:
        bitstream: that shall be loaded.
        device: that the board has, by any of its names.
        node: that the board is, for the complaint.
    """
    known = device_named(device)
    if known is None or known.name != bitstream.device.name:
        board = f"{node} has" if node else "the board has"
        raise WrongDeviceError(
            f"made for {bitstream.device.name}, but {board} {known.name if known else device}",
            name=bitstream.name,
            hint=f"build it with nextpnr-ice40 --{known.name if known else device}",
        )
