"""`dfu-util`: boards whose boot loader, or firmware, speaks USB's Device Firmware Upgrade (dfu-util.sourceforge.net)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.flash.base import Flasher, Program
from hivectl.flash.places import locate
from hivectl.flash.programs import Fault, failure, file_of, run_program

if TYPE_CHECKING:
    from hivectl.flash.base import Job

PROGRAM = Program(names=("dfu-util",), install="apt-get install dfu-util")
BEGUN = r"Download\s*\[|Copying data from PC to DFU device"
FAULTS = (
    Fault(
        pattern="No DFU capable USB device available",
        message="dfu-util finds no DFU at the board's USB port",
        hint="start the board's DFU boot loader (firmware of the pico-ice SDK has it always), and see that this user "
        "may open it",
    ),
    Fault(
        pattern="Cannot open DFU device|LIBUSB_ERROR_ACCESS",
        message="dfu-util may not open the board",
        hint="give the user the right by a udev rule, or run hivectl as root",
    ),
    Fault(
        pattern="Cannot claim interface|LIBUSB_ERROR_BUSY",
        message="another program has the board",
        hint="close it",
    ),
)


async def flash(job: Job) -> bool:
    """Send the image to the board's flash, and reset it.

    Raises:
        FlashError: what dfu-util says.
    """
    device = locate(job.plug)
    async with file_of(job, job.image.path.suffix if job.image.kind == "dfu" else ".bin") as path:
        job.say(f"writes {job.image.title} by dfu-util at USB port {device.hub_port}")
        # a path of USB ports, as sysfs has it, names one board among identical ones
        arguments = ["--device", job.options["id"], "--path", device.hub_port]
        arguments += ["--alt", job.options["alternate"], "--reset", "--download", path]
        ran = await run_program(job, PROGRAM, arguments, writes=True)
    # some boot loaders go away before they answer the reset
    gone = "Done!" in ran.output and "can't detach" not in ran.output
    if ran.rc and not gone:
        raise failure(job, PROGRAM, ran, FAULTS, begun=BEGUN)
    return True


FLASHER = Flasher(
    name="dfu-util",
    summary="boards that speak USB's Device Firmware Upgrade, by dfu-util",
    flash=flash,
    program=PROGRAM,
    options={
        "id": "vendor:product of its DFU",
        "alternate": "which of its memories: on a pico-ice 0 is the FPGA's flash, 1 its configuration memory",
    },
)
