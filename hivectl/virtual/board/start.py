"""A virtual board as the inventory asks for one: by which drivers it is reached."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any

from hivectl.model.secret import Secret
from hivectl.virtual.board.device import Device
from hivectl.virtual.board.loader import Usb
from hivectl.virtual.board.webrepl import WebRepl
from hivectl.virtual.bootsel import RP2040, RP2350
from hivectl.virtual.registry import HUB_PORT, need_kind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hivectl.model.origin import Origin
    from hivectl.virtual.board.port import Port

# kind -> boot ROM, what MicroPython calls the board
BOARDS = {
    "pico": (RP2040, "Raspberry Pi Pico with RP2040"),
    "pico-w": (RP2040, "Raspberry Pi Pico W with RP2040"),
    "pico2": (RP2350, "Raspberry Pi Pico2 with RP2350"),
    "pico2-w": (RP2350, "Raspberry Pi Pico 2 W with RP2350"),
    "pico2-ice": (RP2350, "Raspberry Pi Pico2 with RP2350"),
}


class VirtualBoard:
    """A board, and the ways to it that were asked for; `hivectl.virtual.registry.VirtualDevice`.

    Args:
        device: the board.
        folder: of this node alone.
        kind: one of BOARDS.
        new: its WebREPL is there once a program on it has started it, with the password that this one says: as on a
            board that is unpacked. Else it is there from the beginning, and whoever asks for it is told the password.
        hub_port: the USB port that it is plugged into.
    """

    refusal: str | None = None

    def __init__(
        self, device: Device, folder: Path, kind: str, *, new: bool = False, hub_port: str = HUB_PORT
    ) -> None:
        self.device = device
        self.kind = kind
        chip, device.machine = BOARDS[kind]
        self.usb = Usb(device, folder, chip, device.machine, hub_port=hub_port)
        self.webrepl: WebRepl | None = None
        self._address: dict[str, Any] = {}
        self._new = new
        # what the board's own program has started a WebREPL with
        self._password: str | None = None
        device.network = self

    @property
    def port(self) -> Port | None:
        """Its serial port, once that was asked for."""
        return self.usb.port

    async def reach(self, driver: str, *, origin: Origin | None = None) -> Mapping[str, Any]:
        """Plug the board in, and return how a driver finds it; raises InputError for other drivers."""
        need_kind(self.kind, driver, origin=origin)
        if driver == "serial":
            return {"port": str(self.usb.plug_in().link), "serial_number": None, "hub_port": None}
        if self.webrepl is None:
            await self._listen()
        return self._address

    def plug(self) -> tuple[Path, str]:
        """Return where it can be flashed: the root of a machine that shows it, and its USB port there."""
        return self.usb.place()

    async def webrepl_started(self, password: str) -> None:
        """Take the password that the board's program says; without one it has stopped its WebREPL."""
        if not self._new:
            # others were told another one
            return
        self._password = password or None
        if self.webrepl is None:
            return
        if password:
            await self.webrepl.restart(password)
        else:
            self.webrepl.stop()

    def was_reset(self) -> None:
        """Forget what the board's program has started."""
        self._password = None
        if self.webrepl is not None and self._new:
            self.webrepl.stop()

    async def _listen(self) -> None:
        password = self._password or secrets.token_hex(4)
        self.webrepl = WebRepl(self.device, password)
        self._address = {"host": "127.0.0.1", "port": self.webrepl.bind()}
        if not self._new:
            self._address["password"] = Secret(password)
        if self._password or not self._new:
            await self.webrepl.start()

    async def close(self) -> None:
        """End the board; its files stay, and what was flashed."""
        await self.usb.close()
        if self.webrepl is not None:
            await self.webrepl.close()
        await self.device.close()


async def start_board(
    node: str, folder: Path, kind: str = "pico-w", *, new: bool = False, hub_port: str = HUB_PORT
) -> VirtualBoard:
    """Start a virtual board; a second start finds the files, and the firmware, as the first left them.

    Args:
        node: its name.
        folder: of this node alone: `files/` is what the board has.
        kind: one of BOARDS.
        new: nothing listens on it before a program on it starts its WebREPL.
        hub_port: the USB port that it is plugged into.

    Raises:
        InterpreterError: the interpreter cannot be had or does not start.
    """
    await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True, exist_ok=True)
    device = await Device.make(node, folder / "files")
    if kind == "pico2-ice":
        from hivectl.virtual.ice.fpga import VirtualFpga, shared
        from hivectl.virtual.ice.hardware import IceHardware

        device.hardware = IceHardware(VirtualFpga(shared()))
    board = VirtualBoard(device, folder, kind, new=new, hub_port=hub_port)
    try:
        await board.usb.power_on()
    except BaseException:
        await board.close()
        raise
    return board
