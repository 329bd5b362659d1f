"""The controller's side of the helper: starts it through a channel and carries batches to it.

Everything that comes from a node may be hostile: sizes are bounded, places in the batch are checked, and data is
only ever parsed as JSON.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from hivectl.helper.bundle import extra, lessons
from hivectl.helper.contents import Received, send_content
from hivectl.helper.encode import Frame, contents_of, encode_batch, encode_fence, finish_result
from hivectl.helper.enter import last_words
from hivectl.helper.operations import ItemResult, Progress, Read
from hivectl.helper.start import discard, start_helper
from hivectl.model.node_errors import (
    ConnectionLostError,
    FenceError,
    HelperError,
    NodeError,
    OperationTimeoutError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from hivectl.helper.channel import OpenChannel
    from hivectl.helper.operations import Batch, Become, Fence, Item
    from hivectl.helper.start import Started

# bounds on what a node may send: a header line, the bytes behind it (two outputs of 16 MiB)
LONGEST_HEADER = 8 << 20
LONGEST_DATA = 33 << 20
NUMBERS = (int, float)
# seconds for the helper to end an operation after a stop: TERM, two seconds, KILL
STOPPING = 6.0
# seconds for an answer about .hivelock
ANSWERING = 30.0

# without a look for blanks around it, which frames have none of
_DECODE = json.JSONDecoder().raw_decode


class HelperSession:
    """One helper on a node, for one user; made by `HelperSession.start`."""

    def __init__(self, node: str, started: Started) -> None:
        self.node = node
        self._channel = started.channel
        self._errors = started.errors
        self._follower = started.follower
        self._magic = started.magic
        self._buffer = bytearray(started.rest)
        # how far no line has ended; the header whose bytes are still to come
        self._searched = 0
        self._header: dict[str, Any] | None = None
        self._size = 0
        # what came instead of a header
        self._nonsensical: str | None = None
        self._ahead = started.ahead
        # from the batch to its "done"
        self._busy = started.ahead is not None
        self._taught: set[str] = set()
        self._turn = asyncio.Lock()
        self._closed = False
        # its input has ended
        self._ending = False

    @classmethod
    async def start(
        cls,
        open_channel: OpenChannel,
        node: str,
        *,
        become: Become | None = None,
        python: str = "python3",
        first: Batch | None = None,
        shell: str = "/bin/sh",
    ) -> HelperSession:
        """Start a helper.

        Args:
            open_channel: starts a `Launch` on the node.
            node: for messages.
            become: another user.
            python: the interpreter there; NO_PYTHON (`hivectl.helper.launch`) to do without.
            shell: what runs the helper's twin where there is no Python.
            first: what the session will be asked to do next: it may travel with the helper itself, which saves
                a round trip; `operate` must be called with it, before anything else.

        Raises:
            BecomeError: sudo is missing, refuses, or wants another password.
            HelperError: there is no Python, an old one, or something else answered.
            ConnectionLostError: the transport broke.
        """
        started = await start_helper(
            open_channel, node, become=become, python=python, first=first, shell=shell
        )
        if started.dialect is None:
            return cls(node, started)
        from hivectl.helper.sh.session import ShSession

        return ShSession(node, started, started.dialect)

    @property
    def closed(self) -> bool:
        """Whether the helper is gone, or about to go."""
        return self._closed or self._ending

    async def operate(self, batch: Batch, *, fenced: bool = True) -> AsyncGenerator[ItemResult]:
        """Send a batch and yield each result as it arrives; what is left when the iterator is closed is stopped.

        Args:
            batch: what to do.
            fenced: False where another session keeps the login's `.hivelock`.

        Raises:
            FenceError: somebody else holds the node; the results until then were yielded.
            OperationTimeoutError: an item took longer than its deadline, and was ended.
            ConnectionLostError, HelperError: the helper is gone, or spoke nonsense; the session is closed.
        """
        async with self._turn:
            try:
                if self._ahead is batch:
                    self._ahead = None
                else:
                    frame = encode_batch(batch, fenced=fenced)
                    self._busy = True
                    await self._teach(batch)
                    await self._send(frame)
                async for result in self._results(batch):
                    yield result
            finally:
                if self._busy and not self._closed:
                    await self._stop()

    async def _teach(self, batch: Batch) -> None:
        """Send the modules that the batch's operations need and the node has not got."""
        for name in lessons(batch) - self._taught:
            if modules := extra(self._magic, name):
                await self._send(Frame({"t": "modules"}, modules))
            self._taught.add(name)

    async def _results(self, batch: Batch) -> AsyncGenerator[ItemResult]:
        index = 0
        received: Received | None = None
        contents = contents_of(batch)
        deadlines = _Deadlines(batch.items)
        try:
            while True:
                header, data = self._at_hand() or await self._expect(deadlines, index)
                kind = header.get("t")
                if kind == "done":
                    self._busy = False
                    return
                if kind in {"fenced", "unusable"}:
                    await self._finish_refused(str(header.get("msg")), unusable=kind == "unusable")
                place = header.get("i")
                if not isinstance(place, int) or not index <= place < len(batch.items):
                    await self._nonsense(f"item {place!r} where {index} or a later one was due")
                assert isinstance(place, int)
                item = batch.items[place]
                if kind == "need" and place in contents:
                    await send_content(self._send, place, contents[place])
                elif kind == "data" and isinstance(item.operation, Read):
                    received = received or Received(item.operation)
                    await self._keep(received, data)
                elif kind == "result":
                    yield await self._result(place, item, header, data, received)
                    index, received = place + 1, None
                    deadlines.begin()
                else:
                    await self._nonsense(f"a frame {kind!r} for {item.operation.name}")
        finally:
            if received is not None:
                received.discard()

    async def _expect(self, deadlines: _Deadlines, index: int) -> tuple[dict[str, Any], bytes]:
        """Return the next frame within the deadline of the item that is due."""
        # results come many at a time: what is here already needs no clock
        if (frame := await self._taken()) is not None:
            return frame
        item = deadlines.items[index] if index < len(deadlines.items) else None
        limit = None if item is None else deadlines.left(item)
        try:
            async with asyncio.timeout(limit):
                return await self._receive()
        except TimeoutError:
            assert item is not None
            await self._stop()
            raise OperationTimeoutError(
                f"{item.operation.name} took longer than {item.deadline:g} s and was ended", node=self.node
            ) from None

    async def _keep(self, received: Received, data: bytes) -> None:
        try:
            received.add(data)
        except HelperError as error:
            await self._nonsense(error.message)

    async def _result(
        self, place: int, item: Item, header: dict[str, Any], data: bytes, received: Received | None
    ) -> ItemResult:
        result, seconds, out = header.get("r"), header.get("s"), header.get("out")
        held = header.get("h", 0.0)
        if not isinstance(result, dict) or not isinstance(seconds, NUMBERS) or not isinstance(held, NUMBERS):
            await self._nonsense("a result without its parts")
        assert isinstance(result, dict)
        assert isinstance(seconds, NUMBERS)
        if out is not None:
            if not isinstance(out, int) or not 0 <= out <= len(data):
                await self._nonsense("a result whose output has no size")
            result["stdout"] = data[:out].decode("utf-8", "surrogateescape")
            result["stderr"] = data[out:].decode("utf-8", "surrogateescape")
        content = None
        if isinstance(item.operation, Read) and not result.get("failed") and result.pop("sent", True):
            try:
                content = (received or Received(item.operation)).finish(result)
            except HelperError as error:
                await self._nonsense(error.message)
        elif received is not None:
            received.discard()
        return ItemResult(
            index=place,
            result=finish_result(item, result),
            content=content,
            seconds=float(seconds),
            held=held,
        )

    async def progress(self, run: str) -> Progress:
        """Ask what the node remembers of a run.

        Raises:
            FenceError: the node's `.hivelock` is not ours.
            HelperError: it cannot be used.
        """
        answer = await self._ask(Frame({"t": "progress", "run": run}))
        known = answer.get("progress")
        if not isinstance(known, dict):
            return Progress(run=run)
        key, rc = known.get("key"), known.get("rc")
        return Progress(
            run=run,
            key=key if isinstance(key, str) else None,
            ended=known.get("ended") is True,
            rc=rc if isinstance(rc, int) else None,
            running=known.get("running") is True,
        )

    async def accept(self, fence: Fence) -> None:
        """Take the node for a fence, or renew it. Raises FenceError, HelperError."""
        await self._ask(Frame({"t": "accept", "fence": encode_fence(fence)}))

    async def record(self, fence: Fence, progress: Progress) -> None:
        """Have the node remember an operation that another session carries out. Raises FenceError, HelperError."""
        plain = {"run": progress.run, "key": progress.key, "ended": progress.ended, "rc": progress.rc}
        await self._ask(Frame({"t": "record", "fence": encode_fence(fence), "progress": plain}))

    async def unlock(self, fence: Fence) -> None:
        """Give the fence back, which is the last that this helper is asked. Raises HelperError."""
        await self._ask(Frame({"t": "unlock", "fence": encode_fence(fence)}), last=True)

    async def _ask(self, frame: Frame, *, last: bool = False) -> dict[str, Any]:
        """Return the answer to a frame; `last`: the helper ends behind it, and its end comes with the answer."""
        async with self._turn:
            await self._send(frame)
            if last:
                self._ending = True
                await self._channel.write_end()
            answered = False
            try:
                async with asyncio.timeout(ANSWERING):
                    header, _ = await self._receive()
                answered = True
            except TimeoutError:
                raise HelperError(f"no answer within {ANSWERING:g} s", node=self.node) from None
            finally:
                if not answered:
                    await self._abandon()
            if header.get("t") != "answer":
                await self._nonsense(f"a frame {header.get('t')!r} for an answer")
            if "fenced" in header:
                raise FenceError(_clip(header["fenced"]), node=self.node)
            if "unusable" in header:
                raise HelperError(_clip(header["unusable"]), node=self.node)
            return header

    async def close(self) -> None:
        """End the helper: a running operation is ended too. Calling it again does nothing."""
        if self._closed:
            return
        self._closed = True
        try:
            with suppress(TimeoutError, NodeError):
                async with asyncio.timeout(STOPPING / 2):
                    if self._turn.locked():
                        await self._channel.write(bytes(Frame({"t": "stop"})))
                    await self._channel.write_end()
                    await self._channel.wait()
        finally:
            await discard(self._channel, self._follower)

    async def _abandon(self) -> None:
        """Close the channel without a word more: nobody is there, or nobody who listens to reason."""
        self._closed = True
        await discard(self._channel, self._follower)

    async def _finish_refused(self, message: str, *, unusable: bool) -> NoReturn:
        header, _ = await self._receive()
        if header.get("t") != "done":
            await self._nonsense("a batch that goes on after its refusal")
        self._busy = False
        error = HelperError if unusable else FenceError
        raise error(_clip(message), node=self.node)

    async def _stop(self) -> None:
        """End the operation in hand and the batch; where that fails, the session."""
        try:
            async with asyncio.timeout(STOPPING):
                await self._send(Frame({"t": "stop"}))
                while (await self._receive())[0].get("t") != "done":
                    pass
                self._busy = False
        except (TimeoutError, NodeError):
            await self._abandon()
        except BaseException:
            await self._abandon()
            raise

    async def _send(self, frame: Frame) -> None:
        if self.closed:
            raise ConnectionLostError("the helper has ended", node=self.node)
        try:
            await self._channel.write(bytes(frame))
        except ConnectionLostError:
            await self._lost()

    async def _receive(self) -> tuple[dict[str, Any], bytes]:
        while (frame := await self._taken()) is None:
            await self._fill()
        return frame

    async def _taken(self) -> tuple[dict[str, Any], bytes] | None:
        """Take a frame that has come as a whole; None when there is none. Waits for nothing but the end of nonsense."""
        frame = self._at_hand()
        if frame is None and self._nonsensical is not None:
            await self._nonsense(self._nonsensical)
        return frame

    def _at_hand(self) -> tuple[dict[str, Any], bytes] | None:
        """Take a frame as `_taken`, where nothing need be waited for; None otherwise."""
        if self._header is None:
            end = self._buffer.find(b"\n", self._searched)
            if end < 0:
                self._searched = len(self._buffer)
                if self._searched > LONGEST_HEADER:
                    self._nonsensical = f"a line of more than {LONGEST_HEADER} bytes"
                return None
            if (header := self._parsed(end)) is None:
                return None
            self._header = header
            self._searched = 0
            del self._buffer[: end + 1]
        if len(self._buffer) < self._size:
            return None
        header, self._header = self._header, None
        if not self._size:
            return header, b""
        data = bytes(self._buffer[: self._size])
        del self._buffer[: self._size]
        return header, data

    def _parsed(self, end: int) -> dict[str, Any] | None:
        """Return the header that ends there, and keep how many bytes follow it; None where it is nonsense."""
        try:
            text = self._buffer[:end].decode("utf-8", "surrogatepass")
            header, place = _DECODE(text)
            size = header.get("bytes", 0)
            sane = place == len(text) and isinstance(size, int) and 0 <= size <= LONGEST_DATA
        except (ValueError, AttributeError, RecursionError):
            sane, header, size = False, {}, 0
        if not sane:
            self._nonsensical = bytes(self._buffer[: min(end, 80)]).decode("ascii", "backslashreplace")
            return None
        self._size = size
        return header  # type: ignore[no-any-return]  # JSON: it has `get`

    async def _fill(self) -> None:
        data = await self._channel.read(1 << 18)
        if not data:
            await self._lost()
        self._buffer += data

    async def _lost(self) -> NoReturn:
        await last_words(self._follower)
        said = self._errors.tail
        await self._abandon()
        raise ConnectionLostError(
            "the connection to the helper broke" + (f": {said}" if said else ""), node=self.node
        )

    async def _nonsense(self, what: str) -> NoReturn:
        await self._abandon()
        raise HelperError(f"the helper spoke nonsense: {what}", node=self.node)


class _Deadlines:
    """When the item that is due must have ended; its time begins when the one before it has."""

    def __init__(self, items: tuple[Item, ...]) -> None:
        self.items = items
        self.begin()

    def begin(self) -> None:
        """Let the next item's time begin."""
        self._began = time.monotonic()

    def left(self, item: Item) -> float | None:
        """Return the seconds that are left to an item, None without a deadline."""
        return None if item.deadline is None else max(0.0, self._began + item.deadline - time.monotonic())


def _clip(message: object) -> str:
    return str(message)[:1000]
