"""Finding a node's board on USB: by its serial number or its port, in its boot loader too."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

from hivectl.flash import usb
from hivectl.flash.base import NotPluggedInError, WrongBoardError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hivectl.flash.base import Plug
    from hivectl.flash.usb import UsbDevice

LOOKS_AGAIN = 0.05
# boot ROMs, which are volumes: RP2040 and RP2350
BOOT_ROMS = frozenset({"2e8a:0003", "2e8a:000f"})


def locate(plug: Plug) -> UsbDevice:
    """Return the board's USB device as it is plugged in now, and remember where.

    Boot loaders have serial numbers of their own: a board that is named by its serial number is known there by the
    port at which it was seen last.

    Raises:
        NotPluggedInError: it is not there, or cannot be told from others.
        WrongBoardError: something else is plugged into its port.
    """
    device = _named(plug) or _remembered(plug)
    if device is None:
        raise NotPluggedInError(
            f"no board with {_words(plug)} is plugged in", node=plug.node, hint=_hint(plug)
        )
    wanted = plug.serial_number
    other = device.serial_number
    if wanted and other and other.casefold() != wanted.casefold() and not boots(plug, device):
        raise WrongBoardError(
            f"at USB port {device.hub_port} is a board with the serial number {other}, not {wanted}",
            node=plug.node,
            hint="correct `serial_number:` or `hub_port:` in the inventory, or plug the boards in as they were",
        )
    _remember(plug, device)
    return device


def boots(plug: Plug, device: UsbDevice) -> bool:
    """Tell whether a device is in a boot loader that is a volume."""
    if device.identity in BOOT_ROMS or device.identity in plug.board.boot_ids:
        return True
    return not plug.board.boot_ids and bool(usb.blocks(device))


def in_boot_loader(plug: Plug) -> bool:
    """Tell whether the board is in a boot loader that is a volume; raises as `locate`."""
    return not _is_plain(plug) and boots(plug, locate(plug))


def serial_port(plug: Plug) -> str:
    """Return the board's serial port: that of its USB device, or a plain one that the inventory names.

    Raises:
        NotPluggedInError, WrongBoardError: as `locate`, or it has no serial port.
    """
    if plug.port is not None and _is_plain(plug):
        return plug.port
    return terminal_of(plug, locate(plug))


def _is_plain(plug: Plug) -> bool:
    """Tell whether the board hangs on a serial port that is there and is none of USB's, such as /dev/ttyAMA0."""
    named = plug.hub_port is None and plug.serial_number is None and plug.port is not None
    if (
        not named
        or not Path(plug.port or "").exists()
        or usb.of_terminal(plug.root, plug.port or "") is not None
    ):
        return False
    return _remembered(plug) is None


def terminal_of(plug: Plug, device: UsbDevice) -> str:
    """Return the board's first serial port; raises NotPluggedInError where it has none."""
    ports = usb.terminals(plug.root, device)
    if not ports:
        raise NotPluggedInError(
            f"the board at USB port {device.hub_port} has no serial port",
            node=plug.node,
            hint="is its driver loaded, and is it the right board?",
        )
    return ports[0]


async def watch(
    plug: Plug, hub_port: str, holds: Callable[[UsbDevice | None], bool], *, seconds: float
) -> UsbDevice | None:
    """Look at a port until what is plugged in there is as it shall be; return whether it came to that.

    sysfs tells nobody of changes, and the kernel's own messages do not reach containers: it is looked at again.

    Args:
        plug: whose.
        hub_port: where.
        holds: says whether it is as it shall be; gets None while nothing is there.
        seconds: for how long.

    Raises:
        TimeoutError: it did not.
    """
    async with asyncio.timeout(seconds):
        while not holds(device := usb.at(plug.root, hub_port)):  # noqa: ASYNC110 - as above
            await asyncio.sleep(LOOKS_AGAIN)
    return device


def _named(plug: Plug) -> UsbDevice | None:
    """Return what the inventory's words lead to."""
    if plug.hub_port is not None:
        return usb.at(plug.root, plug.hub_port)
    if plug.serial_number is not None:
        wanted = plug.serial_number.casefold()
        found = [one for one in usb.devices(plug.root) if one.serial_number.casefold() == wanted]
        if len(found) > 1:
            places = ", ".join(one.hub_port for one in found)
            raise NotPluggedInError(
                f"{len(found)} boards have the serial number {plug.serial_number}, at the USB ports {places}",
                node=plug.node,
                hint="write `hub_port:` too",
            )
        return found[0] if found else None
    return usb.of_terminal(plug.root, plug.port) if plug.port is not None else None


def _remembered(plug: Plug) -> UsbDevice | None:
    """Return the boot loader at the port where the board was seen last; never a board that runs."""
    if plug.hub_port is not None or plug.notes is None:
        return None
    try:
        last = json.loads(plug.notes.read_text(encoding="utf-8"))
        device = usb.at(plug.root, str(last["hub_port"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    same = (last.get("serial_number"), last.get("port")) == (plug.serial_number, plug.port)
    return device if device is not None and same and boots(plug, device) else None


def _remember(plug: Plug, device: UsbDevice) -> None:
    if plug.notes is None:
        return
    plug.notes.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = plug.notes.with_suffix(".new")
    note = {"hub_port": device.hub_port, "serial_number": plug.serial_number, "port": plug.port}
    draft.write_text(json.dumps(note), encoding="utf-8")
    draft.replace(plug.notes)


def _words(plug: Plug) -> str:
    if plug.hub_port is not None:
        return f"the USB port {plug.hub_port}"
    if plug.serial_number is not None:
        return f"the serial number {plug.serial_number}"
    return f"the serial port {plug.port}"


def _hint(plug: Plug) -> str:
    there = usb.devices(plug.root)
    booting = [one.hub_port for one in there if boots(plug, one)]
    if booting:
        return (
            f"a board in its boot loader is at USB port {', '.join(booting)}: if it is this one, write "
            f"`hub_port: {booting[0]}`, since boot loaders may have other serial numbers"
        )
    named = [f"{one.serial_number} at {one.hub_port}" for one in there if one.serial_number]
    return f"plugged in are: {', '.join(named) or 'none'}"
