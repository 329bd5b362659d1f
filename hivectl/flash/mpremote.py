"""`mpremote`: firmware that is a folder of MicroPython sources, put on by MicroPython's own program.

The module `sync` does so through the node's own connection, and knows what would change; this is for firmware whose
makers say "install it with mpremote".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hivectl.flash.base import Flasher, Program
from hivectl.flash.places import serial_port
from hivectl.flash.programs import Fault, failure, run_program

if TYPE_CHECKING:
    from hivectl.flash.base import Job
    from hivectl.flash.programs import Ran

PROGRAM = Program(names=("mpremote",), install="pip install mpremote", package="mpremote")
BEGUN = r"(?m)^cp "
NO_PROMPT = "could not enter raw repl"
# a board that has just been reset takes no Ctrl-C while it starts; mpremote gives it a second or two
TRIES = 3
FAULTS = (
    Fault(
        pattern="failed to access|in use by another program",
        message="the board's serial port cannot be opened: another program has it, or this user may not use it",
        hint="close the other program; is the user in the group `dialout`?",
    ),
    Fault(
        pattern=f"{NO_PROMPT}|no device found",
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
    ran = await _run(job, ["connect", port, "fs", "cp", "-r", *names, ":", "+", "reset"])
    if ran.rc:
        raise failure(job, PROGRAM, ran, FAULTS, begun=BEGUN)
    same = sum(1 for line in ran.output.splitlines() if line.startswith("Up to date"))
    return same < sum(1 for one in folder.rglob("*") if one.is_file())


async def _run(job: Job, arguments: list[str]) -> Ran:
    ran = await run_program(job, PROGRAM, arguments, writes=True)
    for _ in range(TRIES - 1):
        if not ran.rc or NO_PROMPT not in ran.output or re.search(BEGUN, ran.output):
            break
        ran = await run_program(job, PROGRAM, arguments, writes=True)
    return ran


FLASHER = Flasher(
    name="mpremote",
    summary="a folder of MicroPython sources, by mpremote",
    flash=flash,
    program=PROGRAM,
)
