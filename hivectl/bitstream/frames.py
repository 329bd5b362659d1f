"""Frames between a host and `firmware/pico2_ice`: how they are written and taken apart. No I/O.

A header of 16 bytes, little endian: magic (4 bytes), verb (1), status (1), sequence (2), length of the payload (4),
CRC-32 of the 12 bytes before (4); then the payload, then its CRC-32 (4). An answer has the verb's highest bit set and
the sequence of what it answers; its status is 0, or the payload is a text that says why not. What stands between
frames is no frame: text that the board printed.
"""

from __future__ import annotations

import enum
import struct
from binascii import crc32

from hivectl.model.records import record

MAGIC = b"\xc5HF1"
REPLY = 0x80
HEADER = struct.Struct("<4sBBHII")
CHECK = struct.Struct("<I")
# bytes of the largest answer: 4096 samples and some
LARGEST_ANSWER = 64 * 1024
# bytes of the largest bitstream that a board with three buffers takes
LARGEST_IMAGE = 112 * 1024
# of what the board printed, in bytes
KEPT = 4096


class Verb(enum.IntEnum):
    """What a host asks."""

    HELLO = 0x10
    LOAD = 0x11
    COUNT = 0x12
    SAMPLE = 0x13
    STATUS = 0x14


class Status(enum.IntEnum):
    """How it went."""

    OK = 0
    BAD_FRAME = 1
    UNKNOWN_VERB = 2
    BAD_ARGUMENT = 3
    TOO_LARGE = 4
    REFUSED = 5
    NOTHING_LOADED = 6
    BUSY = 7
    FAULT = 8


class Mode(enum.IntEnum):
    """Which circuit is measured."""

    GO_ON = 0
    TAKE = 1
    AGAIN = 2


class Packing(enum.IntEnum):
    """How a bitstream travels."""

    PLAIN = 0
    ZLIB = 1


# a LOAD begins with packing and bytes of the bitstream
LOAD = struct.Struct("<BI")
# a COUNT: mode, window in clock cycles; its answer: CRC-32 of the bitstream, microseconds of loading, window, pulses
COUNT = struct.Struct("<BQ")
COUNTED = struct.Struct("<IIQQ")
# a SAMPLE: mode, samples, samples a second, milliseconds to wait before; its answer: CRC-32 of the
# bitstream, microseconds of loading, samples, then each sample in 16 bits
SAMPLE = struct.Struct("<BHIH")
SAMPLED = struct.Struct("<IIH")


@record
class Frame:
    """One frame.

    Attributes:
        verb: of the question; answers have REPLY in it.
        status: as in `Status`.
        sequence: of the question, 0 to 65535.
        payload: its bytes.
    """

    verb: int
    status: int
    sequence: int
    payload: bytes


def encode(verb: int, sequence: int, payload: bytes = b"", status: int = 0) -> bytes:
    """Return the bytes of one frame."""
    head = HEADER.pack(MAGIC, verb, status, sequence, len(payload), 0)[:12]
    return b"".join((head, CHECK.pack(crc32(head)), payload, CHECK.pack(crc32(payload))))


class Decoder:
    """Takes frames out of what comes from a board.

    Attributes:
        printed: the last of what stood between frames.
        damaged: frames whose checks failed.
    """

    def __init__(self, largest: int = LARGEST_ANSWER) -> None:
        self._largest = largest
        self._buffer = bytearray()
        self.printed = b""
        self.damaged = 0

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frames that `data` completes."""
        self._buffer += data
        found: list[Frame] = []
        while True:
            start = self._buffer.find(MAGIC)
            if start < 0:
                # the magic may have begun at the end
                self._print(len(self._buffer) - len(MAGIC) + 1)
                return found
            self._print(start)
            if len(self._buffer) < HEADER.size:
                return found
            _, verb, status, sequence, length, check = HEADER.unpack_from(self._buffer)
            if crc32(self._buffer[:12]) != check or length > self._largest:
                self._reject()
                continue
            whole = HEADER.size + length + CHECK.size
            if len(self._buffer) < whole:
                return found
            payload = bytes(self._buffer[HEADER.size : HEADER.size + length])
            if CHECK.unpack_from(self._buffer, HEADER.size + length)[0] != crc32(payload):
                self._reject()
                continue
            del self._buffer[:whole]
            found.append(Frame(verb, status, sequence, payload))

    def _reject(self) -> None:
        self.damaged += 1
        del self._buffer[: len(MAGIC)]

    def _print(self, count: int) -> None:
        if count > 0:
            self.printed = (self.printed + bytes(self._buffer[:count]))[-KEPT:]
            del self._buffer[:count]
