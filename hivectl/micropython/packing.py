"""Small changes to a board's files, several in one program: each program is a round trip at least."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.micropython.contents import literal_of
from hivectl.micropython.programs import NAME

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

# in a program, behind each change: it tells that this one is done
DONE = b"print()\n"


class Pack:
    """Changes that wait for others to travel with, in their order.

    Args:
        limit: bytes of one program.

    Attributes:
        count: how many wait.
        done: how many of those that were sent last are known to be done, also where something was raised.
    """

    count: int
    done: int

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._code = bytearray()
        self.count = 0
        self.done = 0

    def takes(self, code: bytes) -> bool:
        """Whether there is room for one more; an empty pack takes any."""
        return not self._code or len(self._code) + len(code) + len(DONE) <= self._limit

    def add(self, code: bytes) -> None:
        """Add a change; what comes behind it is left out when it fails."""
        self._code += code + DONE
        self.count += 1

    async def send(self, run: Callable[..., Awaitable[bytes]]) -> None:
        """Carry out what waits, and be empty again.

        Args:
            run: `Files.run`, whose errors are raised.
        """
        code, count = bytes(self._code), self.count
        self._code.clear()
        self.count = self.done = 0

        def take(data: bytes) -> None:
            self.done += data.count(b"\n")

        await run(code, sink=take)
        self.done = count


def put_code(path: str, content: bytes, digest: str, *, deflate: bool) -> bytes:
    """Return code that writes a small file beside its place, compares it and renames it."""
    data, packed = literal_of(content, deflate=deflate)
    head = f"{NAME}._s({path!r},{len(path)},{digest!r},{packed:d},"
    return b"%b%b)\n" % (head.encode(), data)


def directory_code(path: str) -> bytes:
    """Return code that makes a directory and those above it; one that is there stays."""
    return f"{NAME}._m({path!r})\n".encode()


def removal_code(path: str) -> bytes:
    """Return code that removes a file, or a directory with all that is in it."""
    return f"{NAME}._r({path!r})\n".encode()
