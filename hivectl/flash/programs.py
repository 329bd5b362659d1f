"""Programs of others that flash: found, run with a deadline, ended when nobody waits for them any more."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import shutil
import signal
import sys
import tempfile
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hivectl.flash.base import CutOffError, MissingProgramError, ProgramError
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from hivectl.flash.base import Flasher, FlashError, Job, Program

# seconds for a program to end by itself once it is told to
ENDING = 3.0
# bytes of its output that are kept for messages
KEPT = 64 << 10
PIECE = 4096
# between two words about progress, in percent
STEP = 25


@record
class Ran:
    """What a program said.

    Attributes:
        rc: its exit status; 128 + signal when a signal ended it.
        output: both of its outputs, as they came.
    """

    rc: int
    output: str

    def last(self, count: int = 3) -> str:
        """Return its last lines as one, for a message."""
        lines = [line.strip() for line in re.split(r"[\r\n]+", self.output) if line.strip()]
        return "; ".join(lines[-count:])[-400:]


@record(kw_only=True)
class Fault:
    """What a program says when something goes wrong, and what that means.

    Attributes:
        pattern: of its output.
        message: what happened.
        hint: what to do.
    """

    pattern: str
    message: str
    hint: str | None = None


def find_program(program: Program) -> tuple[str, ...] | None:
    """Return the words by which a program is started, or None where it is not installed."""
    for name in program.names:
        if (path := shutil.which(name)) is not None:
            return (path,)
    if program.package is not None and importlib.util.find_spec(program.package) is not None:
        return (sys.executable, "-m", program.package)
    return None


def failure(job: Job, program: Program, ran: Ran, faults: Sequence[Fault], *, begun: str) -> FlashError:
    """Return what to raise for a program that ended with a failure.

    Args:
        job: what it did.
        program: which one.
        ran: what it said.
        faults: what is known of it.
        begun: pattern of what it says once it writes.
    """
    name = program.names[0]
    wrote = re.search(begun, ran.output) is not None
    kind = CutOffError if wrote else ProgramError
    state = "nobody knows what the board holds" if wrote else "nothing was written"
    for fault in faults:
        if re.search(fault.pattern, ran.output):
            return kind(f"{fault.message}; {state}", node=job.plug.node, hint=fault.hint)
    said = ran.last() or "it said nothing"
    return kind(f"{name} ended with {ran.rc}: {said}; {state}", node=job.plug.node)


@asynccontextmanager
async def file_of(job: Job, suffix: str) -> AsyncIterator[str]:
    """Hold the image as a file of a name that programs understand: the user's own, or a copy of what is written."""
    image = job.image
    if image.path.suffix == suffix:
        yield str(image.path.resolve())
        return
    with tempfile.TemporaryDirectory(prefix="hivectl-flash-") as folder:
        path = Path(folder) / f"image{suffix}"
        await asyncio.to_thread(path.write_bytes, image.data)
        yield str(path)


def missing(flashers: Sequence[Flasher], *, node: str) -> MissingProgramError:
    """Say which program is missing, and how it is installed; the best one first."""
    programs = [flasher.program for flasher in flashers if flasher.program is not None]
    names = " or ".join(program.names[0] for program in programs)
    return MissingProgramError(
        f"{names} is not installed on this machine",
        node=node,
        hint=", or ".join(program.install for program in programs),
    )


async def run_program(
    job: Job,
    program: Program,
    arguments: Sequence[str],
    *,
    writes: bool = False,
    seconds: float | None = None,
) -> Ran:
    """Run a program to its end; it never outlives the one who waits for it.

    Args:
        job: whose board it works on.
        program: which one.
        arguments: behind its name; no shell.
        writes: it changes what the board holds: cut off, nobody knows what that is.
        seconds: that it may take; None: the job's.

    Raises:
        MissingProgramError: it is not here.
        CutOffError: it writes and did not end in its time.
        ProgramError: it did not end in its time, or cannot be started.
    """
    node = job.plug.node
    words = find_program(program)
    name = program.names[0]
    if words is None:
        raise MissingProgramError(f"{name} is not installed on this machine", node=node, hint=program.install)
    limit = job.timeout if seconds is None else seconds
    try:
        process = await _started([*words, *arguments])
    except OSError as error:
        raise ProgramError(f"{words[0]} cannot be started: {error.strerror}", node=node) from error
    heard = percentages(job.say, name) if writes else None
    try:
        async with asyncio.timeout(limit):
            output = await _output(process, heard)
            status = await process.wait()
    except TimeoutError:
        kind = CutOffError if writes else ProgramError
        raise kind(f"{name} did not end in {limit:g} s and was stopped", node=node) from None
    finally:
        await _end(process)
    return Ran(128 - status if status < 0 else status, output)


async def _started(argv: Sequence[str]) -> asyncio.subprocess.Process:
    """Start a program; cancelled meanwhile, it is ended with what it has begun, where asyncio ends it alone."""
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "LC_ALL": "C", "TERM": "dumb", "NO_COLOR": "1"},
            start_new_session=True,
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await _end(await starting)
        raise


def percentages(say: Callable[[str], None], what: str) -> Callable[[str], None]:
    """Return a listener that says how far a program is each time that it has got on by a quarter."""
    told = 0

    def heard(text: str) -> None:
        nonlocal told
        for found in re.findall(r"(\d{1,3})(?:\.\d+)? ?%", text):
            percent = int(found)
            if told + STEP <= percent < 100:
                told = percent - percent % STEP
                say(f"{what}: {told} %")

    return heard


async def _output(process: asyncio.subprocess.Process, heard: Callable[[str], None] | None) -> str:
    assert process.stdout is not None
    kept = bytearray()
    while piece := await process.stdout.read(PIECE):
        kept += piece
        del kept[:-KEPT]
        if heard is not None:
            heard(piece.decode(errors="replace"))
    return kept.decode(errors="replace")


async def _end(process: asyncio.subprocess.Process) -> None:
    """Tell the program and all that it began to end, then kill what does not."""
    if process.returncode is not None:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        # the second time although it may have ended: what it began may heed no better word
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(TimeoutError):
            async with asyncio.timeout(ENDING):
                await process.wait()
