"""Questions to the node in the middle of an item: asked by plain calls in a thread, carried by the session."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

from hivectl.helper.node.wire import Stopped
from hivectl.helper.sh.encode import frame_of
from hivectl.helper.sh.quoting import quote

if TYPE_CHECKING:
    from collections.abc import Callable

    from hivectl.helper.sh.wire import Said


class Gone(BaseException):
    """The node can be asked no more; nothing that expects errors of an operation shall take it for one."""


class Line:
    """What an operation's thread asks the node through."""

    def __init__(self) -> None:
        self._inbox: SimpleQueue[Said | None] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._outgoing: asyncio.Future[bytes] = self._loop.create_future()
        self._closed = False
        self._stopping = False
        # whether the node waits for a frame that the session has not taken yet
        self.owes = False

    # the session's side

    def deliver(self, said: Said) -> None:
        """Pass the node's answer on; it waits for the next question then."""
        self._outgoing = self._loop.create_future()
        self.owes = True
        self._inbox.put(said)

    async def outgoing(self) -> bytes:
        """Return the frame that the node waits for; may be cancelled and called again."""
        frame = await asyncio.shield(self._outgoing)
        self.owes = False
        return frame

    def stop(self) -> None:
        """Let the operation end: its next question raises Stopped, those that tidy up behind it do not."""
        self._stopping = True

    def close(self) -> None:
        """Let the thread end: there is no node any more."""
        self._closed = True
        self._inbox.put(None)

    # the thread's side

    def ask(self, *words: str, before: str = "", data: bytes = b"") -> Said:
        """Call a function of node/remote.sh.

        Args:
            words: its name and arguments.
            before: code that goes before.
            data: what it reads from standard input.

        Raises:
            Stopped: the controller wants no more.
            Gone: there is no node any more.
        """
        self.tick()
        self.post(frame_of(before + words[0] + "".join(f" {quote(word)}" for word in words[1:]), data))
        return self.receive()

    def tick(self) -> None:
        """Raise Stopped, once, when the controller wants no more."""
        if self._stopping:
            self._stopping = False
            raise Stopped

    def heard(self) -> None:
        """Know that the node has told of the stop already: what is asked from now on tidies up."""
        self._stopping = False

    def receive(self) -> Said:
        """Wait for the node's answer; raises Gone."""
        said = None if self._closed else self._inbox.get()
        if said is None:
            self._closed = True
            raise Gone
        return said

    def post(self, frame: bytes) -> None:
        """Hand the session what the node waits for; raises Gone."""
        outgoing = self._outgoing

        def hand_over() -> None:
            if not outgoing.done():
                outgoing.set_result(frame)

        try:
            self._loop.call_soon_threadsafe(hand_over)
        except RuntimeError:
            # the run is over: its loop is closed
            self._closed = True
            raise Gone from None


class Errand:
    """One operation of a batch, at work in a thread of its own; `work` returns the frame that ends it."""

    def __init__(self, work: Callable[[Line], bytes]) -> None:
        self.line = Line()
        self._work = work
        Thread(target=self._run, name="hivectl-errand", daemon=True).start()

    def _run(self) -> None:
        with suppress(Gone):
            self.line.receive()
            self.line.post(self._work(self.line))
