"""An open way to a MicroPython board, whatever carries its terminal."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from hivectl.drivers.base import Capability, Completed
from hivectl.drivers.boards.operations import BoardOperations
from hivectl.drivers.boards.scripts import BEGUN
from hivectl.drivers.errors import CapabilityError, ConnectionLostError, NodeError, UnreachableError
from hivectl.helper.operations import Progress
from hivectl.micropython.files import Files
from hivectl.micropython.main_program import caught_by
from hivectl.micropython.programs import NAME

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from hivectl.drivers.base import Command, Process, Stream, StreamAddress, Terminal
    from hivectl.helper.operations import Batch, Become, Fence, ItemResult
    from hivectl.micropython.files import Beside
    from hivectl.micropython.outcome import Outcome
    from hivectl.micropython.repl import Repl

CAPABILITIES = frozenset({Capability.FILES, Capability.REPL})
# seconds to leave the board as it was
LEAVING = 3.0
# seconds for code without a timeout of its own
LONGEST = 24 * 3600.0


class OpenBoard:
    """A board with its raw REPL; `hivectl.drivers.base.BoardConnection`.

    Args:
        repl: at its prompt.
        node: the node's name.
        resume: start the board's own program again at the end, where it was interrupted.
        ends_at_reset: the way is lost when the interpreter starts anew; then that is waited for at the end, or who
            connects next would be cut off.
        beside: a way for files beside the REPL.
    """

    def __init__(
        self,
        repl: Repl,
        node: str,
        *,
        resume: bool,
        ends_at_reset: bool = False,
        beside: Beside | None = None,
    ) -> None:
        self.repl = repl
        self.files = Files(repl, node=node, beside=beside)
        self._node = node
        self._resume = resume
        self._ends_at_reset = ends_at_reset
        self._operations = BoardOperations(self.files, node)
        self._closed = False

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Files and REPL."""
        return CAPABILITIES

    @property
    def closed(self) -> bool:
        """Whether the way is gone."""
        return self._closed

    @property
    def resumes(self) -> bool:
        """Whether the board's own program begins anew at the end, where it was interrupted."""
        return self._resume

    async def operate(self, batch: Batch, become: Become | None = None) -> AsyncGenerator[ItemResult, None]:
        """Carry out a batch of file operations.

        Raises:
            CapabilityError: another user is asked for: a board has none.
            FenceError: somebody else holds the board.
        """
        self._need_open()
        if become is not None:
            raise CapabilityError(
                "a board has no users", node=self._node, hint="leave `become` out, or write `become: false`"
            )
        try:
            async with aclosing(self._operations.operate(batch)) as results:
                async for result in results:
                    yield result
        except UnreachableError:
            await self._drop()
            raise

    async def progress(self, run: str, become: Become | None = None) -> Progress:  # noqa: ARG002 - Connection's
        """Return which script began last, which must not be repeated; operations on files may be.

        The board keeps it in its memory: a board that was reset knows of none.
        """
        self._need_open()
        begun = await self.repl.evaluate(f"globals().get({BEGUN!r})")
        if begun is None or begun[0] != run:
            return Progress(run=run)
        return Progress(run=run, key=begun[1])

    async def unlock(self, fence: Fence, become: Become | None = None) -> None:  # noqa: ARG002 - Connection's
        """Give the fence back, which the board keeps in its memory."""
        # a program that was started here goes on; its interpreter is a fresh one, which knows of no fence
        if not self._closed and self.repl.background is None:
            await self.files.run(f"{NAME}._u({fence.store!r},{fence.token})")

    async def run(self, command: Command, become: Become | None = None) -> Completed:
        """Run MicroPython code: its output (lines end as on Linux), 1 and the board's traceback if it raised.

        Raises:
            CapabilityError: what a board has not: standard input, an environment, users.
            OperationTimeoutError: it did not end in its time and was interrupted.
            UnreachableError: the way is gone, or disturbed.
        """
        if become is not None or command.stdin or command.environment:
            raise self._cannot("give code a standard input, an environment, or another user")
        outcome = await self.attempt(command.command, timeout=command.timeout)
        stdout, stderr = (text.replace(b"\r\n", b"\n") for text in (outcome.output, outcome.failure))
        return Completed(rc=1 if outcome.failure else 0, stdout=stdout, stderr=stderr)

    async def attempt(
        self,
        code: str | bytes,
        *,
        timeout: float | None = None,  # noqa: ASYNC109  as `Repl.attempt`
        sink: Callable[[bytes], None] | None = None,
    ) -> Outcome:
        """Run MicroPython code as `Repl.attempt`; the connection is closed where the way is gone, or disturbed."""
        self._need_open()
        try:
            return await self.repl.attempt(code, timeout=LONGEST if timeout is None else timeout, sink=sink)
        except UnreachableError:
            await self._drop()
            raise

    async def open_process(self, command: str, terminal: Terminal | None = None) -> Process:  # noqa: ARG002 - Connection's
        """Refuse: a board has no shell but its REPL."""
        raise self._cannot("start a shell's program")

    async def open_stream(self, address: StreamAddress) -> Stream:  # noqa: ARG002 - Connection's
        """Refuse: a board has no serial ports for others."""
        raise self._cannot("open serial ports")

    async def close(self) -> None:
        """Leave the board as it was found, and close the way; calling it again does nothing."""
        if self._closed:
            return
        self._closed = True
        try:
            async with asyncio.timeout(LEAVING):
                if self._resume and (self.repl.interrupted or await caught_by(self.repl)):
                    await self.repl.soft_reset(run_main=True)
                    if self._ends_at_reset:
                        await self.repl.until_lost()
                else:
                    await self.repl.leave()
        except (TimeoutError, NodeError):
            # the way is gone, or the board is: there is nothing to leave
            pass
        finally:
            await self.repl.close()

    async def _drop(self) -> None:
        self._closed = True
        await self.repl.close()

    def _need_open(self) -> None:
        if self._closed:
            raise ConnectionLostError("the connection is closed", node=self._node)

    def _cannot(self, what: str) -> CapabilityError:
        return CapabilityError(
            f"a MicroPython board cannot {what}", node=self._node, hint="it has files and a REPL"
        )
