"""Frames: what goes between a host and this board, both ways. The README has the table.

A header of 16 bytes, little endian: magic, verb, status, sequence, length, CRC-32 of the 12 bytes before;
then the payload, then its CRC-32. Bytes between frames are no frames: a host takes them for what was printed.
"""

import struct
from binascii import crc32

MAGIC = b"\xc5HF1"
HEADER = "<4sBBHII"
HEADER_SIZE = 16
REPLY = 0x80
# none is a byte that a terminal sends
HELLO, LOAD, COUNT, SAMPLE, STATUS = 0x10, 0x11, 0x12, 0x13, 0x14
OK, BAD_FRAME, UNKNOWN_VERB, BAD_ARGUMENT, TOO_LARGE, REFUSED, NOTHING_LOADED, BUSY, FAULT = range(9)


def header(verb, status, sequence, length):
    """Return the header of a frame."""
    head = struct.pack("<4sBBHI", MAGIC, verb, status, sequence, length)
    return head + struct.pack("<I", crc32(head))


def reply(verb, sequence, payload=b"", status=OK):
    """Return a whole frame that answers `verb`; without success the payload is a text that says why."""
    return header(verb | REPLY, status, sequence, len(payload)) + payload + struct.pack("<I", crc32(payload))


class Reader:
    """Takes frames from a port, piece by piece.

    Args:
        port: `readinto(view)` waits until the view is full; `ready(milliseconds)` says whether something comes.
        largest: bytes of the largest payload.
        between: called between two pieces, so that a measurement's end is noticed while a bitstream comes in.

    Attributes:
        bad: damaged frames so far.
    """

    PIECE = 1024
    # milliseconds without a byte, after which a frame's beginning is expected again
    QUIET = 50

    def __init__(self, port, largest, between):
        self._port = port
        self._largest = largest
        self._between = between
        self._head = bytearray(HEADER_SIZE)
        self._sum = bytearray(4)
        self.bad = 0

    def read(self, room, quiet):
        """Return (verb, sequence, length, status); the payload is in `room` then.

        Raises KeyboardInterrupt for a Ctrl-C on a line that was quiet: somebody wants the REPL. Where bytes were
        lost, the rest of a frame may stand where a frame begins, and has any bytes.
        """
        view = memoryview(self._head)
        self._port.readinto(view[:1])
        while self._head[0] == 0 and self._port.ready(0):
            self._port.readinto(view[:1])
        if quiet and self._head[0] == 13 and self._port.ready(5):
            # mpremote ends a line first
            self._port.readinto(view[:1])
        first = self._head[0]
        if first == 3 and quiet:
            raise KeyboardInterrupt
        if first != MAGIC[0]:
            # zeros and ends of lines are how a host finds out where a frame ends that it lost bytes of
            return (0, 0, 0, OK) if first in b"\0\r\n" else self._damaged()
        self._port.readinto(view[1:])
        _, verb, _, sequence, length, check = struct.unpack(HEADER, self._head)
        if crc32(view[:12]) != check:
            return self._damaged()
        if length > min(self._largest, len(room)):
            self._drain()
            return verb, sequence, 0, TOO_LARGE
        self._fill(memoryview(room)[:length])
        self._port.readinto(memoryview(self._sum))
        if struct.unpack("<I", self._sum)[0] != crc32(memoryview(room)[:length]):
            self.bad += 1
            return verb, sequence, 0, BAD_FRAME
        return verb, sequence, length, OK

    def _fill(self, view):
        for start in range(0, len(view), self.PIECE):
            self._port.readinto(view[start : start + self.PIECE])
            self._between()

    def _damaged(self):
        """Nothing of the header is to be trusted: wait until the host has said all that it had to say."""
        self.bad += 1
        self._drain()
        return 0, 0, 0, BAD_FRAME

    def _drain(self):
        view = memoryview(self._sum)[:1]
        while self._port.ready(self.QUIET):
            self._port.readinto(view)
            self._between()
