"""The raw REPL of a MicroPython board, with raw paste where the board has it.

Protocol: "The MicroPython REPL" in MicroPython's reference manual. Ctrl-A enters the raw REPL, Ctrl-B leaves it,
Ctrl-C interrupts, Ctrl-D runs what was sent. The board answers OK, the output, Ctrl-D, the traceback, Ctrl-D, `>`.
Raw paste (Ctrl-E A Ctrl-A) grants windows of bytes, so that no board loses any; boards from 1.14 on have it.
"""

from __future__ import annotations

import ast
import asyncio
import math
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from hivectl.micropython.errors import ProtocolError, SilentBoardError, remote_error
from hivectl.micropython.outcome import Background, Outcome
from hivectl.micropython.prompt import (
    INTERRUPT,
    PROMPT,
    RESET_SECONDS,
    interrupt_for_prompt,
    interrupt_twice,
    no_prompt,
    reset_for_prompt,
)
from hivectl.micropython.sending import END, Sending
from hivectl.micropython.wire import Input
from hivectl.model.node_errors import ConnectionLostError, OperationTimeoutError, OutputError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hivectl.micropython.wire import Wire

FRIENDLY_REPL = b"\r\x02"
FRIENDLY_PROMPT = b">>> "
# seconds for a board to go back to it
GOODBYE = 1.0
IDLE = b"\r\n>"
# seconds in which the end of a program that `begin` started is told whole
ENDING = 4.0
# of what a program that is not waited for prints, in bytes
WATCHED = 4096
# seconds in which what has come already is taken
AT_ONCE = 0.01
# of one program, in bytes
LARGEST_OUTPUT = 16 << 20


class Repl:
    """A board's raw REPL. One program at a time: callers are served in turn.

    Args:
        wire: the terminal.
        node: for messages.
        hard_reset: resets the board from outside, where that is possible.
        logged_in: whoever is at the other end has asked for a password, as boards do.

    Attributes:
        interrupted: a program of the board's own ran and was stopped for a prompt.
        background: the program that `begin` started, until it ends or is interrupted.
        resets: how often it was reset through this.
        asked: when (time.monotonic) a prompt was last asked for, which interrupts what runs; inf since `begin`.
        doubtful: something may have run then that caught the interrupt, and ended.
    """

    asked: float
    doubtful: bool
    interrupted: bool
    background: Background | None
    resets: int

    def __init__(
        self,
        wire: Wire,
        *,
        node: str | None = None,
        hard_reset: Callable[[], Awaitable[None]] | None = None,
        logged_in: bool = False,
    ) -> None:
        self._wire = wire
        self._node = node
        self._hard_reset = hard_reset
        self._logged_in = logged_in
        self._input = Input(wire, node)
        self._turn = asyncio.Lock()
        self._at_prompt = False
        self.interrupted = False
        self.background = None
        self.resets = 0
        self.asked = math.inf
        self.doubtful = False
        # what is interrupted next is a program of ours
        self._ours = False
        self._sending = Sending(wire, self._input, node, self._stop)

    @property
    def idle(self) -> bool:
        """Whether the board waits for us, as far as is known."""
        return self._at_prompt and not self._turn.locked()

    async def enter(self, *, deadline: float = 15.0) -> None:
        """Get a prompt of the raw REPL: Ctrl-C, again, and a hard reset where the driver can.

        Args:
            deadline: seconds for all of it.

        Raises:
            SilentBoardError: nothing came.
            BusyBoardError: the program does not end.
            NotABoardError: it is no MicroPython.
            ConnectionLostError: the line ended.
        """
        async with self._turn:
            await self._enter(deadline)

    async def execute(
        self,
        code: str | bytes,
        *,
        timeout: float = 30.0,  # noqa: ASYNC109 - what to do at its end is the REPL's: interrupt and find the prompt
        sink: Callable[[bytes], None] | None = None,
    ) -> bytes:
        """Run a program to its end and return what it printed.

        Args:
            code: no Ctrl-C and no Ctrl-D in it.
            timeout: seconds for the program; then it is interrupted.
            sink: takes the output as it comes; then nothing is returned.

        Raises:
            RemoteError: it raised; the leaves say what.
            OperationTimeoutError: it did not end in time.
            ProtocolError: the line is disturbed.
            ConnectionLostError: the line ended.
        """
        outcome = await self.attempt(code, timeout=timeout, sink=sink)
        if outcome.failure:
            raise remote_error(outcome.failure, node=self._node)
        return outcome.output

    async def attempt(
        self,
        code: str | bytes,
        *,
        timeout: float = 30.0,  # noqa: ASYNC109 - as `execute`
        sink: Callable[[bytes], None] | None = None,
    ) -> Outcome:
        """Run a program to its end and return what it printed and what it raised; raises as `execute`."""
        data = code.encode() if isinstance(code, str) else code
        async with self._turn:
            if not self._at_prompt:
                await self._enter(15.0)
            self._at_prompt = False
            try:
                async with asyncio.timeout(timeout):
                    await self._sending.send(data)
                    outcome = await self._outcome(sink)
            except TimeoutError as error:
                await self._stop()
                raise OperationTimeoutError(
                    f"the board's program did not end in {timeout:g} s and was interrupted", node=self._node
                ) from error
            except asyncio.CancelledError:
                await self._stop()
                raise
            self._at_prompt = True
            return outcome

    async def begin(self, code: str | bytes, background: Background) -> None:
        """Start a program and do not wait for it; what uses the REPL next interrupts it.

        Args:
            code: as `execute`.
            background: who it is.

        Raises:
            ProtocolError, ConnectionLostError: as `execute`.
        """
        data = code.encode() if isinstance(code, str) else code
        async with self._turn:
            if not self._at_prompt:
                await self._enter(15.0)
            self._at_prompt = False
            await self._sending.send(data)
            self.background = background
            self.interrupted = self.doubtful = False
            self.asked = math.inf

    async def watch(
        self, seconds: float | None, sink: Callable[[bytes], None] | None = None
    ) -> Outcome | None:
        """Read what the program that `begin` started prints, and return how it ended; None: it still runs.

        Args:
            seconds: how long at most; 0: only what is here already; None: until it ends.
            sink: takes what it prints as it comes.

        Raises:
            ProtocolError, ConnectionLostError: as `execute`.
        """
        background = self.background
        if background is None:
            return None

        def take(data: bytes) -> None:
            background.output.extend(data)
            del background.output[:-WATCHED]
            for take_too in background.sinks:
                take_too(data)
            if sink is not None:
                sink(data)

        async with self._turn:
            if self.background is not background:
                return None
            try:
                # a moment even for 0, in which bytes that are here are taken
                async with asyncio.timeout(None if seconds is None else max(seconds, AT_ONCE)):
                    await self._input.until(END, take)
            except TimeoutError:
                return None
            async with asyncio.timeout(ENDING):
                failure = await self._input.until(END)
                prompt = await self._input.take(1)
            self.background = None
            if prompt != b">":
                raise ConnectionLostError("the board started its interpreter anew", node=self._node)
            self._at_prompt = True
            return Outcome(bytes(background.output), failure)

    async def evaluate(self, expression: str, *, timeout: float = 30.0) -> Any:  # noqa: ASYNC109 - as `execute`
        """Return the value of an expression: of literals, or lists, tuples, sets and dicts of them.

        Raises:
            ProtocolError: the value is none that could travel as a literal; its text is in the message.
            RemoteError, OperationTimeoutError, ConnectionLostError: as `execute`.
        """
        return self.literal(await self.execute(f"print(repr({expression}))", timeout=timeout))

    def literal(self, output: bytes) -> Any:
        """Return the Python literal that a program printed; raises ProtocolError."""
        text = output.decode("utf-8", "replace").strip()
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
            raise ProtocolError(f"the board's value is no literal: {text[:200]}", node=self._node) from error

    async def interrupt(self) -> None:
        """Send Ctrl-C to whatever runs."""
        await self._wire.write(INTERRUPT)

    async def soft_reset(self, *, run_main: bool = False, deadline: float = RESET_SECONDS) -> None:
        """Start the interpreter anew, and run boot.py.

        Args:
            run_main: main.py too; then the board is left to it, without a prompt of ours.
            deadline: seconds until the prompt is there again.

        Raises:
            SilentBoardError: the board does not come back.
            ConnectionLostError: the line ended with the reset, as WebREPL does.
        """
        async with self._turn:
            if not self._at_prompt:
                await self._enter(15.0)
            self._at_prompt = False
            self.resets += 1
            self._input.drop()
            await self._wire.write(FRIENDLY_REPL + END if run_main else END)
            if run_main:
                return
            try:
                async with asyncio.timeout(deadline):
                    await self._input.find(b"soft reboot\r\n")
                    await self._input.find(PROMPT)
            except TimeoutError as error:
                raise SilentBoardError(
                    f"the board did not come back from a soft reset in {deadline:g} s", node=self._node
                ) from error
            self._at_prompt = True

    async def until_lost(self) -> NoReturn:
        """Wait for the line's end, whatever comes before; always raises, ConnectionLostError."""
        while True:
            self._input.drop()
            await self._input.take(1)

    async def leave(self) -> None:
        """Go back to the friendly REPL, as people expect it."""
        async with self._turn:
            if self._at_prompt:
                self._at_prompt = False
                self._input.drop()
                await self._wire.write(FRIENDLY_REPL)
                # heard late, it would take the prompt away from whoever comes next by another connection
                with suppress(TimeoutError):
                    async with asyncio.timeout(GOODBYE):
                        await self._input.find(FRIENDLY_PROMPT)

    async def close(self) -> None:
        """Close the wire."""
        await self._wire.close()

    # ---- how to get a prompt

    async def _enter(self, deadline: float) -> None:
        self._at_prompt = False
        self.background = None
        self._input.drop()
        self.asked = time.monotonic()
        try:
            async with asyncio.timeout(deadline):
                if await interrupt_for_prompt(self._wire, self._input) or await self._after_reset():
                    if not self._ours and b"KeyboardInterrupt" in self._input.last:
                        self.interrupted = True
                    # a board that waits shows its prompt anew, before anything else
                    self.doubtful |= not self._ours and not self._input.last.startswith(IDLE)
                    self._ours = False
                    if not await self._sending.learn():
                        # somebody else's goodbye on another terminal of the board took the prompt away
                        await interrupt_for_prompt(self._wire, self._input)
                        await self._sending.learn()
                    self._at_prompt = True
                    return
        except TimeoutError:
            pass
        raise no_prompt(self._input.seen, self._node, logged_in=self._logged_in)

    async def _after_reset(self) -> bool:
        if self._hard_reset is None:
            return False
        self.resets += 1
        return await reset_for_prompt(self._wire, self._input, self._hard_reset)

    async def _stop(self) -> None:
        """Interrupt the program; whoever comes next looks for the prompt."""
        self._ours = True
        await interrupt_twice(self._wire)

    # ---- one program

    async def _outcome(self, sink: Callable[[bytes], None] | None) -> Outcome:
        size = 0

        def bounded(data: bytes) -> None:
            nonlocal size
            size += len(data)
            if size > LARGEST_OUTPUT:
                raise OutputError(
                    f"the board's program printed more than {LARGEST_OUTPUT >> 20} MiB", node=self._node
                )
            gathered.extend(data)

        gathered = bytearray()
        try:
            await self._input.until(END, sink or bounded)
        except OutputError:
            await self._stop()
            raise
        failure = await self._input.until(END)
        prompt = await self._input.take(1)
        if prompt in b"MPY\r":
            # it says that it reboots softly
            raise ConnectionLostError("the board started its interpreter anew", node=self._node)
        if prompt != b">":
            raise ProtocolError(f"the raw REPL showed {prompt!r} for its prompt", node=self._node)
        return Outcome(bytes(gathered), failure)
