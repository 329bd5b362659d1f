"""Images as files: what kind one is, whether the board may get it, and which firmware is in it."""

from __future__ import annotations

import hashlib
import re
import struct
from typing import TYPE_CHECKING

from hivectl.bitstream import uf2
from hivectl.bitstream.errors import (
    EmptyImageError,
    ImageError,
    NotAnImageError,
    TooLargeError,
)
from hivectl.bitstream.esp32 import check_esp32_chip, read_esp32_image
from hivectl.bitstream.ice40 import SYNC
from hivectl.bitstream.reading import check_device, read_bitstream
from hivectl.boards.base import DFU, ELF, ESPRESSIF, FOLDER, ICE40, RAW, UF2
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hivectl.boards.base import Board

# as MicroPython greets: shared/runtime/pyexec.c
BANNER = re.compile(rb"MicroPython (v\S{1,60} on \d{4}-\d\d-\d\d)")
# bytes of a file in which a bitstream's comment has ended
HEAD = 4096
ESP8266 = "ESP8266"


class UnreadableImageError(ImageError):
    """The file cannot be read."""


@record(kw_only=True)
class Image:
    """A file that is to be put on a board, and may be.

    Attributes:
        path: where it is.
        kind: as `hivectl.boards.base` names kinds.
        data: what flashers write; an .asc file's is the packed bitstream; empty for a folder.
        digest: SHA-256 of the file; of all its files for a folder.
        version: of the MicroPython in it, as in `v1.27.0 on 2025-12-09`; None where it is something else.
        content: what the board will hold, without the container.
        offset: where in the board's flash it belongs, if it says so itself.
        warnings: what is odd about it.
    """

    path: Path
    kind: str
    data: bytes
    digest: str
    version: str | None
    content: bytes
    offset: int | None = None
    warnings: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Its file name, and what is in it."""
        return f"{self.path.name} (MicroPython {self.version})" if self.version else self.path.name


def read_image(path: Path, board: Board) -> Image:
    """Read an image and see that the board may get it, before any board is touched.

    Args:
        path: of the file, or of a folder of MicroPython sources.
        board: that shall get it.

    Raises:
        ImageError: it cannot be read, is no image, is damaged, or is for another chip; a leaf for each cause.
    """
    if path.is_dir():
        return _folder(path)
    name = str(path)
    try:
        if path.stat().st_size > uf2.LARGEST:
            raise TooLargeError(f"{path.stat().st_size:,} bytes are too many for any board", name=name)
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableImageError(f"it cannot be read: {error.strerror}", name=name) from error
    kind = kind_of(path, data)
    written, content, offset = data, data, None
    warnings: tuple[str, ...] = ()
    if not board.ways_for(kind):
        # such a board is not flashed with this kind: whoever looks for a flasher says so
        pass
    elif kind == UF2:
        checked = uf2.read_uf2(data, name)
        uf2.check_chip(checked, board.chip, flash=board.flash_size or None)
        content, warnings = flashed(data, board.chip), checked.warnings
    elif kind == ICE40:
        bitstream = read_bitstream(data, name)
        check_device(bitstream, board.fpga or "")
        written = content = bitstream.packed
        warnings = bitstream.warnings
    elif kind == ESPRESSIF and board.chip != ESP8266:
        espressif = read_esp32_image(data, name)
        check_esp32_chip(espressif, board.chip)
        offset = espressif.offset
    found = None if kind == ICE40 else BANNER.search(content)
    return Image(
        path=path,
        kind=kind,
        data=written,
        digest=hashlib.sha256(data).hexdigest(),
        version=found[1].decode("ascii") if found else None,
        content=content,
        offset=offset,
        warnings=warnings,
    )


def kind_of(path: Path, data: bytes) -> str:
    """Return what a file is, by its content and only then by its name; raises ImageError."""
    if not data:
        raise EmptyImageError("the file is empty", name=str(path))
    if data.startswith(b"UF2\n"):
        return UF2
    if data.startswith(b"\x7fELF"):
        return ELF
    if SYNC in data[:HEAD] or path.suffix == ".asc":
        return ICE40
    # the suffix of DFU files (USB Device Class Specification for DFU 1.1, appendix B)
    if data[-8:-5] == b"UFD":
        return DFU
    # "Firmware Image Format" of Espressif
    if data[0] == 0xE9:
        return ESPRESSIF
    if path.suffix == ".bin":
        return RAW
    raise NotAnImageError(
        f"no image: it begins with {data[:8].hex(' ')}",
        name=str(path),
        hint="images are UF2, ELF and DFU files, images of Espressif's, and iCE40 bitstreams",
    )


def flashed(data: bytes, chip: str) -> bytes:
    """Return what a chip's flash will hold of a UF2 file, which has been checked."""
    return b"".join(piece for _, piece in sorted(_pieces(data, chip)))


def _pieces(data: bytes, chip: str) -> Iterator[tuple[int, bytes]]:
    for start in range(0, len(data), uf2.BLOCK):
        _, _, flags, address, size, _, _, family = struct.unpack_from("<8I", data, start)
        known = uf2.FAMILIES.get(family)
        if known is not None and chip in known.chips and not flags & uf2.NOT_MAIN_FLASH:
            yield address, data[start + 32 : start + 32 + size]


def _folder(path: Path) -> Image:
    files = sorted(one for one in path.rglob("*") if one.is_file() and "__pycache__" not in one.parts)
    if not files:
        raise EmptyImageError("the folder holds no file", name=str(path))
    digest = hashlib.sha256()
    for one in files:
        try:
            content = hashlib.sha256(one.read_bytes()).hexdigest()
        except OSError as error:
            raise UnreadableImageError(f"it cannot be read: {error.strerror}", name=str(one)) from error
        digest.update(f"{one.relative_to(path)}\0{content}\n".encode())
    return Image(path=path, kind=FOLDER, data=b"", digest=digest.hexdigest(), version=None, content=b"")
