"""`flash`: firmware, or an FPGA's bitstream, on a board that is plugged in."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

from hivectl.boards.base import ELF, UF2
from hivectl.drivers.base import Capability
from hivectl.flash.base import CutOffError, FlashError, Job, NotBackError, WrongBoardError
from hivectl.flash.images import read_image
from hivectl.flash.places import in_boot_loader
from hivectl.flash.registry import choose
from hivectl.model.node_errors import FenceError, NodeError
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.model.suggestions import did_you_mean
from hivectl.modules.base import Module, ModuleError, NodeContext, Result, named_source
from hivectl.modules.board_repl import attempt

if TYPE_CHECKING:
    from hivectl.flash.base import Flasher, Plug
    from hivectl.flash.images import Image

LOOK = "import os\nu = os.uname()\nprint(repr((u[3], u[4])))\n"
LOOK_SECONDS = 10.0
# seconds for the new firmware's prompt, once the board is back on USB
PROMPT_SECONDS = 30.0
# what boot ROMs leave for only once they have all of it
ALL_OR_NONE = frozenset({UF2, ELF})
VERSION = re.compile(r"v\S+ on \d{4}-\d\d-\d\d")


@record(kw_only=True)
class Parameters:
    """What `flash` takes."""

    image: str = parameter(
        "File on this machine, beside the playbook or in its `files`: UF2, ELF, an image of Espressif's, an iCE40 "
        "bitstream, a DFU file, or a folder of MicroPython sources.",
        example="files/micropython-pico2.uf2",
    )
    flasher: str | None = parameter(
        "How it gets there; absent: the board's best way whose program is installed.",
        default=None,
        example="picotool",
    )
    options: dict[str, str] = parameter(
        "What the flasher is told besides, by its own names; `hivectl boards NAME` lists the board's flashers.",
        default={},
        example={"baud": "115200"},
    )
    force: bool = parameter("Flash it even where the board reports that it runs this image.", default=False)
    timeout: float = parameter("Time that writing may take.", default=180.0, kind="duration")


@record(kw_only=True)
class Report:
    """What a board says of the firmware that it runs.

    Attributes:
        version: of MicroPython, as in `v1.27.0 on 2025-12-09`.
        machine: what that calls the board.
    """

    version: str
    machine: str


@record(kw_only=True)
class Work:
    """What is to be done, worked out before any board is touched."""

    plug: Plug
    image: Image
    flasher: Flasher
    job: Job


async def procedure(parameters: Parameters, context: NodeContext) -> Result:
    """Compare, write what differs, and see that the board runs it.

    Raises:
        ImageError: the file is no image, or none for this board.
        FlashError: the board is not there, is another one, or cannot be written.
    """
    work = await _prepared(parameters, context)
    before = await _report(work, context)
    result: Result = {
        "changed": False,
        "image": str(work.image.path),
        "checksum": work.image.digest,
        "flasher": work.flasher.name,
        "before": before.version if before else None,
        "version": work.image.version,
    }
    _refuse_other(before, work)
    same = runs(before, work.image)
    if same is None and work.flasher.verify is not None and not parameters.force and not context.check:
        same = await work.flasher.verify(work.job)
    if same and not parameters.force:
        return {**result, "version": before.version if before else work.image.version, "verified": True}
    result["changed"] = True
    if context.diff:
        result["diff"] = {
            "before": f"{_words(before)}\n",
            "after": f"{work.image.title}\n",
        }
    if context.check:
        return result
    await context.disconnect()
    try:
        result["changed"] = await work.flasher.flash(work.job)
    except asyncio.CancelledError:
        _interrupted(work, context)
        raise
    except (CutOffError, NotBackError) as error:
        context.quarantine(f"flashing {work.image.path.name}: {error.message}")
        raise
    except FlashError as error:
        if await asyncio.to_thread(_waits_in_boot_loader, work.plug):
            error.message += "; the board waits in its boot loader, its firmware is as it was"
            error.args = (error.message,)
        raise
    return {**result, **await _verified(work, context)}


async def verify(parameters: Parameters, context: NodeContext) -> Result | None:
    """Find out what became of a flash that nobody saw end: done, or to be done again since the board's state is known.

    Raises:
        FlashError: nobody can tell.
    """
    work = await _prepared(parameters, context)
    if await asyncio.to_thread(in_boot_loader, work.plug):
        context.say("is in its boot loader: what was cut off is written again")
        return None
    before = await _report(work, context)
    same = runs(before, work.image)
    if same is None and work.flasher.verify is not None:
        same = await work.flasher.verify(work.job)
    if same is None:
        raise CutOffError("the board does not say what it runs", node=context.node)
    if not same:
        context.say(f"runs {_words(before)}: what was cut off is written again")
        return None
    return {
        "changed": True,
        "image": str(work.image.path),
        "checksum": work.image.digest,
        "flasher": work.flasher.name,
        "version": work.image.version,
        "verified": True,
        "msg": "it was written before the run was cut off",
    }


async def _prepared(parameters: Parameters, context: NodeContext) -> Work:
    path = context.find_file(parameters.image)
    plug = await context.plug()
    image = await asyncio.to_thread(read_image, path, plug.board)
    flasher, way = choose(plug.board, image.kind, parameters.flasher, node=context.node)
    wrong = sorted(set(parameters.options) - set(flasher.options))
    if wrong:
        raise ModuleError(
            f"the flasher {flasher.name} has no option {wrong[0]!r}",
            origin=context.origin,
            hint=did_you_mean(wrong[0], flasher.options) or f"it has: {', '.join(flasher.options) or 'none'}",
        )
    job = Job(
        plug=plug,
        image=image,
        way=way.options,
        asked=parameters.options,
        timeout=parameters.timeout,
        say=context.say,
    )
    return Work(plug=plug, image=image, flasher=flasher, job=job)


def runs(report: Report | None, image: Image) -> bool | None:
    """Tell whether a board that reports this runs an image; None: that cannot be told."""
    if image.version is None or report is None:
        return None
    return report.version == image.version and f"; {report.machine}".encode() in image.content


async def _report(work: Work, context: NodeContext) -> Report | None:
    """Ask the board what it runs; None where it is in its boot loader or has no MicroPython that answers."""
    if work.plug.board.reports != "micropython" or work.image.version is None:
        return None
    if await asyncio.to_thread(in_boot_loader, work.plug):
        return None
    try:
        return await _asked(context)
    except FenceError:
        raise
    except NodeError as error:
        context.say(f"does not say what it runs: {error.message}")
        return None


async def _asked(context: NodeContext) -> Report | None:
    connection: Any = await context.connection(Capability.REPL)
    answer = await attempt(context, LOOK, seconds=LOOK_SECONDS)
    if answer.failure:
        return None
    said = connection.repl.literal(answer.output)
    version = VERSION.search(str(said[0]))
    return Report(version=version[0] if version else str(said[0]), machine=str(said[1]))


def _waits_in_boot_loader(plug: Plug) -> bool:
    try:
        return in_boot_loader(plug)
    except FlashError:
        return False


def _interrupted(work: Work, context: NodeContext) -> None:
    """Tell how a board is whose writing was broken off: it waits to be written again, or nobody knows."""
    what = f"writing {work.image.path.name} was broken off"
    if _waits_in_boot_loader(work.plug):
        context.say(f"{what}: the board waits in its boot loader, until it is flashed again")
    elif work.image.kind in ALL_OR_NONE and work.plug.board.boot_ids:
        context.say(f"{what}: the board runs what it ran before, or all of what was written")
    else:
        context.quarantine(f"{what}: nobody knows what the board holds; flash it again")


def _refuse_other(report: Report | None, work: Work) -> None:
    """Refuse a board whose firmware says that it has another chip, before anything is done to it."""
    if report is None:
        return
    board = work.plug.board
    says = report.machine.rpartition(" with ")[2].replace("-", "").upper()
    if says and not says.startswith(board.chip.replace("-", "").upper()):
        raise WrongBoardError(
            f"the board says that it is a {report.machine}, the inventory that it is a {board.name}; nothing was "
            "written",
            node=work.plug.node,
            hint="correct `board:`, `serial_number:` or `hub_port:` in the inventory",
        )


async def _verified(work: Work, context: NodeContext) -> Result:
    """See that the board runs what was written, as far as it can tell."""
    if work.plug.board.reports != "micropython" or work.image.version is None:
        return {"verified": work.flasher.compares}
    context.say("waiting for its prompt")
    try:
        await context.reconnect(deadline=PROMPT_SECONDS)
        after = await _asked(context)
    except FenceError:
        raise
    except NodeError as error:
        reason = f"the board took {work.image.title}, and does not answer: {error.message}"
        context.quarantine(reason)
        return {"verified": False, "failed": True, "msg": reason}
    if runs(after, work.image):
        return {"verified": True}
    return {
        "verified": False,
        "failed": True,
        "msg": f"the board runs {_words(after)} after {work.image.title} was written",
    }


def _words(report: Report | None) -> str:
    return (
        f"MicroPython {report.version} on {report.machine}"
        if report
        else "firmware that does not say its version"
    )


MODULE = Module(
    name="flash",
    summary="Put firmware or a bitstream on a board, where it runs something else",
    parameters=Parameters,
    procedure=procedure,
    verify=verify,
    free_form=None,
    sources=named_source("image"),
    example="""\
- name: MicroPython
  flash: {image: files/micropython-pico2.uf2}
""",
    returns={
        "image": "the file",
        "checksum": "SHA-256 of the file",
        "flasher": "how it got there",
        "before": "version of the MicroPython that the board ran before; none where it did not say",
        "version": "version of the MicroPython that it runs now; none where the image is something else",
        "verified": "whether the board was seen to hold it",
    },
    # written twice is no harm by itself, but a board whose state nobody knows is looked at first
    repeatable=False,
)
