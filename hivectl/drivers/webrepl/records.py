"""WebREPL's file records: files beside a program that runs, one round trip for each 256 bytes that come back.

They know no digest and no rename, and a name has 63 bytes at most; through an idle REPL everything is faster.
"""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING

from hivectl.drivers.errors import CapabilityError, ConnectionLostError
from hivectl.model.node_errors import OperationTimeoutError

if TYPE_CHECKING:
    from hivectl.drivers.webrepl.wire import WebReplWire

# signature, operation, flags, offset, size, length of the name, name (extmod/modwebrepl.c in MicroPython)
REQUEST = struct.Struct("<2sBBQLH64s")
PUT, GET, VERSION = 1, 2, 3
LONGEST_NAME = 63
# seconds without an answer
PATIENCE = 10.0


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
            await self._wire.write_record(_request(VERSION, 0, b""))
            major, minor, micro = await self._answer(3)
            return major, minor, micro

    async def put(self, path: str, data: bytes) -> None:
        """Write a file in place: when the connection is cut, it is cut too.

        Raises:
            CapabilityError: the name is too long.
            ConnectionLostError: the board could not open the file, or the line broke: records do not tell which.
        """
        async with self._turn:
            await self._wire.write_record(_request(PUT, len(data), self._name(path)))
            await self._accepted()
            await self._wire.write_record(data)
            await self._accepted()

    async def get(self, path: str) -> bytes:
        """Bring a file back; raises as `put`."""
        gathered = bytearray()
        async with self._turn:
            await self._wire.write_record(_request(GET, 0, self._name(path)))
            await self._accepted()
            while True:
                await self._wire.write_record(b"\0")
                size = int.from_bytes(await self._answer(2), "little")
                if not size:
                    break
                gathered += await self._answer(size)
            await self._accepted()
        return bytes(gathered)

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
        answer = await self._answer(4)
        if answer != b"WB\0\0":
            raise ConnectionLostError(f"the board answered {answer!r} to a file record", node=self._node)

    async def _answer(self, size: int) -> bytes:
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._wire.read_record(size)
        except TimeoutError as error:
            raise OperationTimeoutError(
                f"the board did not answer to a file record in {PATIENCE:g} s", node=self._node
            ) from error


def _request(operation: int, size: int, name: bytes) -> bytes:
    return REQUEST.pack(b"WA", operation, 0, 0, size, len(name), name)
