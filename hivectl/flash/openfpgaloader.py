"""`openfpgaloader`: FPGA boards by openFPGALoader (trabucayre.github.io/openFPGALoader)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.flash.base import Flasher, Program
from hivectl.flash.places import locate
from hivectl.flash.programs import Fault, failure, file_of, run_program

if TYPE_CHECKING:
    from hivectl.flash.base import Job

PROGRAM = Program(names=("openFPGALoader",), install="apt-get install openfpgaloader")
BEGUN = "Erasing|Writing|Write(Page)?:|Loading:"
FAULTS = (
    Fault(
        pattern="device not found|unable to open|Failed to claim cable|No DFU compatible device",
        message="openFPGALoader cannot open the board: another program has it, or this user may not",
        hint="install openFPGALoader's udev rules, or run hivectl as root",
    ),
    Fault(
        pattern="[Vv]erif\\w* *(:|flash)?.*(FAIL|[Ff]ail)",
        message="the board's flash holds something else than was written",
        hint="is the flash write-protected?",
    ),
)


async def flash(job: Job) -> bool:
    """Write the bitstream into the flash and compare it.

    Raises:
        FlashError: what openFPGALoader says.
    """
    device = locate(job.plug)
    offset = job.options.get("offset")
    async with file_of(job, ".bin") as path:
        job.say(f"writes {job.image.title} by openFPGALoader at USB port {device.hub_port}")
        arguments = ["--board", job.options["board"], "--busdev-num", f"{device.bus}:{device.address}"]
        arguments += ["--write-flash", "--verify"]
        arguments += ["--offset", offset] if offset else []
        ran = await run_program(job, PROGRAM, [*arguments, path], writes=True)
    if ran.rc:
        raise failure(job, PROGRAM, ran, FAULTS, begun=BEGUN)
    return True


FLASHER = Flasher(
    name="openfpgaloader",
    summary="FPGA boards by openFPGALoader",
    flash=flash,
    program=PROGRAM,
    compares=True,
    options={
        "board": "the board as openFPGALoader calls it (`openFPGALoader --list-boards`)",
        "offset": "where in the flash the bitstream begins, in bytes",
    },
)
