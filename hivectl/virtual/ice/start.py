"""Virtual pico2-ice boards without an interpreter, as the inventory asks for them."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from hivectl.virtual.board.loader import Usb
from hivectl.virtual.bootsel import RP2350
from hivectl.virtual.ice.board import NativeDevice
from hivectl.virtual.ice.fpga import VirtualFpga, shared
from hivectl.virtual.ice.framed import FramedFirmware
from hivectl.virtual.ice.icefarm import IcefarmFirmware
from hivectl.virtual.registry import HUB_PORT, need_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hivectl.model.origin import Origin
    from hivectl.virtual.ice.board import Firmware
    from hivectl.virtual.ice.fpga import Configurations

FIRMWARE: dict[str, Callable[[NativeDevice, Callable[[bytes], None]], Firmware]] = {
    "pico2-ice-native": FramedFirmware,
    "pico2-ice-icefarm": IcefarmFirmware,
    "pico2-ice-icefarm-variance": partial(IcefarmFirmware, variance=True),
}


class VirtualIce:
    """A board whose firmware is played; `hivectl.virtual.registry.VirtualDevice`.

    Args:
        device: the board, which is off.
        folder: of this node alone.
        kind: one of FIRMWARE.
        hub_port: the USB port that it is plugged into.
    """

    refusal: str | None = None

    def __init__(self, device: NativeDevice, folder: Path, kind: str, *, hub_port: str = HUB_PORT) -> None:
        self.device = device
        self.kind = kind
        self.usb = Usb(device, folder, RP2350, device.machine, hub_port=hub_port)

    async def reach(self, driver: str, *, origin: Origin | None = None) -> Mapping[str, Any]:
        """Plug the board in, and return how a driver finds it; raises InputError for other drivers."""
        need_kind(self.kind, driver, origin=origin)
        return {"port": str(self.usb.plug_in().link), "serial_number": None, "hub_port": None}

    def plug(self) -> tuple[Path, str]:
        """Return where it can be flashed: the root of a machine that shows it, and its USB port there."""
        return self.usb.place()

    async def close(self) -> None:
        """End the board; what was flashed stays."""
        await self.usb.close()
        await self.device.close()


async def start_native(
    node: str,
    folder: Path,
    kind: str,
    *,
    configurations: Configurations | None = None,
    hub_port: str = HUB_PORT,
) -> VirtualIce:
    """Start a virtual board.

    Args:
        node: its name.
        folder: of this node alone.
        kind: one of FIRMWARE.
        configurations: what bitstreams become; None: those of this process.
        hub_port: the USB port that it is plugged into.
    """
    await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True, exist_ok=True)
    device = NativeDevice(node, folder, VirtualFpga(configurations or shared()), FIRMWARE[kind])
    board = VirtualIce(device, folder, kind, hub_port=hub_port)
    try:
        await board.usb.power_on()
    except BaseException:
        await board.close()
        raise
    return board
