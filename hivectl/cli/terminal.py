"""This terminal, joined to a process on a node: keys go there as they are, its output comes here as it is."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import termios
import tty
from typing import TYPE_CHECKING

from hivectl.cli.errors import say
from hivectl.client.interactive import checked_end, open_shell
from hivectl.client.reach import Reach, Wish
from hivectl.drivers.base import Terminal
from hivectl.drivers.errors import ConnectionLostError
from hivectl.report.text import harmless

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hivectl.drivers.base import Process
    from hivectl.engine.lab import Lab

INPUT, OUTPUT = 0, 1
CHUNK = 65536
# what a program that was cut off may have left on: the other screen, keypad keys, mouse, pasting, hidden cursor,
# colours (xterm's control sequences: DECSET 1049, DECCKM, 1000-1006, 2004, DECTCEM, SGR)
CALM = b"\x1b[?1049l\x1b[?1l\x1b>\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?25h\x1b[0m"


async def converse(lab: Lab, node: str, *, wait: float | None, under: tuple[str, str] | None) -> int:
    """Join this terminal to a node's default shell until that is left; returns its exit status.

    Args:
        lab: the node's.
        node: its name.
        wait: seconds to wait while somebody else holds it; None: do not.
        under: a reservation that holds it already.

    Raises:
        NotReservedError: somebody else holds it, or it was lost meanwhile.
        NodeError: the node cannot be reached, or has no shell.
    """
    reach = Reach(lab, Wish(reason=f"shell {node}", wait=wait, under=under), lambda text: say(harmless(text)))
    try:
        await reach.take((node,))
        async with reach.using(node) as session:
            process = await open_shell(reach, node, session, terminal_here())
            try:
                status = await relayed(process)
            finally:
                await process.close()
        return checked_end(node, status)
    finally:
        await asyncio.shield(asyncio.ensure_future(reach.close()))


def terminal_here() -> Terminal:
    """Return what this terminal is."""
    size = os.get_terminal_size(OUTPUT)
    return Terminal(
        columns=size.columns or 80, rows=size.lines or 24, kind=os.environ.get("TERM") or "xterm-256color"
    )


async def relayed(process: Process) -> int | None:
    """Carry bytes both ways until the process ends; the terminal is afterwards as it was before."""
    keys: asyncio.Queue[bytes] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    sizes = asyncio.Event()
    with raw_terminal() as calm:
        loop.add_reader(INPUT, _read_keys, keys)
        loop.add_signal_handler(signal.SIGWINCH, sizes.set)
        sending = asyncio.ensure_future(_send(process, keys))
        resizing = asyncio.ensure_future(_resize(process, sizes))
        status = None
        try:
            while data := await process.read(CHUNK):
                await asyncio.to_thread(_write, data)
            status = await process.wait()
        finally:
            loop.remove_reader(INPUT)
            loop.remove_signal_handler(signal.SIGWINCH)
            for task in (sending, resizing):
                task.cancel()
            await asyncio.gather(sending, resizing, return_exceptions=True)
            if status is None:
                calm()
    return status


@contextlib.contextmanager
def raw_terminal() -> Iterator[Callable[[], None]]:
    """Have the terminal pass every key on, Ctrl-C too; gives a function that undoes what programs did to it."""
    before = termios.tcgetattr(INPUT)

    def calm() -> None:
        with contextlib.suppress(OSError):
            os.write(OUTPUT, CALM)

    try:
        tty.setraw(INPUT, termios.TCSADRAIN)  # what is typed already counts
        yield calm
    finally:
        # after what is still on its way out; keys that nobody has read are not ours
        termios.tcsetattr(INPUT, termios.TCSADRAIN, before)


def _read_keys(keys: asyncio.Queue[bytes]) -> None:
    try:
        data = os.read(INPUT, CHUNK)
    except BlockingIOError:
        return
    except OSError:
        data = b""
    keys.put_nowait(data)
    if not data:  # the terminal is gone
        asyncio.get_running_loop().remove_reader(INPUT)


async def _send(process: Process, keys: asyncio.Queue[bytes]) -> None:
    with contextlib.suppress(ConnectionLostError):
        while data := await keys.get():
            await process.write(data)


async def _resize(process: Process, sizes: asyncio.Event) -> None:
    while True:
        await sizes.wait()
        sizes.clear()
        size = os.get_terminal_size(OUTPUT)
        await process.resize(size.columns, size.lines)


def _write(data: bytes) -> None:
    sys.stdout.flush()
    while data:
        data = data[os.write(OUTPUT, data) :]
