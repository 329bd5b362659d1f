"""A virtual board as the inventory asks for one: by which drivers it is reached."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any

from hivectl.model.secret import Secret
from hivectl.virtual.board.device import Device
from hivectl.virtual.board.port import Port
from hivectl.virtual.board.webrepl import WebRepl
from hivectl.virtual.registry import wrong_driver

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hivectl.model.origin import Origin


class VirtualBoard:
    """A board, and the ways to it that were asked for; `hivectl.virtual.registry.VirtualDevice`.

    Args:
        device: the board.
        folder: of this node alone.
    """

    refusal: str | None = None

    def __init__(self, device: Device, folder: Path) -> None:
        self.device = device
        self._folder = folder
        self.port: Port | None = None
        self.webrepl: WebRepl | None = None
        self._address: dict[str, Any] = {}

    async def reach(self, driver: str, *, origin: Origin | None = None) -> Mapping[str, Any]:
        """Plug the board in, and return how a driver finds it; raises InputError for other drivers."""
        if driver == "serial":
            if self.port is None:
                self.port = Port(self.device, self._folder / "tty")
            return {"port": str(self.port.link), "serial_number": None, "hub_port": None}
        if driver == "webrepl":
            if self.webrepl is None:
                password = secrets.token_hex(4)
                self.webrepl = WebRepl(self.device, password)
                port = await self.webrepl.start()
                self._address = {"host": "127.0.0.1", "port": port, "password": Secret(password)}
            return self._address
        raise wrong_driver("pico-w", driver, "webrepl", origin)

    async def close(self) -> None:
        """End the board; its files stay."""
        if self.port is not None:
            self.port.close()
        if self.webrepl is not None:
            await self.webrepl.close()
        await self.device.close()


async def start_board(node: str, folder: Path) -> VirtualBoard:
    """Start a virtual board; a second start finds the files as the first left them.

    Args:
        node: its name.
        folder: of this node alone: `files/` is what the board has.

    Raises:
        InterpreterError: the interpreter cannot be had or does not start.
    """
    await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True, exist_ok=True)
    return VirtualBoard(await Device.start(node, folder / "files"), folder)
