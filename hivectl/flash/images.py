"""Images as files: what kind one is, whether the board may get it, and which firmware is in it."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from hivectl.boards.base import DFU, ELF, ESPRESSIF, FOLDER, ICE40, RAW, UF2
from hivectl.model.errors import InputError
from hivectl.model.records import record

if TYPE_CHECKING:
    from pathlib import Path

    from hivectl.boards.base import Board

# bytes: the largest flash that any of the boards carries, as UF2 twice as large
LARGEST = 64 << 20
# as MicroPython greets: py/mpversion, shared/runtime/pyexec.c
BANNER = re.compile(rb"MicroPython (v\S{1,60} on \d{4}-\d\d-\d\d)")
MACHINE = re.compile(rb"; ([\x20-\x7e]{3,80} with [A-Za-z0-9 -]{3,20})\x00")
# where a bitstream's comment may end: icestorm's own are shorter
SYNC, HEAD = b"\x7e\xaa\x99\x7e", 4096


class ImageFileError(InputError):
    """The file is no image, or none for this board."""


@record(kw_only=True)
class Image:
    """A file that is to be put on a board.

    Attributes:
        path: where it is.
        kind: as `hivectl.boards.base` names kinds.
        data: all of it; empty for a folder.
        digest: SHA-256 of the file.
        version: of the MicroPython in it, as in `v1.27.0 on 2025-12-09`; None where it is something else.
        content: what the board will hold, without the container.
    """

    path: Path
    kind: str
    data: bytes
    digest: str
    version: str | None
    content: bytes

    @property
    def name(self) -> str:
        """Its file name, and what is in it."""
        return f"{self.path.name} (MicroPython {self.version})" if self.version else self.path.name


def read_image(path: Path, board: Board) -> Image:
    """Read an image and see that the board may get it.

    Args:
        path: of the file, or of a folder of MicroPython sources.
        board: that shall get it.

    Raises:
        ImageFileError: it cannot be read, is no image, is damaged, or is for another chip.
    """
    if path.is_dir():
        if not any(path.iterdir()):
            raise ImageFileError(f"{path} is an empty folder")
        return Image(path=path, kind=FOLDER, data=b"", digest="", version=None, content=b"")
    try:
        if path.stat().st_size > LARGEST:
            raise ImageFileError(
                f"{path} has {path.stat().st_size} bytes: no board takes so much",
                hint="is that the right file?",
            )
        data = path.read_bytes()
    except OSError as error:
        raise ImageFileError(f"{path} cannot be read: {error.strerror}") from error
    kind = kind_of(path, data)
    content = check_uf2(path, data, board) if kind == UF2 else data
    found = BANNER.search(content) if kind != ICE40 else None
    return Image(
        path=path,
        kind=kind,
        data=data,
        digest=hashlib.sha256(data).hexdigest(),
        version=found[1].decode("ascii") if found else None,
        content=content,
    )


def kind_of(path: Path, data: bytes) -> str:
    """Return what a file is, by its content and only then by its name; raises ImageFileError."""
    if not data:
        raise ImageFileError(f"{path} is empty")
    if data.startswith(b"UF2\n"):
        return UF2
    if data.startswith(b"\x7fELF"):
        return ELF
    if SYNC in data[:HEAD] or (path.suffix == ".asc" and b".device" in data):
        return ICE40
    # the suffix of DFU files (USB DFU 1.1, appendix B)
    if data[-8:-5] == b"UFD":
        return DFU
    # an image of the ROM's boot loaders (Espressif, "Firmware Image Format"); flash images of ESP32 and C5 begin
    # where their boot loader does
    if data[0] == 0xE9:
        return ESPRESSIF
    if path.suffix in (".bin", ".img"):
        return RAW
    raise ImageFileError(
        f"{path} is no image: it begins with {data[:8].hex(' ')}",
        hint="images are UF2, ELF, DFU, images of Espressif's, and iCE40 bitstreams",
    )


def check_uf2(path: Path, data: bytes, board: Board) -> bytes:
    """See that a UF2 file is whole and for this board; return what its flash will hold.

    Raises:
        ImageFileError: it is not.
    """
    import struct

    if len(data) % 512:
        raise ImageFileError(f"{path} is cut off: {len(data)} bytes are no multiple of 512")
    pieces: dict[int, bytes] = {}
    families: set[int] = set()
    for start in range(0, len(data), 512):
        words = struct.unpack_from("<8I", data, start)
        (end,) = struct.unpack_from("<I", data, start + 508)
        if words[:2] != (0x0A324655, 0x9E5D5157) or end != 0x0AB16F30:
            raise ImageFileError(f"{path} is damaged: block {start // 512} is no UF2 block")
        _, _, flags, address, size, _, _, family = words
        if flags & 0x1 or not flags & 0x2000:
            continue
        families.add(family)
        pieces[address] = data[start + 32 : start + 32 + size]
    if not families & board.families:
        named = ", ".join(f"{family:08X}" for family in sorted(families)) or "none"
        raise ImageFileError(
            f"{path} is for another chip: its family is {named}, a board {board.name} takes "
            + ", ".join(f"{family:08X}" for family in sorted(board.families)),
            hint=f"get the image for {board.name}: {board.firmware}" if board.firmware else None,
        )
    return b"".join(pieces[address] for address in sorted(pieces))
