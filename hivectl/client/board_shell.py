"""The default shell of a MicroPython board: its REPL, of which there is one."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from hivectl.client.errors import BoardResetError, BusyError, ShellTimeoutError
from hivectl.client.output import Output, decoded
from hivectl.client.values import showing_values
from hivectl.drivers.base import Capability
from hivectl.drivers.errors import (
    NodeError,
    OperationTimeoutError,
    OutputError,
    UnreachableError,
)
from hivectl.micropython.errors import remote_error
from hivectl.model.records import record

if TYPE_CHECKING:
    from hivectl.client.reach import Reach
    from hivectl.drivers.session import NodeSession

# characters that end or interrupt what is sent to the raw REPL
CONTROL = frozenset("\0\x01\x02\x03\x04\x05")
# of one command, in bytes
LONGEST_OUTPUT = 16 << 20
# seconds for a program to end by Ctrl-C, and for a board that was reset to be there again
INTERRUPTING = 4.0
COMING_BACK = 30.0
LOOKING = 10.0
# in the board's globals, until its interpreter starts anew
MARK = "_hivectl_shell"
# tells whether the interpreter is the one that we know
KNOWN = f"print(globals().get({MARK!r},''))"


@record(kw_only=True)
class Done:
    """What a command on a board has come to.

    Attributes:
        printed: all that it printed.
        traceback: of the exception that ended it, else "".
        error: the same, typed.
    """

    printed: str
    traceback: str = ""
    error: Any = None


class BoardShell:
    """A board's REPL, in which what was defined stays until the board is reset.

    Args:
        node: the board's name.
        reach: the way to it: it is held while a command runs.
    """

    name = ""

    def __init__(self, node: str, reach: Reach) -> None:
        self.node = node
        self._reach = reach
        self._turn = asyncio.Lock()
        # in the board's memory while its interpreter is the one that we know; None before the first command
        self._mark: str | None = None
        # the connection and its count of resets, for which that was looked at
        self._seen: tuple[Any, int] | None = None

    def __repr__(self) -> str:
        """Return how it is reached."""
        return f"<REPL of {self.node}>"

    async def __call__(
        self,
        command: str,
        *,
        timeout: float | None = None,
        check: bool = False,
        python: bool = False,  # noqa: ARG002  it is one
    ) -> Output:
        """Run code at the board's prompt and return what it shows: what it prints, its values, its traceback.

        Args:
            command: MicroPython; several lines are well.
            timeout: seconds after which Ctrl-C is sent.
            check: raise CommandError when it raises.
            python: for calls that need a Python prompt.

        Raises:
            BoardResetError: the board was reset since the last command: what that had left is gone.
            ShellTimeoutError: it took longer than `timeout`.
            NodeError: the board cannot be reached, or is held by somebody else.
        """
        done = await self.carry_out(command, timeout)
        output = Output(
            done.printed + done.traceback, status=None, failed=bool(done.traceback), error=done.error
        )
        return output.check(command, self.node) if check else output

    async def close(self) -> None:
        """Nothing: a board's REPL stays."""

    def forget(self) -> None:
        """Learn that the interpreter was started anew, by somebody who has told so."""
        if self._mark is not None:
            self._mark = self._seen = None
            self._reach.tell(f"{self.node}: the interpreter was started anew: what its shell knew is gone")

    async def carry_out(self, command: str, seconds: float | None) -> Done:
        """Run code; raises as a call of it does."""
        if CONTROL & set(command):
            raise ValueError("code for a board cannot hold NUL, nor Ctrl-A to Ctrl-E; write them as '\\x03'")
        code = showing_values(command).encode("utf-8", "surrogateescape")
        async with self._reach.holding(self.node) as session, self._turn:
            gathered = bytearray()

            def gather(data: bytes) -> None:
                if len(gathered) > LONGEST_OUTPUT:
                    raise OutputError(
                        f"the command printed more than {LONGEST_OUTPUT >> 20} MiB", node=self.node
                    )
                gathered.extend(data)

            board = await self._arrived(session)
            try:
                outcome = await board.attempt(code, timeout=seconds, sink=gather)
            except OperationTimeoutError as error:
                raise await self._too_long(board, seconds or 0.0, _text(gathered)) from error
            except UnreachableError as error:
                await self._was_it_reset(session, error)
                raise
        if not outcome.failure:
            return Done(printed=_text(gathered))
        traceback = _text(outcome.failure)
        return Done(
            printed=_text(gathered),
            traceback=traceback,
            error=remote_error(outcome.failure, node=self.node),
        )

    async def _arrived(self, session: NodeSession) -> Any:
        """Return the connection, the board's interpreter being the one that the last command has left.

        Raises:
            BoardResetError: it is another one; the next call will find it known.
        """
        board: Any = await session.connection(Capability.REPL)
        need_no_program(board, self.node)
        if not board.repl.idle:
            # a program that was left alone: to get a prompt may take a reset
            await board.repl.enter()
        now = (board, board.repl.resets)
        if now == self._seen:
            return board
        before = self._mark
        if before is not None:
            there = await board.attempt(KNOWN, timeout=LOOKING)
            if there.output.strip().decode(errors="replace") == before:
                # then what was interrupted by connecting was a command of ours
                board.repl.interrupted = False
                self._seen = now
                return board
        if board.repl.interrupted and (self._seen is None or self._seen[0] is not board):
            self._reach.tell(
                f"{self.node}: the board's own program was interrupted; it begins anew when the board is let go"
            )
        mark = secrets.token_hex(4)
        await board.attempt(f"{MARK}={mark!r}", timeout=LOOKING)
        self._mark, self._seen = mark, now
        if before is not None:
            raise BoardResetError(
                "the board was reset since the last command: what it knew is gone",
                node=self.node,
                hint="nothing was run; define again what is needed",
            )
        return board

    async def _was_it_reset(self, session: NodeSession, error: UnreachableError) -> None:
        """Connect again after a connection was lost in mid-command; raises BoardResetError if that was by a reset."""
        try:
            await session.reconnect(Capability.REPL, deadline=COMING_BACK)
            await self._arrived(session)
        except BoardResetError:
            raise BoardResetError(
                "the board was reset before the command ended: what it knew is gone",
                node=self.node,
                hint="whether the command has run is not known; the next one finds the board as it is now",
            ) from error
        except NodeError:
            error.hint = error.hint or "the board has not come back"
            return
        error.hint = "the board was not reset, what it knew is there; how far the command came is not known"

    async def _too_long(self, board: Any, seconds: float, printed: str) -> ShellTimeoutError:
        ended = False
        with suppress(NodeError):
            await board.repl.enter(deadline=INTERRUPTING)
            ended = True
        return ShellTimeoutError(
            f"the command took longer than {seconds:g} s and was "
            + ("stopped by Ctrl-C" if ended else "not to be stopped by Ctrl-C"),
            printed,
            node=self.node,
            hint=None if ended else "it still runs: reset the board",
        )


def need_no_program(board: Any, node: str) -> None:
    """Refuse what would interrupt the program that was started here; raises BusyError."""
    running = board.repl.background
    if running is not None:
        raise BusyError(
            running.label,
            node=node,
            hint="a board does one thing at a time: wait for its end, task.wait(), or stop it, task.stop()",
        )


def _text(data: bytes | bytearray) -> str:
    # a board's terminal ends lines by two characters
    return decoded(bytes(data).replace(b"\r\n", b"\n"))
