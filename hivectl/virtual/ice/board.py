"""A pico2-ice whose firmware is played by Python: as fast as can be, for labs of many boards."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from hivectl.virtual.board.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from hivectl.virtual.board.device import Attached
    from hivectl.virtual.ice.fpga import VirtualFpga

# bytes towards the board that wait at most
WAITING = 256 << 10


class Firmware(Protocol):
    """What runs on the board."""

    def start(self) -> None:
        """Begin."""
        ...

    def feed(self, data: bytes) -> None:
        """Take what came over USB."""
        ...

    @property
    def waiting(self) -> int:
        """Bytes that it has not looked at yet."""
        ...

    async def end(self) -> None:
        """Stop, in the middle of whatever it does."""
        ...


class NativeDevice:
    """A board; `hivectl.virtual.board.plugged.Pluggable`.

    Args:
        name: the node's.
        folder: of this node alone.
        fpga: its FPGA.
        firmware: makes what runs on it, from the board and a function that sends.

    Attributes:
        version: of MicroPython, as `os.uname()` says; it has none.
        machine: likewise.
        on_loader: is called when its firmware asks for the boot loader.
        pace: seconds that a second of measuring takes; 0: no time.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        fpga: VirtualFpga,
        firmware: Callable[[NativeDevice, Callable[[bytes], None]], Firmware],
    ) -> None:
        self.name = name
        self.folder = folder
        self.fpga = fpga
        self.faults = Faults()
        self.version = ""
        self.machine = "Raspberry Pi Pico2 with RP2350"
        self.on_loader: Callable[[], None] | None = None
        self.pace = 0.0
        self._make = firmware
        self._firmware: Firmware | None = None
        self._terminals: list[Attached] = []
        self._power = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def power_on(self) -> None:
        """Start the firmware."""
        if self.faults.start:
            await asyncio.sleep(self.faults.start)
        self.fpga.stop()
        self._firmware = self._make(self, self._show)
        self._firmware.start()

    async def power_off(self) -> None:
        """Take the board's power away."""
        async with self._power:
            firmware, self._firmware = self._firmware, None
            if firmware is not None:
                await firmware.end()
            for terminal in tuple(self._terminals):
                terminal.was_reset()

    async def reset(self) -> None:
        """Take the board's power away and give it back."""
        await self.power_off()
        async with self._power:
            await self.power_on()

    def reboot(self) -> None:
        """Begin to reset the board, without waiting for it."""
        self._keep(self.reset())

    def attach(self, terminal: Attached) -> None:
        """Let a terminal see what the board sends."""
        self._terminals.append(terminal)

    def detach(self, terminal: Attached) -> None:
        """Forget a terminal."""
        if terminal in self._terminals:
            self._terminals.remove(terminal)

    def feed(self, data: bytes) -> None:
        """Give the board what came over USB."""
        if data and self._firmware is not None:
            self._firmware.feed(data)

    @property
    def full(self) -> bool:
        """Whether so much waits for the board that nothing more shall be given."""
        return self._firmware is not None and self._firmware.waiting > WAITING

    async def close(self) -> None:
        """End the board."""
        await self.power_off()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _show(self, data: bytes) -> None:
        if not self.faults.hang:
            for terminal in tuple(self._terminals):
                terminal.show(data)

    def _keep(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
