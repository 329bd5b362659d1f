"""`iceprog`: the SPI flash of iCE40 boards with an FTDI chip, by icestorm's program (github.com/YosysHQ/icestorm)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.flash.base import Flasher, Program
from hivectl.flash.places import locate
from hivectl.flash.programs import Fault, failure, file_of, run_program

if TYPE_CHECKING:
    from hivectl.flash.base import Job
    from hivectl.flash.programs import Ran

PROGRAM = Program(names=("iceprog",), install="apt-get install fpga-icestorm")
# exit statuses of `iceprog --help`
HARDWARE, DIFFERS = 2, 3
BEGUN = "(?m)^(erase|programming)"
FAULTS = (
    Fault(
        pattern="Can't find iCE FTDI USB device",
        message="iceprog cannot open the board's FTDI chip: another program has it, or this user may not",
        hint="give the user the right by a udev rule for 0403:6010 and 0403:6014, or run hivectl as root",
    ),
    Fault(
        pattern="VERIFY ERROR|Found difference",
        message="the board's flash holds something else than was written",
        hint="is the flash write-protected, or larger than iceprog thinks?",
    ),
    Fault(
        pattern="flash ID: 0x(FF 0x){2}|flash ID: 0x(00 0x){2}",
        message="the board's SPI flash does not answer",
        hint="look at its jumpers: is it set to flash?",
    ),
)


async def flash(job: Job) -> bool:
    """Write the bitstream into the flash and compare it; the FPGA starts from it.

    Raises:
        FlashError: what iceprog says.
    """
    ran = await _iceprog(job, writes=True)
    if ran.rc:
        raise failure(job, PROGRAM, ran, FAULTS, begun=BEGUN)
    return True


async def verify(job: Job) -> bool | None:
    """Compare what the flash holds."""
    ran = await _iceprog(job, "-c", writes=False)
    if ran.rc in (0, DIFFERS):
        return ran.rc == 0
    raise failure(job, PROGRAM, ran, FAULTS, begun=BEGUN)


async def _iceprog(job: Job, *words: str, writes: bool) -> Ran:
    device = locate(job.plug)
    offset = job.options.get("offset")
    async with file_of(job, ".bin") as path:
        if writes:
            job.say(f"writes {job.image.title} by iceprog at USB port {device.hub_port}")
        # many of these boards have no serial number: bus and address of this moment name exactly one
        board = ("-d", f"d:{device.bus:03d}/{device.address:03d}", "-I", job.options.get("interface", "A"))
        place = ("-o", offset) if offset else ()
        return await run_program(job, PROGRAM, [*board, *words, *place, path], writes=writes)


FLASHER = Flasher(
    name="iceprog",
    summary="the SPI flash of iCE40 boards with an FTDI chip, by icestorm's iceprog",
    flash=flash,
    verify=verify,
    program=PROGRAM,
    compares=True,
    options={
        "offset": "where in the flash the bitstream begins, in bytes, or with k or M behind",
        "interface": "which interface of the FTDI chip: A, B, C or D",
    },
)
