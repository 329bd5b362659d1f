"""A pseudo-terminal that a virtual board is plugged into."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import termios
import tty
from functools import partial
from typing import TYPE_CHECKING

from hivectl.virtual.board.link import Link
from hivectl.virtual.watching import CLOSED, WRITTEN, Watch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hivectl.virtual.board.plugged import Pluggable

PIECE = 65536
# seconds between two looks whether the board takes more
PAUSE = 0.005
# place of the input speed in termios(3) attributes as Python numbers them
SPEED = 4
# seconds that a board waits for somebody to read what it prints
LISTENING = 0.5


class Port:
    """A serial port whose other end is a virtual board.

    Args:
        device: the board.
        link: a symbolic link that always names the terminal device.
        touched: is called when the port is closed at 1200 baud, which asks firmware for its boot loader.
    """

    def __init__(self, device: Pluggable, link: Path, touched: Callable[[], None] | None = None) -> None:
        self._device = device
        self.link = link
        self._touched = touched
        self._watch: Watch | None = None
        self._master = -1
        self._slave = -1
        self._closed = False
        self._waiting = bytearray()
        self._heard = asyncio.Event()
        self._heard.set()
        self._attended = True
        self._towards = Link(device.faults)
        self._back = Link(device.faults)
        self._plug_in()
        device.attach(self)

    @property
    def path(self) -> str:
        """The terminal device."""
        return os.ttyname(self._slave)

    def show(self, data: bytes) -> None:
        """Write what the board prints."""
        data, dropped = self._device.faults.leaving(data)
        self._back.send(len(data), partial(self._write, data))
        if dropped:
            self._back.send(0, self._jolt)

    async def settle(self) -> None:
        """Wait until somebody has read it; where nobody does it is lost, as on a USB port that is not open."""
        if self._heard.is_set():
            return
        if self._attended:
            try:
                async with asyncio.timeout(LISTENING):
                    await self._heard.wait()
            except TimeoutError:
                # until somebody reads again nothing waits for him: whoever else hears the board would wait too
                self._attended = False
            else:
                return
        self._waiting.clear()

    def was_reset(self) -> None:
        """Nothing: a serial port stays."""

    def unplug(self) -> None:
        """Pull the cable: whoever has it open gets an error; `replug` makes a new port."""
        if self._master < 0:
            return
        asyncio.get_running_loop().remove_reader(self._master)
        asyncio.get_running_loop().remove_writer(self._master)
        self._waiting.clear()
        self._heard.set()
        self._towards.cut()
        self._back.cut()
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        os.close(self._slave)
        os.close(self._master)
        self._master = self._slave = -1
        self.link.unlink(missing_ok=True)

    def replug(self) -> None:
        """Plug the cable in again."""
        if self._master < 0 and not self._closed:
            self._plug_in()

    def close(self) -> None:
        """Unplug it for ever."""
        self._closed = True
        self._device.detach(self)
        self.unplug()

    def _plug_in(self) -> None:
        # ours stays open too, so that the port survives when its user closes it
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self._attended = True
        os.set_blocking(self._master, False)
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(self.path)
        asyncio.get_running_loop().add_reader(self._master, self._typed)
        if self._touched is not None:
            self._watch = Watch(self.path, CLOSED | WRITTEN, self._let_go)

    def _let_go(self, _name: str) -> None:
        """Somebody has closed the port: at 1200 baud that asks for the boot loader."""
        if termios.tcgetattr(self._master)[SPEED] == termios.B1200 and self._touched is not None:
            self._touched()

    def _typed(self) -> None:
        if self._full:
            self._rest()
            return
        try:
            data = os.read(self._master, PIECE)
        except (BlockingIOError, OSError):
            return
        data, happens = self._device.faults.arriving(data)
        self._towards.send(len(data), partial(self._device.feed, data))
        if happens == "drop":
            self._towards.send(0, self._jolt)
        elif happens == "reboot":
            self._towards.send(0, self._device.reboot)

    def _jolt(self) -> None:
        """Lose the contact for a moment."""
        self.unplug()
        self.replug()

    @property
    def _full(self) -> bool:
        return self._device.full or self._towards.size > PIECE

    def _rest(self) -> None:
        """Read nothing more until the board has taken what it has."""
        loop = asyncio.get_running_loop()
        master = self._master
        loop.remove_reader(master)

        def again() -> None:
            if self._master != master:
                return
            if self._full:
                loop.call_later(PAUSE, again)
            else:
                loop.add_reader(master, self._typed)

        loop.call_later(PAUSE, again)

    def _write(self, data: bytes) -> None:
        if self._master < 0:
            return
        self._waiting += data
        if self._heard.is_set():
            self._heard.clear()
            self._flush()

    def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(BlockingIOError):
            del self._waiting[: os.write(self._master, self._waiting)]
        if self._waiting:
            loop.add_writer(self._master, self._flush)
        else:
            loop.remove_writer(self._master)
            self._heard.set()
            self._attended = True
