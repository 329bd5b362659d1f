"""Contents on their way: files streamed to a node in pieces, and from it into a file or memory."""

from __future__ import annotations

import hashlib
import os
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from hivectl.helper.encode import Frame
from hivectl.model.node_errors import HelperError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hivectl.helper.operations import Content, Read

PIECE = 1 << 18
# without a sink, and without a limit in the operation, so much is taken into memory (bytes)
LARGEST_IN_MEMORY = 256 << 20


def digests_of(content: Content, *names: str) -> tuple[str, ...]:
    """Return the checksums by which Ansible's modules tell what they have put on a node: "sha1", "md5".

    Raises:
        OSError: the file that holds the content cannot be read.
    """
    if isinstance(content.source, bytes):
        made = (hashlib.new(name, content.source, usedforsecurity=False) for name in names)
        return tuple(one.hexdigest() for one in made)
    return _digests_of_file(content.source, content.sha256, names)


@lru_cache(maxsize=1024)
def _digests_of_file(path: Path, _sha256: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Read a file once for all nodes and checksums; its content is told by its SHA-256."""
    made = [hashlib.new(name, usedforsecurity=False) for name in names]
    with path.open("rb") as file:
        while data := file.read(PIECE):
            for one in made:
                one.update(data)
    return tuple(one.hexdigest() for one in made)


async def send_content(send: Callable[[Frame], Awaitable[None]], index: int, content: Content) -> None:
    """Answer a node's need, piece by piece; a file that cannot be read fails the operation there."""
    header = {"t": "content", "i": index}
    source = content.source
    if isinstance(source, bytes):
        for start in range(0, len(source), PIECE):
            await send(Frame(header, source[start : start + PIECE]))
        await send(Frame({**header, "end": True}))
        return
    failed = None
    try:
        with source.open("rb") as file:
            while data := file.read(PIECE):
                await send(Frame(header, data))
    except OSError as error:
        failed = f"{source} cannot be read: {error.strerror}"
    await send(Frame({**header, "end": True, "failed": failed}))


class Received:
    """A file on its way from a node; `discard` unless `finish` was reached."""

    def __init__(self, operation: Read) -> None:
        self._limit = operation.limit
        self._sink = operation.sink
        self._size = 0
        self._hash = hashlib.sha256()
        self._pieces: list[bytes] = []
        self._file: BinaryIO | None = None
        self._temporary: Path | None = None
        if self._sink is not None:
            self._sink.parent.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix=f".{self._sink.name[:200]}.", dir=self._sink.parent)
            self._file, self._temporary = os.fdopen(descriptor, "wb"), Path(name)
        elif self._limit is None:
            self._limit = LARGEST_IN_MEMORY

    def add(self, data: bytes) -> None:
        """Take a piece.

        Raises:
            HelperError: the node sends more than was asked for.
        """
        self._size += len(data)
        if self._limit is not None and self._size > self._limit:
            raise HelperError(f"more than the {self._limit} bytes that were asked for")
        self._hash.update(data)
        if self._file is None:
            self._pieces.append(data)
        else:
            self._file.write(data)

    def finish(self, result: dict[str, Any]) -> bytes | None:
        """Put the file in its place, or return the bytes.

        Raises:
            HelperError: what came is not what the node says that it sent.
        """
        if result.get("sha256") != self._hash.hexdigest():
            self.discard()
            raise HelperError("the file was damaged on its way")
        if self._file is None:
            return b"".join(self._pieces)
        assert self._temporary is not None
        assert self._sink is not None
        self._file.close()
        self._temporary.rename(self._sink)
        self._temporary = None
        return None

    def discard(self) -> None:
        """Leave nothing behind."""
        if self._file is not None:
            self._file.close()
        if self._temporary is not None:
            self._temporary.unlink(missing_ok=True)
            self._temporary = None
