"""`picotool`: RP2040 and RP2350 by Raspberry Pi's own program, without their volume (github.com/raspberrypi/picotool).

It is told which board by bus and address, which are those of this moment: the boot loader is started before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.boards.base import ELF
from hivectl.flash import usb
from hivectl.flash.base import Flasher, NoVolumeError, Program
from hivectl.flash.places import boots, locate, watch
from hivectl.flash.programs import Fault, failure, file_of, run_program
from hivectl.flash.uf2 import BOOTS, back, start_boot_loader

if TYPE_CHECKING:
    from hivectl.flash.base import Job
    from hivectl.flash.usb import UsbDevice

PROGRAM = Program(
    names=("picotool",),
    install="apt-get install picotool, or build github.com/raspberrypi/picotool",
)
# what it says once it writes, and how it ends where the contents differ (its errors/errors.h: -11)
BEGUN, DIFFERS = "Loading into", 256 - 11
FAULTS = (
    Fault(
        pattern="unable to (connect|open)|insufficient permissions|not have permission|LIBUSB_ERROR_ACCESS",
        message="picotool may not open the board",
        hint="put picotool's udev rules into /etc/udev/rules.d, or run hivectl as root",
    ),
    Fault(
        pattern="No accessible RP",
        message="picotool does not find the board in its boot loader",
        hint="has this user the right to open it? picotool's udev rules say so",
    ),
)


async def flash(job: Job) -> bool:
    """Start the boot loader, load, compare, and run it.

    Raises:
        FlashError: as of `hivectl.flash.uf2`, or what picotool says.
    """
    device = await _in_boot_loader(job)
    async with file_of(job, _suffix(job)) as path:
        job.say(f"loads {job.image.title} by picotool at USB port {device.hub_port}")
        ran = await run_program(job, PROGRAM, ["load", "-v", "-x", path, *_board(device)], writes=True)
    if ran.rc:
        raise failure(job, PROGRAM, ran, FAULTS, begun=BEGUN)
    await back(job, device, len(job.image.data))
    return True


async def verify(job: Job) -> bool | None:
    """Compare what the flash holds; a board that holds the image is started again, another stays in its boot loader."""
    device = await _in_boot_loader(job)
    async with file_of(job, _suffix(job)) as path:
        ran = await run_program(job, PROGRAM, ["verify", path, *_board(device)])
    if ran.rc == 0:
        await run_program(job, PROGRAM, ["reboot", *_board(device)])
        await back(job, device, len(job.image.data))
        return True
    return False if ran.rc == DIFFERS else None


async def _in_boot_loader(job: Job) -> UsbDevice:
    plug = job.plug
    device = locate(plug)
    if boots(plug, device):
        return device
    if usb.terminals(plug.root, device):
        return await start_boot_loader(job, device)
    # pico-sdk's firmware without a serial port may have picotool's own interface
    ran = await run_program(job, PROGRAM, ["reboot", "-u", "-f", *_board(device)], seconds=BOOTS)
    if ran.rc:
        raise failure(job, PROGRAM, ran, FAULTS, begun=BEGUN)
    try:
        found = await watch(
            plug, device.hub_port, lambda seen: seen is not None and boots(plug, seen), seconds=BOOTS
        )
    except TimeoutError:
        raise NoVolumeError(
            f"the board at USB port {device.hub_port} did not start its boot loader; nothing was written",
            node=plug.node,
            hint="hold its BOOTSEL button while it is plugged in",
        ) from None
    assert found is not None
    return found


def _board(device: UsbDevice) -> list[str]:
    return ["--bus", str(device.bus), "--address", str(device.address)]


def _suffix(job: Job) -> str:
    return ".elf" if job.image.kind == ELF else ".uf2"


FLASHER = Flasher(
    name="picotool",
    summary="RP2040 and RP2350 by Raspberry Pi's picotool",
    flash=flash,
    verify=verify,
    program=PROGRAM,
    compares=True,
)
