"""`uf2`: a UF2 file copied to the volume of the boot loader.

The firmware is asked to start the boot loader by opening its serial port at 1200 baud and closing it, as pico-sdk
(PICO_STDIO_USB_RESET_MAGIC_BAUD_RATE), MicroPython, TinyUSB and Arduino have it. The board is followed by the USB port
that it is plugged into, since its boot loader has another identity and may have another serial number.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
import termios
from contextlib import suppress
from typing import TYPE_CHECKING

from hivectl.drivers.base import StreamAddress
from hivectl.drivers.terminal import open_terminal
from hivectl.flash import usb
from hivectl.flash.base import CutOffError, Flasher, FlashError, NotBackError, NoVolumeError
from hivectl.flash.places import boots, locate, terminal_of, watch
from hivectl.flash.programs import STEP, find_program
from hivectl.flash.volumes import volume_of

if TYPE_CHECKING:
    from pathlib import Path

    from hivectl.flash.base import Job
    from hivectl.flash.usb import UsbDevice

TOUCH = 1200
# seconds for the boot loader to be there, and for its volume
BOOTS, SHOWS = 20.0, 30.0
# seconds for the firmware to be there once everything is written
RETURNS = 30.0
# bytes that are written before the disk must have them
PIECE = 64 << 10
NAME = "FIRMWARE.UF2"


async def flash(job: Job) -> bool:
    """Start the boot loader, copy, and wait until the board is back at the same port.

    Raises:
        NotPluggedInError, WrongBoardError: it is not there, or is another one.
        StreamError: somebody has its serial port.
        NoVolumeError: the boot loader or its volume does not appear; nothing was written.
        CutOffError: it went away in the middle.
        NotBackError: it did not come back.
    """
    device = locate(job.plug)
    if not boots(job.plug, device):
        device = await start_boot_loader(job, device)
    async with volume_of(job.plug, device.hub_port, seconds=min(SHOWS, job.timeout)) as volume:
        job.say(
            f"writes {job.image.title} to {volume.model or volume.board_id} at USB port {device.hub_port}"
        )
        try:
            async with asyncio.timeout(job.timeout):
                written = await _copy(job, device, volume.path / NAME)
        except TimeoutError:
            raise CutOffError(
                f"the boot loader at USB port {device.hub_port} did not take {job.image.title} in {job.timeout:g} s: "
                "nobody knows what the board holds",
                node=job.plug.node,
                hint="is its USB cable or hub sound? Flash it again",
            ) from None
        await back(job, device, written)
    return True


async def start_boot_loader(job: Job, device: UsbDevice) -> UsbDevice:
    """Ask the firmware to start the boot loader, and wait until it is there.

    Raises:
        StreamError: somebody has the serial port.
        NotPluggedInError: it has no serial port.
        NoVolumeError: the firmware does not heed it.
    """
    plug = job.plug
    by_hand = "hold its BOOTSEL button while it is plugged in"
    await touch(terminal_of(plug, device), plug.node)
    try:
        found = await watch(
            plug,
            device.hub_port,
            lambda seen: seen is not None and boots(plug, seen),
            seconds=min(BOOTS, job.timeout),
        )
    except TimeoutError:
        raise NoVolumeError(
            f"the board at USB port {device.hub_port} did not start its boot loader: its firmware does not heed a "
            f"serial port that is opened at {TOUCH} baud; nothing was written",
            node=plug.node,
            hint=by_hand,
        ) from None
    assert found is not None
    return found


async def touch(port: str, node: str) -> None:
    """Open a serial port at 1200 baud and close it; raises StreamError when somebody has it."""
    terminal = open_terminal(StreamAddress(path=port, baud=TOUCH), node=node, exclusive=True)
    try:
        # firmware waits for this line to fall; a pseudo-terminal has none, and the board may be gone already
        with suppress(OSError):
            fcntl.ioctl(terminal.fileno(), termios.TIOCMBIC, struct.pack("I", termios.TIOCM_DTR))
    finally:
        await terminal.close()


async def _copy(job: Job, device: UsbDevice, target: Path) -> int:
    """Write the file piece by piece; return how many bytes the volume took before it went away."""
    data = job.image.data
    plug = job.plug
    told = written = 0
    descriptor = await _opened(job, target)
    try:
        while written < len(data):
            piece = data[written : written + PIECE]
            try:
                await asyncio.to_thread(_put, descriptor, piece)
            except OSError:
                # the board starts its firmware as soon as it has all blocks: before the disk's last answer
                return written
            written += len(piece)
            percent = 100 * written // len(data)
            if told + STEP <= percent < 100:
                told = percent - percent % STEP
                job.say(f"uf2: {told} %")
            there = usb.at(plug.root, device.hub_port)
            if there is None or not boots(plug, there):
                return written
        return written
    finally:
        await asyncio.to_thread(_close, descriptor)


async def _opened(job: Job, target: Path) -> int:
    try:
        return await asyncio.to_thread(
            os.open, target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644
        )
    except OSError as error:
        raise NoVolumeError(
            f"the boot loader's volume {target.parent} cannot be written: {error.strerror}; nothing was written",
            node=job.plug.node,
            hint="run hivectl as the user who may write there, or write `flasher: picotool`",
        ) from error


def _put(descriptor: int, piece: bytes) -> None:
    left = memoryview(piece)
    while left:
        left = left[os.write(descriptor, left) :]
    os.fsync(descriptor)


def _close(descriptor: int) -> None:
    # the volume may have gone: what was written is found out by looking at the board
    with suppress(OSError):
        os.close(descriptor)


async def back(job: Job, device: UsbDevice, written: int) -> None:
    """Wait until the board runs firmware again, at the same port."""
    plug, whole = job.plug, len(job.image.data)
    try:
        await watch(
            plug,
            device.hub_port,
            lambda seen: seen is not None and not boots(plug, seen),
            seconds=min(RETURNS, job.timeout),
        )
    except TimeoutError:
        raise _lost(job, device, written, whole) from None


def _lost(job: Job, device: UsbDevice, written: int, whole: int) -> FlashError:
    plug = job.plug
    seen = usb.at(plug.root, device.hub_port)
    if seen is None and written < whole:
        return CutOffError(
            f"the board went away from USB port {device.hub_port} after {written} of {whole} bytes: nobody knows what "
            "it holds",
            node=plug.node,
            hint="plug it in again, lift its quarantine, and flash it again",
        )
    if seen is None:
        return NotBackError(
            f"the board took {job.image.title} and did not come back to USB port {device.hub_port}",
            node=plug.node,
            hint="is it the right image, and does its firmware use USB?",
        )
    return NotBackError(
        f"the boot loader at USB port {device.hub_port} took {written} bytes of {job.image.title} and did not start it: "
        "it is still in its boot loader",
        node=plug.node,
        hint="is the image for this board?",
    )


async def verify(job: Job) -> bool | None:
    """Compare by picotool, where that is installed: boot loaders' volumes cannot be read."""
    from hivectl.flash import picotool

    return await picotool.verify(job) if find_program(picotool.PROGRAM) is not None else None


FLASHER = Flasher(
    name="uf2",
    summary="a UF2 file copied to the boot loader's volume",
    flash=flash,
    verify=verify,
)
