"""The raw REPL of a MicroPython board, with raw paste where the board has it.

Protocol: "The MicroPython REPL" in MicroPython's reference manual. Ctrl-A enters the raw REPL, Ctrl-B leaves it,
Ctrl-C interrupts, Ctrl-D runs what was sent. The board answers OK, the output, Ctrl-D, the traceback, Ctrl-D, `>`.
Raw paste (Ctrl-E A Ctrl-A) grants windows of bytes, so that no board loses any; boards from 1.14 on have it.
"""

from __future__ import annotations

import ast
import asyncio
from dataclasses import field
from typing import TYPE_CHECKING, Any, NoReturn

from hivectl.micropython.errors import (
    BusyBoardError,
    NotABoardError,
    ProtocolError,
    SilentBoardError,
    remote_error,
)
from hivectl.micropython.wire import Input
from hivectl.model.node_errors import ConnectionLostError, NodeError, OperationTimeoutError, OutputError
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hivectl.micropython.wire import Wire

INTERRUPT = b"\x03"
RAW_REPL = b"\r\x01"
FRIENDLY_REPL = b"\r\x02"
END = b"\x04"
PROMPT = b"raw REPL; CTRL-B to exit\r\n>"
PASTE = b"\x05A\x01"
PASTE_ACCEPTED = b"R\x01"
PASTE_KNOWN = b"R\x00"
# seconds that each attempt to get a prompt waits: a program may need a second Ctrl-C, or close its files first
PATIENCE = (0.5, 1.0, 2.0, 4.0)
# seconds to find out whether there is raw paste; to wait for it behind a prompt where it may not exist
LEARNING, LATE = 4.0, 1.0
# seconds that a board has to come back from a reset
RESET_SECONDS = 10.0
# seconds to take a program in, and bytes a second of the slowest line (9600 baud)
SEND_SECONDS, SLOWEST = 5.0, 900
# bytes that a board without raw paste takes in one go (its input buffer has 256), and seconds between
BLIND_SIZE, BLIND_PAUSE = 128, 0.01
# of what a program that is not waited for prints, in bytes
WATCHED = 4096
# seconds in which what has come already is taken
AT_ONCE = 0.01
# what boards print, but for a few letters of other languages
TEXT = frozenset(range(0x20, 0x7F)) | frozenset(b"\r\n\t\x1b")
# of one program, in bytes
LARGEST_OUTPUT = 16 << 20


@record
class Outcome:
    """What a program on the board did.

    Attributes:
        output: what it printed, in the board's bytes.
        failure: what it printed of its exception, empty without one.
    """

    output: bytes
    failure: bytes


@record
class Background:
    """A program that was started and is not waited for.

    Attributes:
        label: its name.
        since: when it was started (UTC).
        log: the file on the board with what it printed.
        fingerprint: of what was started.
        boot: the board starts it, too.
        output: the last that it has printed since, as far as it was watched.
        sinks: take all of that as it comes.
    """

    label: str
    since: str
    log: str
    fingerprint: str
    boot: bool
    output: bytearray = field(default_factory=bytearray)
    sinks: list[Callable[[bytes], None]] = field(default_factory=list)


class Repl:
    """A board's raw REPL. One program at a time: callers are served in turn.

    Args:
        wire: the terminal.
        node: for messages.
        hard_reset: resets the board from outside, where that is possible.

    Attributes:
        interrupted: a program of the board's own ran and was stopped for a prompt.
        background: the program that `begin` started, until it ends or is interrupted.
        resets: how often it was reset through this.
    """

    interrupted: bool
    background: Background | None
    resets: int

    def __init__(
        self,
        wire: Wire,
        *,
        node: str | None = None,
        hard_reset: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._wire = wire
        self._node = node
        self._hard_reset = hard_reset
        self._input = Input(wire, node)
        self._turn = asyncio.Lock()
        self._at_prompt = False
        self.interrupted = False
        self.background = None
        self.resets = 0
        # what is interrupted next is a program of ours
        self._ours = False
        # bytes of raw paste that may be sent before the board grants more; 0: it has no raw paste; None: not known
        self._window: int | None = None

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
                    await self._sent(data)
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
            await self._sent(data)
            self.background = background
            self.interrupted = False

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
            async with asyncio.timeout(LEARNING):
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
                await self._wire.write(FRIENDLY_REPL)

    async def close(self) -> None:
        """Close the wire."""
        await self._wire.close()

    # ---- how to get a prompt

    async def _enter(self, deadline: float) -> None:
        self._at_prompt = False
        self.background = None
        self._input.drop()
        try:
            async with asyncio.timeout(deadline):
                if await self._asked() or (self._hard_reset is not None and await self._after_reset()):
                    if not self._ours and b"KeyboardInterrupt" in self._input.last:
                        self.interrupted = True
                    self._ours = False
                    await self._learn()
                    self._at_prompt = True
                    return
        except TimeoutError:
            pass
        raise self._no_prompt()

    async def _asked(self) -> bool:
        for patience in PATIENCE:
            # twice: a program may catch the first one
            await self._wire.write(INTERRUPT + INTERRUPT)
            await self._wire.write(RAW_REPL)
            try:
                async with asyncio.timeout(patience):
                    await self._input.find(PROMPT)
                    return True
            except TimeoutError:
                continue
        return False

    async def _after_reset(self) -> bool:
        assert self._hard_reset is not None
        self.resets += 1
        await self._hard_reset()
        self._input.drop()
        end = asyncio.get_running_loop().time() + RESET_SECONDS
        while asyncio.get_running_loop().time() < end:
            if await self._asked():
                return True
        return False

    async def _learn(self) -> None:
        """Find out whether the board has raw paste, and throw away prompts of earlier attempts that come late."""
        known = bool(self._window)
        await self._wire.write(PASTE)
        try:
            async with asyncio.timeout(LEARNING):
                answer = await self._input.find(PASTE_ACCEPTED, PASTE_KNOWN, PROMPT)
                if answer == PROMPT and (known or await self._late()):
                    # the prompt of an earlier attempt
                    answer = await self._input.find(PASTE_ACCEPTED)
                if answer != PASTE_ACCEPTED:
                    self._window = 0
                    return
                self._window = int.from_bytes(await self._input.take(2), "little")
                await self._wire.write(END)
                # taken, output, exception: a late Ctrl-C may end even an empty program with one
                for _ in range(3):
                    await self._input.until(END)
                await self._input.find(b">")
        except TimeoutError:
            if known:
                raise ProtocolError(
                    "the board's REPL did not settle after an interrupt", node=self._node
                ) from None
            # old firmware echoes nothing of it; begin with a clean line
            self._window = 0
            await self._wire.write(INTERRUPT)

    async def _late(self) -> bool:
        """Whether raw paste is accepted behind a prompt that was still under way; old firmware shows a prompt alone."""
        try:
            async with asyncio.timeout(LATE):
                await self._input.has(PASTE_ACCEPTED)
        except TimeoutError:
            return False
        return True

    def _no_prompt(self) -> NodeError:
        seen = self._input.seen
        if not seen:
            return SilentBoardError(
                "the board says nothing: it hangs, is off, or has another speed",
                node=self._node,
                hint="reset it, or check `baud` and the cable",
            )
        shown = seen[-60:].decode("ascii", "backslashreplace")
        if sum(byte in TEXT for byte in seen) < len(seen) / 2:
            return NotABoardError(
                f"what comes is no text, so no MicroPython board's: {shown!r}",
                node=self._node,
                hint="is it the right port, and is `baud` its speed?",
            )
        if b">>>" in seen or b"MicroPython" in seen or b"Traceback" in seen or len(seen) >= 512:
            return BusyBoardError(
                f"the board's program does not let itself be interrupted; it says {shown!r}",
                node=self._node,
                hint="reset the board; does its program catch KeyboardInterrupt, or print without end?",
            )
        return NotABoardError(
            f"what answers is no MicroPython board: {shown!r}", node=self._node, hint="is it the right port?"
        )

    async def _stop(self) -> None:
        """Interrupt the program; whoever comes next looks for the prompt."""
        self._ours = True
        try:
            async with asyncio.timeout(1.0):
                await self._wire.write(INTERRUPT + INTERRUPT)
        except (TimeoutError, NodeError):
            # the line is gone: so is what could be interrupted
            return

    # ---- one program

    async def _sent(self, code: bytes) -> None:
        """Send code; a board that lost a byte of it waits for ever."""
        sending = asyncio.timeout(SEND_SECONDS + len(code) / SLOWEST)
        try:
            async with sending:
                await self._send(code)
        except TimeoutError as error:
            if not sending.expired():
                raise
            await self._stop()
            raise ProtocolError(
                "the board did not take a program to its end: bytes were lost on the line", node=self._node
            ) from error

    async def _send(self, code: bytes) -> None:
        if self._window:
            await self._paste(code, self._window)
            return
        for start in range(0, len(code), BLIND_SIZE):
            await self._wire.write(code[start : start + BLIND_SIZE])
            await asyncio.sleep(BLIND_PAUSE)
        await self._wire.write(END)
        answer = await self._input.take(2)
        if answer != b"OK":
            raise ProtocolError(f"the raw REPL answered {answer!r} to a program", node=self._node)

    async def _paste(self, code: bytes, window: int) -> None:
        """Send code as fast as the board takes it; the first window goes with the question, which saves a turn."""
        sent = min(len(code), window)
        whole = sent == len(code)
        await self._wire.write(PASTE + code[:sent] + (END if whole else b""))
        answer = await self._input.take(4)
        if answer[:2] != PASTE_ACCEPTED:
            raise ProtocolError(f"the raw REPL answered {answer!r} to raw paste", node=self._node)
        allowed = int.from_bytes(answer[2:], "little") - sent
        while not whole:
            # one grant at least, then all that are here already
            for grant in await self._input.take(1) if not allowed else b"":
                allowed += self._granted(grant, window)
            piece = code[sent : sent + allowed]
            sent += len(piece)
            allowed -= len(piece)
            whole = sent == len(code)
            if piece or whole:
                await self._wire.write(piece + END if whole else piece)
        while (grant := (await self._input.take(1))[0]) != END[0]:
            self._granted(grant, window)

    def _granted(self, grant: int, window: int) -> int:
        if grant != 1:
            raise ProtocolError(f"the board broke raw paste off with {grant:#04x}", node=self._node)
        return window

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
