"""A virtual board's USB side: its firmware's serial port, or the volume of its boot ROM."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hivectl.virtual.board.port import Port
from hivectl.virtual.bootsel import Bootsel, Firmware
from hivectl.virtual.registry import HUB_PORT
from hivectl.virtual.usb_tree import Plugged, UsbTree

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from hivectl.virtual.board.plugged import Pluggable
    from hivectl.virtual.bootsel import Chip

# of MicroPython on RP2040 and RP2350 (ports/rp2/mpconfigport.h)
MICROPYTHON = "2e8a:0005"
OTHER_FIRMWARE = b"this virtual board runs MicroPython; what was flashed is something else\r\n"


class Usb:
    """What a board shows to the machine that it is plugged into.

    Args:
        device: the board, which is off.
        folder: of this node alone.
        chip: of its boot ROM.
        machine: what its first MicroPython calls it.
        tree: the USB ports of a machine that has other boards too; None: one of its own, made when it is asked for.
        hub_port: where it is plugged in there.
    """

    def __init__(
        self,
        device: Pluggable,
        folder: Path,
        chip: Chip,
        machine: str,
        *,
        tree: UsbTree | None = None,
        hub_port: str = HUB_PORT,
    ) -> None:
        self._device = device
        self._folder = folder
        factory = Firmware(version=device.version, machine=machine)
        self.boot = Bootsel(folder, chip, self._flashed, factory=factory, unplugged=self.unplug)
        self.port: Port | None = None
        self._tree = tree
        self._hub_port = hub_port
        self._shown = False
        self._tasks: set[asyncio.Task[None]] = set()
        device.on_loader = self._start_loader

    async def power_on(self) -> None:
        """Start what the flash holds; the boot loader where that is not whole."""
        firmware = self.boot.firmware
        if not firmware.whole:
            self.boot.enter()
            return
        if firmware.version is None:
            return
        self._device.version = firmware.version
        self._device.machine = firmware.machine or self._device.machine
        await self._device.power_on()

    def plug_in(self) -> Port:
        """Plug the board into the machine; returns its serial port."""
        if self.port is None:
            self.port = Port(self._device, self._folder / "tty", self._start_loader)
            if self.boot.active:
                self.port.unplug()
        return self.port

    def place(self) -> tuple[Path, str]:
        """Return where it can be flashed: the root of a machine that shows it, and its USB port there."""
        self.plug_in()
        if self._tree is None:
            self._tree = UsbTree(self._folder / "machine")
        if not self._shown:
            self._show()
        return self._tree.root, self._hub_port

    def unplug(self) -> None:
        """Pull the cable."""
        if self._tree is not None:
            self._tree.unplug(self._hub_port)
        if self.port is not None:
            self.port.unplug()
        self.boot.leave()
        self._keep(self._device.power_off())

    async def replug(self) -> None:
        """Plug it in again, somewhere else in time: its power was away."""
        if self.boot.firmware.whole and self.port is not None:
            self.port.replug()
        await self.power_on()
        self._show()

    async def close(self) -> None:
        """End it; what the flash holds stays."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.boot.leave()
        if self.port is not None:
            self.port.close()

    def _start_loader(self) -> None:
        if self.boot.active:
            return
        self._keep(self._to_loader())

    async def _to_loader(self) -> None:
        await self._device.power_off()
        if self._tree is not None:
            self._tree.unplug(self._hub_port)
        if self.port is not None:
            self.port.unplug()
        self.boot.enter()
        self._show()

    def _flashed(self, _firmware: Firmware) -> None:
        if self._tree is not None:
            self._tree.unplug(self._hub_port)
        self._keep(self._from_loader())

    async def _from_loader(self) -> None:
        await self.power_on()
        if self.port is not None:
            self.port.replug()
            if self.boot.firmware.version is None:
                self.port.show(OTHER_FIRMWARE)
        self._show()

    def _show(self) -> None:
        """Let the machine see what the board is now."""
        if self._tree is None:
            return
        self._shown = True
        self._tree.unplug(self._hub_port)
        chip = self.boot.chip
        serial_number = f"{self._device.name}virtual!"[:8].encode().hex()
        if self.boot.active:
            # the RP2040's boot ROM says the same of every board: no help in telling them apart
            shown = Plugged(
                identity=chip.identity,
                product="RP2 Boot",
                serial_number="E0C9125B0D9B",
                volume=self.boot.volume,
            )
        else:
            assert self.port is not None
            shown = Plugged(
                identity=MICROPYTHON,
                product="Board in FS mode",
                serial_number=serial_number,
                terminal=str(self.port.link),
            )
        self._tree.plug(self._hub_port, shown)

    def _keep(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
