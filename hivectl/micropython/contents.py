"""What is in files, on their way to a board and back: literals of MicroPython, packed or not, and a board's answer."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from hivectl.micropython.errors import DamagedError
from hivectl.micropython.literals import literal
from hivectl.micropython.programs import NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# in a file that is brought back
ESCAPE = b"\x10"
# behind the escape: what follows is its SHA-256
DIGEST = b"E"
ESCAPED = {b"P": b"\x10", b"D": b"\x04", b"N": b"\n", b"R": b"\r"}


class Decoder:
    """A file as `_g` of the helper prints it: its bytes, but for those that a terminal may change or take for an end.

    Without sys.stdout.buffer: lines of hexadecimal digits. Where the board can hash, the digest comes last.
    """

    def __init__(self, sink: Callable[[bytes], object], path: str, node: str | None, *, plain: bool) -> None:
        self._sink = sink
        self._path = path
        self._node = node
        self._plain = plain
        self._rest = b""
        # what may be the digest: the last line, or what is behind the mark
        self._last: bytes | None = None
        self._hasher = hashlib.sha256()

    def take(self, data: bytes) -> None:
        """Take output as it comes."""
        if not self._plain and self._last is not None:
            self._last += data
            return
        data = self._rest + data
        cut = data.rfind(b"\n") + 1 if self._plain else len(data) - data.endswith(ESCAPE)
        self._rest = data[cut:]
        try:
            self._lines(data[:cut]) if self._plain else self._bytes(data[:cut])
        except (ValueError, KeyError) as error:
            raise self._damaged() from error

    def end(self, *, whole: bool) -> None:
        """Take the end of the output; `whole`: the digest must have come."""
        if self._rest:
            raise self._damaged()
        if whole and (self._last or b"").decode("ascii", "replace").strip() != self._hasher.hexdigest():
            raise self._damaged()
        if not whole and self._plain and self._last:
            self._pass_on(bytes.fromhex(self._last.decode("ascii")))

    def _damaged(self) -> DamagedError:
        return DamagedError(f"{self._path} was damaged on its way from the board", node=self._node)

    def _pass_on(self, data: bytes) -> None:
        self._hasher.update(data)
        self._sink(data)

    def _lines(self, data: bytes) -> None:
        for line in data.splitlines():
            if self._last is not None:
                self._pass_on(bytes.fromhex(self._last.decode("ascii")))
            self._last = line

    def _bytes(self, data: bytes) -> None:
        first, *others = data.split(ESCAPE)
        decoded = [first]
        for place, part in enumerate(others):
            if part[:1] == DIGEST:
                self._last = ESCAPE.join([part[1:], *others[place + 1 :]])
                break
            decoded.append(ESCAPED[part[:1]] + part[1:])
        self._pass_on(b"".join(decoded))


def measure(content: bytes | Path) -> tuple[int, str]:
    """Return a content's size and SHA-256."""
    if isinstance(content, Path):
        with content.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return file.tell(), digest
    return len(content), hashlib.sha256(content).hexdigest()


def size_of(path: Path) -> int:
    """Return how many bytes a file has."""
    return path.stat().st_size


def loaded(path: Path, limit: int) -> bytes | Path:
    """Return what is in a small file."""
    return path.read_bytes() if size_of(path) <= limit else path


def pieces_of(content: bytes | Path, chunk: int) -> Iterator[bytes]:
    """Yield a content in pieces."""
    if isinstance(content, Path):
        with content.open("rb") as file:
            while piece := file.read(chunk):
                yield piece
        return
    for start in range(0, len(content), chunk):
        yield content[start : start + chunk]


def line_of(piece: bytes, *, deflate: bool) -> bytes:
    """Return the line that writes a piece of a file, packed where that is shorter."""
    data, packed = literal_of(piece, deflate=deflate)
    return b"%b._%b(%b)\n" % (NAME.encode(), b"z" if packed else b"a", data)


def literal_of(piece: bytes, *, deflate: bool) -> tuple[bytes, bool]:
    """Return the literal of a piece of a file, and whether it is packed, which it is where that is shorter."""
    if deflate:
        packer = zlib.compressobj(9, zlib.DEFLATED, -12)
        packed = packer.compress(piece) + packer.flush()
        if len(packed) < 0.9 * len(piece):
            return literal(packed), True
    return literal(piece), False
