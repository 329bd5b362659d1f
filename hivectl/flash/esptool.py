"""`esptool`: Espressif's chips by Espressif's program (docs.espressif.com/projects/esptool).

It is called as a program and never imported: its licence is the GPL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.flash.base import Flasher, Program
from hivectl.flash.places import serial_port
from hivectl.flash.programs import Fault, failure, file_of, run_program

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hivectl.flash.base import Job
    from hivectl.flash.programs import Ran

PROGRAM = Program(names=("esptool", "esptool.py"), install="pip install 'esptool>=5'", package="esptool")
BAUD = "460800"
BEGUN = "Writing at|Flash will be erased"
DIFFERS = "[Vv]erification failed|verify failed|does not match"
FAULTS = (
    Fault(
        pattern="invalid choice: '(write|verify)-flash'",
        message="the esptool that is installed is older than 5",
        hint="pip install --upgrade 'esptool>=5'",
    ),
    Fault(
        pattern="port is busy or doesn't exist|Could not open|exclusively lock port",
        message="the board's serial port cannot be opened: another program has it, or this user may not use it",
        hint="close the other program (fuser -v shows it); is the user in the group `dialout`?",
    ),
    Fault(
        pattern="This chip is|Wrong --chip argument|chip.* was expected",
        message="the board has another chip than the inventory says",
        hint="correct `board:` in the inventory",
    ),
    Fault(
        pattern="Failed to connect|No serial data received|Invalid head of packet|Wrong boot mode",
        message="the chip's boot loader does not answer",
        hint="hold its BOOT button while it is flashed, or write `options: {before: ...}` as esptool has it",
    ),
)


async def flash(job: Job) -> bool:
    """Write the image and compare it, then start the board.

    Raises:
        FlashError: what esptool says.
    """
    async with file_of(job, ".bin") as path:
        job.say(f"writes {job.image.title} by esptool at {_offset(job)}")
        ran = await _esptool(job, "write-flash", _offset(job), path, writes=True)
    if ran.rc:
        raise failure(job, PROGRAM, ran, FAULTS, begun=BEGUN)
    return True


async def verify(job: Job) -> bool | None:
    """Compare what the flash holds, by its hash."""
    async with file_of(job, ".bin") as path:
        ran = await _esptool(job, "verify-flash", _offset(job), path, writes=False)
    if ran.rc == 0:
        return True
    import re

    if re.search(DIFFERS, ran.output):
        return False
    raise failure(job, PROGRAM, ran, FAULTS, begun=BEGUN)


async def _esptool(job: Job, *words: str, writes: bool) -> Ran:
    given = job.options
    arguments: Sequence[str] = [
        "--chip",
        given["chip"],
        "--port",
        serial_port(job.plug),
        "--baud",
        given.get("baud", BAUD),
        "--before",
        given.get("before", "default-reset"),
        "--after",
        given.get("after", "hard-reset"),
        *(("--no-stub",) if given.get("stub") == "no" else ()),
        *words,
    ]
    return await run_program(job, PROGRAM, arguments, writes=writes)


def _offset(job: Job) -> str:
    """Return where the image belongs: as the task says, as the image says, as the chip's boot loader stands."""
    if "offset" in job.asked:
        return job.asked["offset"]
    return job.way["offset"] if job.image.offset is None else f"{job.image.offset:#x}"


FLASHER = Flasher(
    name="esptool",
    summary="Espressif's chips by Espressif's esptool",
    flash=flash,
    verify=verify,
    program=PROGRAM,
    compares=True,
    options={
        "offset": "where in the flash an image belongs that does not begin with the boot loader, such as 0x10000",
        "baud": f"bits per second while it is written; absent: {BAUD}",
        "before": "how the boot loader is started: default-reset, usb-reset, no-reset",
        "after": "what is done at the end: hard-reset, soft-reset, no-reset, watchdog-reset",
        "stub": "`no`: by the chip's ROM alone, which is slower",
    },
)
