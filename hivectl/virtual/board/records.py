"""WebREPL's file records, as a board carries them out: no digest, no rename, no error codes."""

from __future__ import annotations

import struct
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# signature, operation, flags, offset, size, length of the name, name
REQUEST = struct.Struct("<2sBBQLH64s")
PUT, GET, VERSION = 1, 2, 3
DONE = b"WB\x00\x00"
# of a file that is asked for, in one piece
PIECE = 256


class Records:
    """One transfer at a time.

    Args:
        root: the board's files.
        send: sends a binary frame.
    """

    def __init__(self, root: Path, send: Callable[[bytes], None]) -> None:
        self._root = root
        self._send = send
        self._request = b""
        self._file: IO[bytes] | None = None
        self._left = 0

    def take(self, data: bytes) -> None:
        """Take a binary frame; raises OSError where the board's program would."""
        while data:
            if self._file is None:
                missing = REQUEST.size - len(self._request)
                self._request += data[:missing]
                data = data[missing:]
                if len(self._request) == REQUEST.size:
                    self._begin()
            elif self._file.writable():
                data = self._write(data)
            else:
                self._read()
                data = data[1:]

    def end(self) -> None:
        """Forget a transfer that is under way: a file that was being put stays as far as it came."""
        self._request = b""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self) -> None:
        signature, operation, _, _, size, length, name = REQUEST.unpack(self._request)
        self._request = b""
        if signature != b"WA":
            return
        if operation == VERSION:
            self._send(bytes([1, 27, 0]))
            return
        path = self._root / name[:length].decode("utf-8", "replace").lstrip("/")
        if not path.resolve().is_relative_to(self._root.resolve()):
            raise PermissionError(path)
        self._file = path.open("wb" if operation == PUT else "rb", buffering=0)
        self._left = size
        self._send(DONE)
        if operation == PUT and not size:
            self._finish()

    def _write(self, data: bytes) -> bytes:
        assert self._file is not None
        piece = data[: self._left]
        self._file.write(piece)
        self._left -= len(piece)
        if not self._left:
            self._finish()
        return data[len(piece) :]

    def _read(self) -> None:
        assert self._file is not None
        piece = self._file.read(PIECE)
        self._send(struct.pack("<H", len(piece)) + piece)
        if not piece:
            self._finish()

    def _finish(self) -> None:
        self.end()
        self._send(DONE)
