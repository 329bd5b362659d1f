"""`mpremote`: firmware that is a folder of MicroPython sources, put on by MicroPython's own program.

The module `sync` does so through the node's own connection, and knows what would change; this is for firmware whose
makers say "install it with mpremote".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.flash.base import Flasher, Program
from hivectl.flash.places import serial_port
from hivectl.flash.programs import Fault, failure, run_program

if TYPE_CHECKING:
    from hivectl.flash.base import Job

PROGRAM = Program(names=("mpremote",), install="pip install mpremote", package="mpremote")
BEGUN = r"(?m)^cp "
FAULTS = (
    Fault(
        pattern="failed to access|in use by another program",
        message="the board's serial port cannot be opened: another program has it, or this user may not use it",
        hint="close the other program; is the user in the group `dialout`?",
    ),
    Fault(
        pattern="could not enter raw repl|no device found",
        message="no MicroPython answers on the board's serial port",
        hint="flash MicroPython first",
    ),
    Fault(pattern="No space left|ENOSPC", message="the board's file system is full"),
)


async def flash(job: Job) -> bool:
    """Copy what differs, and start the board with it.

    Raises:
        FlashError: what mpremote says.
    """
    port = serial_port(job.plug)
    folder = job.image.path
    names = sorted(str(one) for one in folder.iterdir() if one.name != "__pycache__")
    job.say(f"copies {folder.name} by mpremote to the board at {port}")
    ran = await run_program(
        job, PROGRAM, ["connect", port, "fs", "cp", "-r", *names, ":", "+", "reset"], writes=True
    )
    if ran.rc:
        raise failure(job, PROGRAM, ran, FAULTS, begun=BEGUN)
    same = sum(1 for line in ran.output.splitlines() if line.startswith("Up to date"))
    return same < sum(1 for one in folder.rglob("*") if one.is_file())


FLASHER = Flasher(
    name="mpremote",
    summary="a folder of MicroPython sources, by mpremote",
    flash=flash,
    program=PROGRAM,
)
