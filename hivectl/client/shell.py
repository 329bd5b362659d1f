"""A shell of a node: a window of its tmux session that keeps its state, and takes one command after another."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from hivectl.client.errors import BusyError, RemoteCallError, ShellEndedError, ShellTimeoutError
from hivectl.client.output import Output, decoded
from hivectl.client.tmux import TmuxError, ended_at_once, quoted
from hivectl.client.wrapping import (
    MICROPYTHON,
    PIECE,
    PYTHON,
    PYTHON_BEHIND_SHELL,
    PYTHON_PROMPT,
    PYTHONS,
    SHELL,
    SMALL,
    Prompt,
    answer_of,
    end_of,
    marker,
    new_nonce,
    probe,
    prompt_of,
    typed_for_micropython,
    typed_for_python,
    typed_for_shell,
    without_own_frame,
)
from hivectl.drivers.errors import ConnectionLostError, NodeError, OutputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hivectl.client.panes import Panes
    from hivectl.client.reach import Reach
    from hivectl.client.tmux import Control, Pane
    from hivectl.client.wrapping import Typed

# seconds for a prompt to answer a harmless line, and for one that is being started to appear
PROBING = 3.0
STARTING = 20.0
# seconds for one that is being drawn again
SETTLING = 1.0
# seconds of silence after which a look tells whether a prompt or an end has come instead of a marker
QUIET = 0.3
LOOKING = 1.0
# seconds between two attempts to have mpremote show a prompt
NUDGING = 3.0
# seconds for a program to end by Ctrl-C
INTERRUPTING = 3.0
# control sequences of terminals (ECMA-48, CSI), and those of xterm's keypad
DRAWN = re.compile(r"\x1b(\[[?0-9;]*[A-Za-z]|[=>])")
STATE = "#{pane_dead} #{pane_in_mode} #{cursor_y} #{pane_current_command}"


class PaneGoneError(TmuxError):
    """The pane has ended."""


class AsyncShell:
    """One shell of a node; several live beside each other.

    Args:
        node: the node's name.
        name: the shell's; "" for the default shell.
        panes: of the node.
        reach: the way to it: it is held while a command runs.
        forget: hears of its end.
    """

    def __init__(
        self, node: str, name: str, panes: Panes, reach: Reach, forget: Callable[[str], object]
    ) -> None:
        self.node = node
        self.name = name
        self._panes = panes
        self._reach = reach
        self._forget = forget
        self._turn = asyncio.Lock()
        # of commands whose end was not seen: one that has started a shell ends when that does
        self._unended: set[str] = set()

    def __repr__(self) -> str:
        """Return how it is reached."""
        return f"<shell {self.name or 'default'} of {self.node}>"

    async def __call__(
        self, command: str, *, timeout: float | None = None, check: bool = False, python: bool = False
    ) -> Output:
        """Run a command in it and return what it printed.

        Args:
            command: for the shell, or for the Python prompt that is in it; several lines are well.
            timeout: seconds after which Ctrl-C is sent to it.
            check: raise CommandError when it fails.
            python: raise RemoteCallError unless there is a Python prompt.

        Raises:
            BusyError: a program runs in the foreground.
            ShellEndedError: the command has ended the shell.
            ShellTimeoutError: it took longer than `timeout`.
            NodeError: the node cannot be reached, has no tmux, is held by somebody else.
        """
        if "\0" in command:
            raise ValueError("a command cannot hold a NUL character")
        async with self._reach.holding(self.node), self._turn:
            control, pane, tmux, new = await self._panes.pane(self.name)
            if new:
                self._unended.clear()
            use = _Use(self.node, control, pane, tmux, self._unended)
            try:
                output = await use.run(command, timeout, python=python, new=new)
            finally:
                use.leave()
        return output.check(command, self.node) if check else output

    async def close(self) -> None:
        """End the shell and its window; the default shell stays."""
        if self.name:
            self._forget(self.name)
            await self._panes.end(self.name)


class _Use:
    """One command in one pane."""

    def __init__(self, node: str, control: Control, pane: str, tmux: str, unended: set[str]) -> None:
        self.unended = unended
        self.node = node
        self.control = control
        self.pane = pane
        self.tmux = tmux
        self.heard: Pane = control.listen(pane)
        self.nonce = new_nonce()
        self._nudged = -NUDGING

    def leave(self) -> None:
        self.control.leave(self.heard)

    async def run(self, command: str, timeout: float | None, *, python: bool, new: bool) -> Output:
        try:
            prompt = await self._ready(STARTING if new else SETTLING, again=new)
        except TmuxError as error:
            if new and (isinstance(error, PaneGoneError) or self.control.closed):
                raise ended_at_once(self.node) from None
            raise
        if python and prompt.kind == SHELL:
            raise RemoteCallError(
                f"calls are forwarded to a Python prompt, and the default shell is {prompt.program}",
                node=self.node,
                hint="name the control layer with `shell:` in the inventory, or start it: node('python3')",
            )
        if prompt.kind == MICROPYTHON:
            typed = typed_for_micropython(command, self.nonce)
        elif prompt.kind == PYTHON:
            typed = typed_for_python(command, self.nonce, tmux=self.tmux)
        else:
            typed = typed_for_shell(command, self.nonce, program=prompt.program, tmux=self.tmux)
        begun = False
        try:
            async with asyncio.timeout(timeout):
                self.unended.add(self.nonce)
                await self._type(typed, slowly=prompt.kind == MICROPYTHON)
                begun = True
                return await self._result(prompt)
        except TimeoutError:
            printed = self._printed()
            ended = await self._interrupt()
            raise ShellTimeoutError(
                f"the command took longer than {timeout:g} s and was "
                + ("stopped by Ctrl-C" if ended else "not to be stopped by Ctrl-C"),
                printed,
                node=self.node,
                hint=None if ended else "it still runs",
            ) from None
        except (asyncio.CancelledError, OutputError):
            if begun:
                with suppress(NodeError, TimeoutError):
                    await asyncio.shield(asyncio.ensure_future(self._interrupt()))
            raise

    # -- before

    async def _ready(self, patience: float, *, again: bool) -> Prompt:
        """Return the prompt that takes our command; raises BusyError when there is none.

        Args:
            patience: seconds for it to appear.
            again: ask more than once, for what has just been started may have flushed its input.
        """
        end = time.monotonic() + patience
        while True:
            prompt = await self.look()
            for kind in (prompt.kind, prompt.fallback):
                patience = SETTLING if again or prompt.fallback else PROBING
                if kind and (found := await self._answers(kind, prompt, patience)):
                    return Prompt(kind=found, program=prompt.program)
            left = end - time.monotonic()
            if not prompt.kind and again:
                await self._nudge()
            if prompt.kind and not prompt.interrupt and (await self.look()).interrupt:
                # something half typed, which had not been drawn when we looked
                continue
            if left <= 0 or (prompt.kind and not again):
                raise BusyError(prompt.program or "a program", node=self.node)
            with suppress(TimeoutError):
                async with asyncio.timeout(min(0.2, left)):
                    await self._more()

    async def look(self) -> Prompt:
        """Return where the pane stands; raises PaneGoneError when it has ended."""
        program, line = await self.state()
        return prompt_of(program, line)

    async def state(self) -> tuple[str, str]:
        """Return the pane's foreground program, and the line at its cursor."""
        try:
            [state] = await self.control.ask(f"display-message -p -t {self.pane} {quoted(STATE)}")
            dead, in_mode, row, program = state.split(" ", 3)
            if in_mode != "0":
                # somebody has scrolled up and left it so: keys would not reach the shell
                await self.control.ask(f"send-keys -t {self.pane} -X cancel")
            [line] = await self.control.ask(f"capture-pane -p -t {self.pane} -S {row} -E {row}")
        except (TmuxError, ValueError) as error:
            if self.control.closed or isinstance(error, ValueError) or "can't find" in str(error):
                raise PaneGoneError("the shell has ended", node=self.node) from error
            raise
        if dead == "1":
            raise PaneGoneError("the shell has ended", node=self.node)
        return program.rsplit("/", 1)[-1].removeprefix("-"), line.rstrip()

    async def _nudge(self) -> None:
        """Press Enter where mpremote has connected to a board: that shows its prompt only then."""
        if time.monotonic() - self._nudged < NUDGING:
            return
        [screen] = await self.control.ask(f"capture-pane -p -t {self.pane}")
        if "Connected to MicroPython" in screen:
            self._nudged = time.monotonic()
            await self._keys("Enter")

    async def _answers(self, kind: str, prompt: Prompt, patience: float) -> str:
        """Put a harmless line to the prompt, what is half typed there taken away first; return its kind, "" for none."""
        if prompt.interrupt:
            await self._keys("C-c")
        # the one that takes what is behind the cursor first: C-a to C-e mean other things to MicroPython
        await self._keys("C-k", "C-u")
        nonce = new_nonce()
        await self._line(probe(kind, nonce))
        wanted = answer_of(nonce)
        found = None
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while (found := wanted.search(self.heard.data)) is None:
                    await self._more()
        small = found is not None and found[1].decode() in SMALL
        self.heard.data.clear()
        if found is None:
            return ""
        return MICROPYTHON if small else kind

    # -- typing

    async def _type(self, typed: Typed, *, slowly: bool) -> None:
        if typed.buffer:
            await self.control.ask(f"set-buffer -b hivectl-{self.nonce} -- {quoted(typed.buffer)}")
        line = typed.line
        while slowly and len(line) > PIECE:
            piece, line = line[:PIECE], line[PIECE:]
            await self._piece(piece)
        await self._line(line)

    async def _piece(self, piece: str) -> None:
        """Type a part of a line, and wait until it is there."""
        before = len(self.heard.data)
        await self.control.ask(f"send-keys -t {self.pane} -l -- {quoted(piece)}")
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLING):
                while len(self.heard.data) < before + len(piece):
                    await self._more()

    async def _line(self, line: str) -> None:
        await self.control.ask(
            f"send-keys -t {self.pane} -l -- {quoted(line)}", f"send-keys -t {self.pane} Enter"
        )

    async def _keys(self, *keys: str) -> None:
        await self.control.ask(f"send-keys -t {self.pane} {' '.join(keys)}")

    # -- after

    async def _more(self) -> None:
        """Wait until something has come; raises when nothing more can."""
        if self.heard.lost is not None:
            raise self.heard.lost
        self.heard.changed.clear()
        await self.heard.changed.wait()

    async def _result(self, prompt: Prompt) -> Output:
        pattern = end_of(self.unended)
        searched = 0
        try:
            while True:
                if found := pattern.search(self.heard.data, max(0, searched - 64)):
                    # the end of an earlier one: ours has ended the shell that that had started
                    self.unended.difference_update((self.nonce, found[1].decode()))
                    return self._output(self._between(found.start()), found[2].decode())
                searched = len(self.heard.data)
                if not await self._wait():
                    output = await self._instead(prompt)
                    if output is not None:
                        return output
        except TmuxError as error:
            if isinstance(error, PaneGoneError) or self.control.closed:
                raise ShellEndedError(
                    f"the command has ended the shell: {self._printed().strip()[-200:] or 'it printed nothing'}",
                    node=self.node,
                    hint="the next command gets a new shell",
                ) from None
            raise
        except ConnectionLostError as error:
            error.hint = "the command may go on: the next one goes to the same shell"
            raise
        finally:
            with suppress(NodeError):
                if not self.control.closed:
                    await self._forget_buffer()

    async def _forget_buffer(self) -> None:
        with suppress(TmuxError):
            await self.control.ask(f"delete-buffer -b hivectl-{self.nonce}")

    async def _wait(self) -> bool:
        """Wait for output; False after a silence, or when the pane may be gone."""
        tail = bytes(self.heard.data[-80:]).rpartition(b"\n")[2].decode("utf-8", "replace")
        quiet = QUIET if PYTHON_PROMPT.search(tail) else LOOKING
        try:
            async with asyncio.timeout(quiet):
                await self._more()
        except TimeoutError:
            return False
        looked, self.heard.look = self.heard.look, False
        return not looked

    async def _instead(self, before: Prompt) -> Output | None:
        """Return what a command has come to that does not end as others do: it has started a prompt of Python."""
        program, line = await self.state()
        begun = marker(self.nonce, "b") in self.heard.data
        if begun and before.kind == SHELL and not line and PYTHONS.fullmatch(program):
            await self._nudge()
        late = before.kind == SHELL and PYTHON_BEHIND_SHELL.fullmatch(line)
        if not late and not PYTHON_PROMPT.fullmatch(line + " ") and not PYTHON_PROMPT.fullmatch(line):
            return None
        if before.kind == SHELL and begun and PYTHONS.fullmatch(program):
            # a line editor has drawn the prompt by then
            head, newline, _ = DRAWN.sub("", self._printed()).rpartition("\n")
            if not head.strip():
                newline = head = ""
            return Output(head + newline, status=None, failed=False)
        if before.kind == PYTHON and not begun:
            raise RemoteCallError(
                f"the Python prompt could not fetch the command: {self._raw()[-200:].strip()}", node=self.node
            )
        return None

    def _between(self, end: int) -> bytes:
        begun = marker(self.nonce, "b")
        start = self.heard.data.find(begun)
        data = bytes(self.heard.data[start + len(begun) if start >= 0 else 0 : end])
        # the terminal writes a line's end as two characters (termios(3), ONLCR)
        return without_own_frame(data.replace(b"\r\n", b"\n"), self.nonce)

    def _raw(self) -> str:
        return decoded(bytes(self.heard.data))

    def _printed(self) -> str:
        return decoded(self._between(len(self.heard.data)))

    def _output(self, data: bytes, end: str) -> Output:
        text = decoded(data)
        if end.isdigit():
            return Output(text, status=int(end))
        return Output(text, status=None, failed=end == "failed")

    async def _interrupt(self) -> bool:
        """Send Ctrl-C; returns whether a prompt is there again."""
        await self._keys("C-c")
        end = time.monotonic() + INTERRUPTING
        while (left := end - time.monotonic()) > 0:
            prompt = await self.look()
            # a loop of the shell's own looks like a prompt
            if prompt.kind and await self._answers(prompt.kind, prompt, left):
                return True
            with suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await self._more()
        return False
