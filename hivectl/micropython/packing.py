"""Small changes to a board's files, several in one program: each program is a round trip at least.

Over Wi-Fi a program is many: raw paste grants 128 bytes at a time. So changes go there as a file beside the REPL, which
no window slows down, and one short program carries out what is in it. Flash is written twice for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from hivectl.micropython.contents import literal_of
from hivectl.micropython.programs import NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

# in a program, behind each change: it tells that this one is done
DONE = b"print()\n"


class Carry(Protocol):
    """Carries changes out: `Files.carry`."""

    async def __call__(self, changes: Sequence[bytes], sink: Callable[[bytes], None]) -> None:
        """Run code after code, and give the sink what is printed; raises as `Files.run`."""
        ...


class Pack:
    """Changes that wait for others to travel with, in their order.

    Args:
        limit: bytes that travel together.
        carry: carries them out.

    Attributes:
        count: how many wait.
        done: how many of those that were sent last are known to be done, also where something was raised.
    """

    count: int
    done: int

    def __init__(self, limit: int, carry: Carry) -> None:
        self._limit = limit
        self._carry = carry
        self._changes: list[bytes] = []
        self._size = 0
        self.count = 0
        self.done = 0

    def takes(self, code: bytes) -> bool:
        """Whether there is room for one more; an empty pack takes any."""
        return not self._changes or self._size + len(code) + len(DONE) <= self._limit

    def add(self, code: bytes) -> None:
        """Add a change; what comes behind it is left out when it fails."""
        self._changes.append(code + DONE)
        self._size += len(code) + len(DONE)
        self.count += 1

    async def send(self) -> None:
        """Carry out what waits, and be empty again; raises as `Files.run`."""
        changes, count = self._changes, self.count
        self._changes = []
        self._size = self.count = self.done = 0

        def take(data: bytes) -> None:
            self.done += data.count(b"\n")

        await self._carry(changes, take)
        self.done = count


def programs_of(changes: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """Yield programs of several changes each, of so many bytes at most unless one alone has more."""
    program = b""
    for change in changes:
        if program and len(program) + len(change) > limit:
            yield program
            program = b""
        program += change
    if program:
        yield program


def train_of(changes: Iterable[bytes]) -> bytes:
    """Return what is in a file of changes, which the helper's `_p` carries out one by one."""
    return b"".join(b"%d\n%b" % (len(change), change) for change in changes)


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
