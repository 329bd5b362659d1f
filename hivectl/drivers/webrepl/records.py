"""WebREPL's file records: files beside a program that runs, one round trip for each 256 bytes that come back.

They know no digest and no rename, and a name has 63 bytes at most. What comes back is faster through an idle REPL;
what goes there is faster by records, which no window of raw paste slows down.
"""

from __future__ import annotations

import asyncio
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from hivectl.drivers.errors import CapabilityError, ConnectionLostError
from hivectl.model.node_errors import OperationTimeoutError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from hivectl.drivers.webrepl.wire import WebReplWire

# signature, operation, flags, offset, size, length of the name, name (extmod/modwebrepl.c in MicroPython)
REQUEST = struct.Struct("<2sBBQLH64s")
PUT, GET, VERSION = 1, 2, 3
LONGEST_NAME = 63
# seconds without an answer; bytes a second that the slowest flash takes
PATIENCE, SLOWEST = 10.0, 5_000


class Records:
    """File records of one connection; one transfer at a time.

    Args:
        wire: logged in.
        node: for messages.
    """

    def __init__(self, wire: WebReplWire, node: str) -> None:
        self._wire = wire
        self._node = node
        self._turn = asyncio.Lock()

    async def version(self) -> tuple[int, int, int]:
        """Return the version of the board's WebREPL."""
        async with self._turn:
            async with self._deadline(PATIENCE):
                await self._wire.write_record(_request(VERSION, 0, b""))
                major, minor, micro = await self._wire.read_record(3)
            return major, minor, micro

    def takes(self, path: str) -> bool:
        """Whether the name is short enough."""
        return len(path.encode()) <= LONGEST_NAME

    async def put(self, path: str, pieces: Iterable[bytes], size: int) -> None:
        """Write a file in place: when the connection is cut, it is cut too.

        Args:
            path: its place.
            pieces: what is in it.
            size: of all pieces together, in bytes.

        Raises:
            CapabilityError: the name is too long.
            ConnectionLostError: the board could not open the file, or the line broke: records do not tell which.
            OperationTimeoutError: the board does not answer.
        """
        request = _request(PUT, size, self._name(path))
        async with self._turn, self._deadline(PATIENCE + size / SLOWEST):
            # the board reads on behind the request: there is no need to wait for its answer
            await self._wire.write_record(request)
            for piece in pieces:
                await self._wire.write_record(piece)
            await self._accepted()
            await self._accepted()

    async def get(self, path: str, sink: Callable[[bytes], object]) -> None:
        """Bring a file back, piece by piece; raises as `put`."""
        request = _request(GET, 0, self._name(path))
        async with self._turn:
            async with self._deadline(PATIENCE):
                await self._wire.write_record(request)
                await self._accepted()
            while True:
                async with self._deadline(PATIENCE):
                    await self._wire.write_record(b"\0")
                    size = int.from_bytes(await self._wire.read_record(2), "little")
                    if not size:
                        break
                    sink(await self._wire.read_record(size))
            async with self._deadline(PATIENCE):
                await self._accepted()

    def _name(self, path: str) -> bytes:
        name = path.encode()
        if len(name) > LONGEST_NAME:
            raise CapabilityError(
                f"WebREPL's file records take names of {LONGEST_NAME} bytes at most: {path} has {len(name)}",
                node=self._node,
                hint="transfer it while no program runs: the REPL has no such limit",
            )
        return name

    async def _accepted(self) -> None:
        answer = await self._wire.read_record(4)
        if answer != b"WB\0\0":
            raise ConnectionLostError(f"the board answered {answer!r} to a file record", node=self._node)

    @asynccontextmanager
    async def _deadline(self, seconds: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError as error:
            self._wire.abort()
            raise OperationTimeoutError(
                f"the board did not answer to a file record in {seconds:g} s", node=self._node
            ) from error
        except BaseException:
            # the board would take what comes next for the rest of this transfer
            self._wire.abort()
            raise


def _request(operation: int, size: int, name: bytes) -> bytes:
    return REQUEST.pack(b"WA", operation, 0, 0, size, len(name), name)
