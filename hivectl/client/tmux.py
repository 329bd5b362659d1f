"""tmux's control mode (tmux(1), CONTROL MODE): commands by lines, exact output of panes, over one process.

Output of a pane comes as `%output %PANE TEXT`, each byte below space and the backslash as three octal digits: what
the program wrote, whatever the width of the window. Answers to commands stand between `%begin` and `%end`.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from hivectl.drivers.errors import ConnectionLostError, HelperError, NodeError, OutputError
from hivectl.modules.tmux_window import NO_TMUX, OPEN_WINDOW, OWN_TMUX

if TYPE_CHECKING:
    from hivectl.client.errors import ShellEndedError
    from hivectl.drivers.base import Process

ESCAPED = re.compile(rb"\\([0-7]{3})")
COMMON = tuple((b"\\%03o" % code, bytes([code])) for code in (0o12, 0o15, 0o33, 0o11, 0o7, 0o10))
# bytes of one pane that are kept for who reads them
LONGEST_OUTPUT = 64 << 20
ANSWERING = 30.0
CHUNK = 1 << 18
# seconds for standard error and the exit status behind the end of the output
LAST_WORDS = 2.0
# notifications that may mean the end of a pane
WINDOWS_CHANGED = (b"%window-close", b"%unlinked-window-close", b"%layout-change", b"%exit")


def unescaped(text: bytes) -> bytes:
    """Return the bytes that a pane's program wrote."""
    if b"\\" not in text:
        return text
    # every backslash begins an escape, so the frequent ones may go first and fast
    for escape, byte in COMMON:
        text = text.replace(escape, byte)
    return ESCAPED.sub(lambda found: bytes([int(found[1], 8) & 255]), text)


def quoted(text: str) -> str:
    """Return a word of tmux's command language, which knows no backslash inside of single quotes."""
    return "'" + text.replace("'", "'\"'\"'") + "'"


class TmuxError(NodeError):
    """tmux refused a command, or has ended."""


class Pane:
    """What a pane writes from now on.

    Attributes:
        data: unread bytes.
        lost: why no more comes; None while more may come.
        look: whether the pane may be gone.
    """

    def __init__(self, pane: str) -> None:
        self.pane = pane
        self.data = bytearray()
        self.lost: NodeError | None = None
        self.look = False
        self.changed = asyncio.Event()

    def feed(self, data: bytes) -> None:
        """Take what came."""
        self.data += data
        self.changed.set()

    def fail(self, error: NodeError) -> None:
        """Take the end."""
        self.lost = error
        self.changed.set()


class Control:
    """A control client of a node's tmux session; `close` detaches it.

    Args:
        process: `tmux -C attach-session` on the node.
        node: for messages.
        begun: what has been read of it already.
    """

    def __init__(self, process: Process, node: str, begun: bytes = b"") -> None:
        self._begun = begun
        self._said = b""
        self._process = process
        self._node = node
        self._answers: deque[asyncio.Future[bytes]] = deque()
        self._panes: dict[str, list[Pane]] = {}
        self._lost: NodeError | None = None
        self._writing = asyncio.Lock()
        # the attach itself is answered first
        self.attached: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._answers.append(self.attached)
        self.attached.add_done_callback(_seen)
        self._reading = asyncio.ensure_future(self._read())
        self._errors = asyncio.ensure_future(self._read_errors())

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._lost is not None

    def listen(self, pane: str) -> Pane:
        """Begin to keep what a pane writes."""
        found = Pane(pane)
        if self._lost is not None:
            found.fail(self._lost)
        self._panes.setdefault(pane, []).append(found)
        return found

    def leave(self, pane: Pane) -> None:
        """Keep it no longer."""
        with suppress(KeyError, ValueError):
            self._panes[pane.pane].remove(pane)
            if not self._panes[pane.pane]:
                del self._panes[pane.pane]

    async def ask(self, *commands: str) -> list[str]:
        """Give commands and return their answers.

        Raises:
            TmuxError: tmux refuses one.
            ConnectionLostError: the way is gone.
        """
        loop = asyncio.get_running_loop()
        answers = [loop.create_future() for _ in commands]
        for answer in answers:
            answer.add_done_callback(_seen)
        async with self._writing:
            if self._lost is not None:
                raise self._lost
            self._answers.extend(answers)
            await self._give(commands)
        try:
            async with asyncio.timeout(ANSWERING):
                return [(await answer).decode("utf-8", "surrogateescape") for answer in answers]
        except TimeoutError:
            await self.close()
            raise ConnectionLostError(
                f"tmux did not answer within {ANSWERING:g} s", node=self._node
            ) from None

    async def _give(self, commands: tuple[str, ...]) -> None:
        text = "".join(f"{command}\n" for command in commands)
        try:
            await self._process.write(text.encode("utf-8", "surrogateescape"))
        except ConnectionLostError:
            # whoever reads knows whether tmux or the connection has ended
            await asyncio.wait([self._reading], timeout=2 * LAST_WORDS)
            if self._lost is not None:
                raise self._lost from None
            raise

    async def close(self) -> None:
        """Detach; what runs in the session goes on. Calling it again does nothing."""
        self._end(ConnectionLostError("the connection to tmux is closed", node=self._node))
        for task in (self._reading, self._errors):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self._process.close()

    async def _read(self) -> None:
        left = b""
        block: list[bytes] | None = None
        data = self._begun
        try:
            while True:
                *lines, left = (left + data).split(b"\n")
                for line in lines:
                    block = self._line(line, block)
                data = await self._process.read(CHUNK)
                if not data:
                    break
        except NodeError as error:
            self._end(error)
        else:
            status = None
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORDS):
                    await self._errors
                    status = await self._process.wait()
            if status is None:
                self._end(ConnectionLostError("the connection to tmux broke", node=self._node))
                return
            said = left.decode("utf-8", "replace").strip() or self._said.decode("utf-8", "replace").strip()
            self._end(TmuxError(f"tmux has ended: {said or 'no session is left'}", node=self._node))

    def _line(self, line: bytes, block: list[bytes] | None) -> list[bytes] | None:
        """Take one line; returns the block that it leaves open, its first line its number."""
        if block is not None:
            # what is shown in an answer may look like its end, but does not know its number
            kind, _, number = line.partition(b" ")
            if kind in (b"%end", b"%error") and number == block[0]:
                self._answer(b"\n".join(block[1:]), failed=kind == b"%error")
                return None
            block.append(line)
            return block
        if line.startswith(b"%output "):
            _, pane, text = line.split(b" ", 2)
            for listener in self._panes.get(pane.decode(), ()):
                if len(listener.data) > LONGEST_OUTPUT:
                    listener.fail(
                        OutputError(f"the command wrote more than {LONGEST_OUTPUT} bytes", node=self._node)
                    )
                else:
                    listener.feed(unescaped(text))
            return None
        if line.startswith(b"%begin "):
            return [line.partition(b" ")[2]]
        if line.startswith(WINDOWS_CHANGED):
            for listeners in self._panes.values():
                for listener in listeners:
                    listener.look = True
                    listener.changed.set()
        return None

    def _answer(self, text: bytes, *, failed: bool) -> None:
        if not self._answers:
            return
        answer = self._answers.popleft()
        if answer.done():
            return
        if failed:
            said = text.decode("utf-8", "replace").strip()
            answer.set_exception(TmuxError(f"tmux refused: {said}", node=self._node))
        else:
            answer.set_result(text)

    async def _read_errors(self) -> None:
        with suppress(NodeError):
            while data := await self._process.read_errors():
                self._said = (self._said + data)[-4096:]

    def _end(self, error: NodeError) -> None:
        if self._lost is not None:
            return
        self._lost = error
        for answer in self._answers:
            if not answer.done():
                answer.set_exception(error)
        self._answers.clear()
        for listeners in self._panes.values():
            for listener in listeners:
                listener.fail(error)


def _seen(answer: asyncio.Future[bytes]) -> None:
    """Look at an answer that nobody waits for any more, so that asyncio does not complain."""
    if not answer.cancelled():
        answer.exception()


# arguments: what the window runs ("": the login shell); finds or makes the default shell's window
WINDOW = (
    OWN_TMUX
    + OPEN_WINDOW
    + r"""
cd -- "$HOME" || exit 1
run=$1
if [ -n "$run" ]; then
    run="exec ${SHELL:-/bin/sh} -lc $(printf '%s' "$run" | sed "s/'/'\\\\''/g; 1s/^/'/; \$s/\$/'/")"
else
    case ${SHELL##*/} in
        sh | bash | dash | ash | zsh | ksh | mksh) ;;
        *) if command -v bash >/dev/null 2>&1; then run='exec bash -l'; else run='exec sh -l'; fi ;;
    esac
fi
made=no
find() { tmux list-windows -t "=$session:" -F '#{@hivectl} #{window_id}' 2>/dev/null | sed -n 's/^shell //p' | head -n 1; }
window=$(find)
if [ -z "$window" ]; then
    made=yes
    open_window shell ${run:+"$run"} || exit 1
    tmux set-option -w -t "$window" @hivectl shell
    tmux set-option -w -t "$window" remain-on-exit off
fi
pane=$(tmux list-panes -t "$window" -F '#{pane_id}' 2>/dev/null | head -n 1)
[ -n "$pane" ] || exit 70
"""
)
# prints what the controller must know, and speaks the protocol from there on
ATTACH = (
    WINDOW
    + r"""
printf 'tmux=%s\nsession=%s\nwindow=%s\npane=%s\nmade=%s\n\n' "$tmux" "$session" "$window" "$pane" "$made"
exec tmux -C attach-session -t "=$session"
"""
)
# for people: where the node does not know their kind of terminal, one that nearly all are like
SHOW = (
    WINDOW
    + r"""
tput cols >/dev/null 2>&1 || TERM=xterm-256color
export TERM
tmux select-window -t "$window"
exec tmux -u attach-session -t "=$session"
"""
)
ENDED_AT_ONCE = 70  # EX_SOFTWARE


async def read_head(process: Process, node: str) -> tuple[dict[str, str], bytes]:
    """Return what ATTACH prints first, and what has come behind it.

    Raises:
        NoTmuxError: there is no tmux.
        HelperError: tmux could not be started.
    """
    head = b""
    while b"\n\n" not in head:
        data = await process.read()
        if not data:
            await _failed(process, head, node)
        head += data
    text, _, rest = head.partition(b"\n\n")
    return dict(line.split("=", 1) for line in text.decode("utf-8", "replace").splitlines()), rest


def ended_at_once(node: str, runs: str = "") -> ShellEndedError:
    """Return the error of a shell that does not even begin."""
    from hivectl.client.errors import ShellEndedError

    named = f", {runs!r}," if runs else ""
    return ShellEndedError(
        f"the default shell{named} ended as soon as it was started",
        node=node,
        hint="does the program that `shell:` names run there? Try it with exec()",
    )


async def _failed(process: Process, head: bytes, node: str) -> None:
    from hivectl.client.errors import NoTmuxError

    said = (head + await process.read_errors()).decode("utf-8", "replace").strip()
    status = await process.wait()
    if status is None:
        raise ConnectionLostError("the connection broke while tmux was started", node=node)
    if status == NO_TMUX:
        raise NoTmuxError(
            "tmux is not installed, and the default shell lives in it",
            node=node,
            hint="install it: `sudo apt-get install tmux` on the node, or the task `package: {name: tmux}`; "
            "exec() works without",
        )
    if status == ENDED_AT_ONCE:
        raise ended_at_once(node)
    raise HelperError(f"tmux could not be started: {said or f'exit status {status}'}", node=node)
