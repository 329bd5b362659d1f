"""A board's files through its REPL: looked at many at a time, put whole or not at all, in constant memory."""

from __future__ import annotations

import asyncio
import hashlib
import posixpath
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from hivectl.micropython.contents import Decoder, line_of, literal_of, loaded, measure, pieces_of, size_of
from hivectl.micropython.errors import (
    DamagedError,
    LackingError,
    ProtocolError,
    RemoteError,
    RemoteOSError,
    remote_error,
)
from hivectl.micropython.outcome import Outcome
from hivectl.micropython.packing import Pack, programs_of, put_code, train_of
from hivectl.micropython.programs import HELPER, NAME, PROBE, TRAIN, packed_helper
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from hivectl.micropython.repl import Repl

# of a file, in one program: it and its text in base64 must fit into a small board's memory twice
CHUNK = 3072
# of a file that is brought back, in one piece
BLOCK = 1024
# of one program that looks at many paths, in characters; from which size on it is packed, in bytes
LOOK, WORTH_PACKING = 3072, 256
# seconds for one program that writes or hashes: flash is erased at some 40 kB/s, a file system may be nearly full
SECONDS = 60.0
TEMPORARY = ".hivectl.tmp"
# from this size on, in bytes, room is asked for before a file is sent
LARGE = 16 << 10
ENOENT = 2
# from this size on, in bytes, files go beside the REPL where that can be: their own turns cost less
BESIDE = 512
# up to this size, in bytes of code, they had better travel with others all the same
BESIDE_PACKED = 2048
# bytes of changes that go beside the REPL together; with fewer than this it is not worth three turns
LARGEST_TRAIN, SMALLEST_TRAIN = 24 << 10, 1024


@record
class Entry:
    """What is at a path.

    Attributes:
        path: as it was asked for.
        kind: "file" or "directory".
        size: of a file, in bytes.
        mtime: as the board tells it; many count from 2000, or know no time.
        digest: hexadecimal, SHA-256 where no other was asked for; None where none was.
    """

    path: str
    kind: str
    size: int
    mtime: int
    digest: str | None = field(default=None)


@record
class Look:
    """A question about a path.

    Attributes:
        path: where.
        size: the digest is wanted if it has this size; -1: always; None: never.
        algorithm: of the digest: "sha256", "sha1", "md5".
    """

    path: str
    size: int | None = None
    algorithm: str = "sha256"


class Beside(Protocol):
    """Transfers beside the REPL, whatever that does meanwhile: no digest, no rename, nothing to be asked."""

    def takes(self, path: str) -> bool:
        """Whether it can transfer a file of this name."""
        ...

    async def put(self, path: str, pieces: Iterable[bytes], size: int) -> None:
        """Write a file in place: when the line is cut, it is cut too."""
        ...

    async def get(self, path: str, sink: Callable[[bytes], object]) -> None:
        """Bring a file back."""
        ...


class Files:
    """The files of a board.

    Args:
        repl: of the board.
        node: for messages.
        chunk: bytes of a file in one program; less for boards with little memory.
        beside: a way for contents beside the REPL. Files are brought back by it while a program runs, which the REPL
            would interrupt; they are sent by it at any time, since no window of the REPL slows it down, and then
            compared and renamed through the REPL.
    """

    def __init__(
        self, repl: Repl, *, node: str | None = None, chunk: int = CHUNK, beside: Beside | None = None
    ) -> None:
        self.repl = repl
        self._beside = beside
        self._node = node
        self._chunk = chunk
        self._has: frozenset[str] | None = None

    async def features(self) -> frozenset[str]:
        """Return which of the optional parts the firmware has: `hashlib`, `deflate`, `os.stat` ..."""
        if self._has is None:
            await self._prepare()
        assert self._has is not None
        return self._has

    async def run(
        self, code: str | bytes, *, seconds: float = SECONDS, sink: Callable[[bytes], None] | None = None
    ) -> bytes:
        """Run code that uses the helper on the board, which is sent first where it is missing; raises as `execute`."""
        if self._has is None:
            await self._prepare()
        outcome = await self.repl.attempt(code, timeout=seconds, sink=sink)
        if outcome.failure:
            error = remote_error(outcome.failure, node=self._node)
            if error.kind == "NameError" and NAME in error.said:
                # the interpreter was started anew meanwhile
                await self._prepare()
                return await self.repl.execute(code, timeout=seconds, sink=sink)
            raise error
        return outcome.output

    async def look(self, questions: Sequence[Look], *, first: str = "") -> list[Entry | None]:
        """Look at many paths in as few round trips as the board's memory allows.

        Args:
            questions: what and how.
            first: code that runs before, in the same round trip; nothing may be printed by it.

        Raises:
            LackingError: the firmware has no os.stat, or no hashlib where a digest is asked for.
        """
        await self._need("os.stat")
        for name in {question.algorithm for question in questions if question.size is not None}:
            await self._need("binascii", "hashlib" if name == "sha256" else f"hashlib.{name}")
        found: list[Entry | None] = []
        texts = [_question(question) for question in questions]
        for group in _groups(texts) if texts else [[]]:
            asked = questions[len(found) : len(found) + len(group)]
            code = f"for p in({','.join(group)},):print({NAME}._o(*p))" if group else ""
            lines = _lines(await self.run(self._packed(first + code)))
            first = ""
            if len(lines) != len(group):
                raise ProtocolError(
                    f"the board told of {len(lines)} paths, not of {len(group)}", node=self._node
                )
            found += [self._entry(question.path, line) for question, line in zip(asked, lines, strict=True)]
        return found

    async def stat(self, path: str, *, digest: bool = False) -> Entry | None:
        """Look at one path; None: there is nothing."""
        return (await self.look([Look(path, -1 if digest else None)]))[0]

    async def hash(self, path: str) -> str:
        """Return the SHA-256 of a file, in hexadecimal; raises RemoteOSError where there is none."""
        await self._need("hashlib", "binascii")
        return (await self.run(f"print({NAME}._h({path!r}))")).decode().strip()

    async def entries(self, path: str = "/") -> list[Entry]:
        """Return what is in a directory, sorted by name."""
        await self._need("os.ilistdir")
        lines = _lines(await self.run(f"for e in {NAME}._l({path!r}):print(e)"))
        names = sorted(self.repl.literal(line)[0] for line in lines)
        found = await self.look([Look(posixpath.join(path, name)) for name in names])
        return [entry for entry in found if entry is not None]

    async def tree(self, path: str = "/", *, digest: bool = False) -> list[Entry]:
        """Return everything below a directory, parents before what is in them; digests on demand."""
        await self._need("os.ilistdir", "os.stat", *(("hashlib", "binascii") if digest else ()))
        wanted = -1 if digest else None
        root = path.rstrip("/")
        code = f"for p,d in {NAME}._t({root!r}):print((p,{NAME}._o(p,{wanted})))"
        entries = []
        for line in _lines(await self.run(code)):
            name, found = self.repl.literal(line)
            entry = self._entry(name, repr(found).encode())
            if entry is not None:
                entries.append(entry)
        return sorted(entries, key=lambda entry: entry.path.split("/"))

    async def make_directory(self, path: str) -> None:
        """Make a directory and those above it; one that is there stays."""
        await self.run(f"{NAME}._m({path!r})")

    async def remove(self, path: str) -> None:
        """Remove a file, or a directory with all that is in it; raises RemoteOSError where there is nothing."""
        await self._need("os.stat")
        try:
            await self.run(f"{NAME}._r({path!r})")
        except RemoteError as error:
            # what is not there has no kind to be asked for
            if error.kind == "TypeError":
                raise RemoteOSError("OSError", f"[Errno {ENOENT}] ENOENT", "", node=self._node) from error
            raise

    async def rename(self, path: str, to: str) -> None:
        """Give a file another name, over what had it."""
        await self._need("os.rename")
        await self.run(f"os.rename({path!r},{to!r})")

    async def put(self, path: str, content: bytes | Path, *, force: bool = False) -> bool:
        """Put a file there whole or not at all; return whether that was needed.

        It is written beside, compared by its digest as the board reads it, and renamed.

        Args:
            path: its place; the directory must exist.
            content: the bytes, or a file of this machine, which is never loaded whole.
            force: write it even if it is equal.

        Raises:
            DamagedError: it did not arrive as it was sent; nothing was changed.
            RemoteOSError: as the board says: no such directory, no room.
            LackingError: the firmware cannot rename.
        """
        size, digest = await asyncio.to_thread(measure, content)
        if not force and "hashlib" in await self.features():
            found = await self.stat_for(path, size)
            if found is not None and found.digest == digest:
                return False
        await self.write(path, content, digest)
        return True

    async def stat_for(self, path: str, size: int) -> Entry | None:
        """Look at a path, with the digest if it has this size."""
        return (await self.look([Look(path, size)]))[0]

    async def write(self, path: str, content: bytes | Path, digest: str) -> None:
        """Write a file beside its place, check it, rename it; raises as `put`."""
        has = await self.features()
        await self._need("os.rename")
        temporary = _beside(path)
        verified = digest if "hashlib" in has else ""
        last = _renamed(path, digest)
        if isinstance(content, Path):
            content = await asyncio.to_thread(loaded, content, self._chunk)
        try:
            if verified and await self._written_beside(temporary, content):
                await self.run(last)
            elif verified:
                await self._write(path, content, last, deflate="deflate" in has)
            else:
                await self._write(path, content, f"{NAME}.q.close()\n", deflate="deflate" in has)
                await self._compare(temporary, path, digest)
                await self.run(f"os.rename({temporary!r},{path!r})")
        except RemoteError as error:
            await self.run(f"{NAME}._x({path!r})")
            if error.kind == "ValueError" and error.said == "damaged":
                raise DamagedError(
                    f"{path} did not arrive as it was sent; nothing was changed", node=self._node
                ) from error
            raise

    async def small(self, path: str, content: bytes | Path, digest: str) -> bytes | None:
        """Return code that puts a small file there, for a `Pack`; None: `write` must do it.

        Args:
            path: its place.
            content: as of `write`.
            digest: its SHA-256.
        """
        has = await self.features()
        if not {"hashlib", "os.rename"} <= has:
            return None
        if isinstance(content, Path):
            content = await asyncio.to_thread(loaded, content, self._chunk)
        if isinstance(content, Path) or len(content) > self._chunk:
            return None
        code = put_code(path, content, digest, deflate="deflate" in has)
        return code if self._beside is None or len(code) <= BESIDE_PACKED else None

    def pack(self) -> Pack:
        """Return a pack for as many small changes as may travel together."""
        return Pack(self._chunk if self._beside is None else LARGEST_TRAIN, self.carry)

    async def carry(self, changes: Sequence[bytes], sink: Callable[[bytes], None]) -> None:
        """Carry out small changes: code after code; raises as `run`."""
        size = sum(map(len, changes))
        if self._beside is None or size < SMALLEST_TRAIN or not await self._sent_beside(train_of(changes)):
            for program in programs_of(changes, self._chunk):
                await self.run(program, sink=sink)
            return
        await self.run(f"{NAME}._p({TRAIN!r})", sink=sink)

    def _packed(self, code: str) -> bytes:
        """Return code that does the same and takes fewer windows of raw paste: names of files resemble each other."""
        data = code.encode()
        if len(data) < WORTH_PACKING or self._has is None or "deflate" not in self._has:
            return data
        text, packed = literal_of(data, deflate=True)
        return b"%b._c(%b)" % (NAME.encode(), text) if packed else data

    async def _sent_beside(self, train: bytes) -> bool:
        """Put a train on the board; return whether there was room for it, and for what it becomes."""
        assert self._beside is not None
        try:
            await self.run(f"{NAME}._v({TRAIN!r},{2 * len(train)})")
        except RemoteOSError:
            return False
        await self._beside.put(TRAIN, pieces_of(train, BLOCK), len(train))
        return True

    async def write_all(self, files: Mapping[str, Path]) -> None:
        """Write many files: several small ones go in one program; each is put as by `put`, whose errors are raised.

        Args:
            files: place on the board -> file here.
        """
        pack = self.pack()
        waiting: list[tuple[str, Path, str]] = []
        for path, file in files.items():
            digest = (await asyncio.to_thread(measure, file))[1]
            code = await self.small(path, file, digest)
            if code is None:
                await self.write(path, file, digest)
                continue
            if not pack.takes(code):
                await self._send(pack, waiting)
            pack.add(code)
            waiting.append((path, file, digest))
        if waiting:
            await self._send(pack, waiting)

    async def _send(self, pack: Pack, waiting: list[tuple[str, Path, str]]) -> None:
        try:
            await pack.send()
        except RemoteError:
            # one by one, to learn which of them it is, and whether it is so
            for path, file, digest in waiting[pack.done :]:
                await self.write(path, file, digest)
        waiting.clear()

    async def get(self, path: str, sink: Callable[[bytes], None] | None = None) -> bytes:
        """Bring a file back.

        Args:
            path: of a file.
            sink: takes the bytes as they come; then nothing is returned.

        Raises:
            RemoteOSError: there is no such file.
            DamagedError: what came is no base64: bytes were lost on the line.
        """
        gathered = bytearray()
        if self.goes_beside(path):
            assert self._beside is not None
            await self._beside.get(path, gathered.extend if sink is None else sink)
            return bytes(gathered)
        has = await self.features()
        binary, whole = "sys.stdout" in has, {"hashlib", "binascii"} <= has
        if not binary:
            await self._need("binascii")
        decoder = Decoder(gathered.extend if sink is None else sink, path, self._node, plain=not binary)
        await self.run(f"{NAME}._g({path!r},{BLOCK},{binary},{whole})", seconds=600.0, sink=decoder.take)
        decoder.end(whole=whole)
        return bytes(gathered)

    def goes_beside(self, path: str) -> bool:
        """Whether a program runs, and this file can go beside it."""
        return self._beside is not None and self.repl.background is not None and self._beside.takes(path)

    async def put_beside(self, path: str, content: bytes | Path) -> bool:
        """Send a file while a program runs, in place, and compare what comes back; the program goes on.

        Returns:
            False, nothing having been sent, where no program runs, or there is no way beside the REPL for this name.

        Raises:
            ConnectionLostError: the board could not open the file, or the line broke: records do not tell which.
            DamagedError: it did not arrive as it was sent.
        """
        if not self.goes_beside(path):
            return False
        assert self._beside is not None
        data = await asyncio.to_thread(content.read_bytes) if isinstance(content, Path) else content
        await self._beside.put(path, pieces_of(data, BLOCK), len(data))
        arrived = bytearray()
        await self._beside.get(path, arrived.extend)
        if arrived != data:
            raise DamagedError(f"{path} did not arrive as it was sent", node=self._node, hint="send it again")
        return True

    # ---- inside

    async def _prepare(self) -> None:
        """Have the helper on the board: it may be there from an earlier connection, else it is sent."""
        for code in (PROBE, packed_helper()):
            outcome = await self.repl.attempt(code, timeout=SECONDS)
            if not outcome.failure and outcome.output.startswith(b"["):
                break
        else:
            # old firmware cannot unpack it, or has not the memory for that
            outcome = Outcome(await self.repl.execute(HELPER, timeout=SECONDS), b"")
        self._has = frozenset(self.repl.literal(outcome.output))

    async def _need(self, *parts: str) -> None:
        lacking = [part for part in parts if part not in await self.features()]
        if lacking:
            raise LackingError(
                f"the board's firmware has no {' and no '.join(lacking)}",
                node=self._node,
                hint="put a newer MicroPython on it",
            )

    async def _write(self, path: str, content: bytes | Path, last: str, *, deflate: bool) -> None:
        code = f"{NAME}._b({path!r})\n".encode()
        size = await asyncio.to_thread(size_of, content) if isinstance(content, Path) else len(content)
        if size > LARGE:
            # flash wears out, and it takes long, until a board notices by itself that it is full
            await self.run(f"{NAME}._v({_beside(path)!r},{size})")
        pieces = pieces_of(content, self._chunk)

        async def following() -> bytes:
            if isinstance(content, Path):
                return await asyncio.to_thread(next, pieces, b"")
            return next(pieces, b"")

        piece = await following()
        while piece:
            code += line_of(piece, deflate=deflate)
            piece = await following()
            if piece:
                await self.run(code)
                code = b""
        await self.run(code + last.encode())

    async def _written_beside(self, temporary: str, content: bytes | Path) -> bool:
        """Write a file beside the REPL, where that can be and is worth it; return whether it was."""
        if self._beside is None or not self._beside.takes(temporary):
            return False
        size = await asyncio.to_thread(size_of, content) if isinstance(content, Path) else len(content)
        if size < BESIDE:
            return False
        # whether there is room, and a directory: transfers beside the REPL cannot say
        await self.run(f"{NAME}._v({temporary!r},{size})")
        await self._beside.put(temporary, pieces_of(content, BLOCK), size)
        return True

    async def _compare(self, temporary: str, path: str, digest: str) -> None:
        """Bring what was written back and compare it here: the board cannot hash."""
        hasher = hashlib.sha256()
        await self.get(temporary, hasher.update)
        if hasher.hexdigest() != digest:
            await self.run(f"{NAME}._x({path!r})")
            raise DamagedError("the file did not arrive as it was sent; nothing was changed", node=self._node)

    def _entry(self, path: str, line: bytes) -> Entry | None:
        found = self.repl.literal(line)
        if found is None:
            return None
        kind, size, mtime, digest = found
        return Entry(path, "directory" if kind == "d" else "file", size, mtime, digest or None)


def _beside(path: str) -> str:
    """Return where a file is written before it has its name."""
    return posixpath.join(posixpath.dirname(path), TEMPORARY)


def _renamed(path: str, digest: str) -> str:
    """Return code that gives what was written its name; its length tells whether bytes of it were lost."""
    return f"{NAME}._e({path!r},{len(path)},{digest!r})\n"


def _lines(output: bytes) -> list[bytes]:
    return [line for line in output.replace(b"\r", b"").split(b"\n") if line]


def _question(question: Look) -> str:
    other = "" if question.algorithm == "sha256" else f",{question.algorithm!r}"
    return f"({question.path!r},{question.size}{other})"


def _groups(parts: Iterable[str]) -> Iterator[list[str]]:
    group: list[str] = []
    size = 0
    for part in parts:
        if group and size + len(part) > LOOK:
            yield group
            group, size = [], 0
        group.append(part)
        size += len(part) + 1
    if group:
        yield group
