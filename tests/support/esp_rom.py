"""The serial boot loader in the ROM of an ESP32, as far as esptool needs it to write and compare a flash.

Protocol: "Serial Protocol" in esptool's documentation: SLIP packets of direction, command, size, checksum and data.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import pty
import struct
import tty

END, ESCAPE = 0xC0, 0xDB
FLASH_BEGIN, FLASH_DATA, FLASH_END, SYNC, WRITE_REG, READ_REG = 0x02, 0x03, 0x04, 0x08, 0x09, 0x0A
SPI_SET_PARAMS, SPI_ATTACH, CHANGE_BAUD, MD5 = 0x0B, 0x0D, 0x0F, 0x13
# what tells an ESP32 from other chips
MAGIC_REGISTER, MAGIC = 0x40001000, 0x00F01D83
SPI_DATA, FLASH_ID = 0x3FF42080, 0x00164020
FLASH_SIZE = 4 << 20


class EspRom:
    """A chip in its boot loader, behind a pseudo-terminal; needs a running loop.

    Attributes:
        flash: what it holds.
        deaf_after: blocks until it answers no more; None: never.
        blocks: how many it has taken.
    """

    def __init__(self, chip: int = MAGIC) -> None:
        self._chip = chip
        self.flash = bytearray(b"\xff" * FLASH_SIZE)
        self.deaf_after: int | None = None
        self.blocks = 0
        self._at = self._size = 0
        self._buffer = bytearray()
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        asyncio.get_running_loop().add_reader(self._master, self._read)

    @property
    def path(self) -> str:
        """The serial port."""
        return os.ttyname(self._slave)

    def close(self) -> None:
        """Unplug it."""
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)
        os.close(self._slave)

    def _read(self) -> None:
        self._buffer += os.read(self._master, 65536)
        while (start := self._buffer.find(END)) >= 0:
            end = self._buffer.find(END, start + 1)
            if end < 0:
                return
            packet = bytes(self._buffer[start + 1 : end])
            if not packet:
                # the end of one packet that began before we listened, and the beginning of the next
                del self._buffer[: start + 1]
                continue
            del self._buffer[: end + 1]
            packet = packet.replace(b"\xdb\xdc", b"\xc0").replace(b"\xdb\xdd", b"\xdb")
            _, command, size, _ = struct.unpack_from("<BBHI", packet)
            self._carry_out(command, packet[8 : 8 + size])

    def _carry_out(self, command: int, data: bytes) -> None:
        if self.deaf_after is not None and self.blocks >= self.deaf_after:
            return
        value, body = 0, b""
        if command == SYNC:
            # the ROM answers it eight times
            for _ in range(7):
                self._answer(command, 0, b"")
        elif command == READ_REG:
            (register,) = struct.unpack("<I", data)
            value = {MAGIC_REGISTER: self._chip, SPI_DATA: FLASH_ID}.get(register, 0)
        elif command == FLASH_BEGIN:
            self._size, _, _, self._at = struct.unpack_from("<4I", data)
        elif command == FLASH_DATA:
            size, _ = struct.unpack_from("<2I", data)
            self.flash[self._at : self._at + size] = data[16 : 16 + size]
            self._at += size
            self.blocks += 1
        elif command == MD5:
            at, size = struct.unpack_from("<2I", data)
            body = hashlib.md5(self.flash[at : at + size]).hexdigest().encode()
        self._answer(command, value, body)

    def _answer(self, command: int, value: int, body: bytes) -> None:
        body += bytes(4)  # no error
        packet = struct.pack("<BBHI", 1, command, len(body), value) + body
        packet = packet.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc")
        os.write(self._master, b"\xc0" + packet + b"\xc0")
