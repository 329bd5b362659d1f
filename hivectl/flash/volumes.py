"""The volume of a UF2 boot loader: found by the USB device that offers it, mounted where nobody has, checked."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hivectl.flash import usb
from hivectl.flash.base import NoVolumeError, WrongBoardError
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hivectl.flash.base import Plug

INFO = "INFO_UF2.TXT"
LOOKS_AGAIN = 0.1
MOUNT_SECONDS = 20.0


@record(kw_only=True)
class Volume:
    """A boot loader's volume.

    Attributes:
        path: where it is mounted.
        model: of its INFO_UF2.TXT.
        board_id: likewise.
    """

    path: Path
    model: str
    board_id: str


@asynccontextmanager
async def volume_of(plug: Plug, hub_port: str, *, seconds: float) -> AsyncIterator[Volume]:
    """Hold the volume of the boot loader at a USB port, mounted by us where nobody else does.

    Args:
        plug: which board is expected there.
        hub_port: where it is plugged in.
        seconds: until it must be there.

    Raises:
        NoVolumeError: it does not appear, or cannot be mounted or read.
        WrongBoardError: it is that of another kind of board; nothing has been written.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    own: Path | None = None
    refusal = "no volume appeared"
    try:
        while True:
            device = usb.at(plug.root, hub_port)
            found = usb.blocks(device) if device is not None else ()
            path = next((path for one in found if (path := mounted(plug.root, one)) is not None), None)
            if path is not None:
                yield _checked(plug, path, hub_port)
                return
            if found and own is None:
                own, said = await _mount(plug, found[0])
                refusal = said or refusal
                if own is not None:
                    continue
            if loop.time() >= end:
                raise NoVolumeError(
                    f"the boot loader at USB port {hub_port} shows no volume after {seconds:g} s: {refusal}",
                    node=plug.node,
                    hint="install udisks2 or run hivectl as root so that volumes can be mounted, or write "
                    "`flasher: picotool`",
                )
            await asyncio.sleep(LOOKS_AGAIN)
    finally:
        if own is not None:
            await _unmount(own)


def mounted(root: Path, block: usb.Block) -> Path | None:
    """Return where a block device is mounted (proc(5), mountinfo), or None."""
    try:
        table = (root / "proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    for line in table.splitlines():
        fields = line.split(" ")
        if len(fields) > 4 and fields[2] == block.number:
            # spaces and the like are written as \040
            return Path(re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), fields[4]))
    return None


def _checked(plug: Plug, path: Path, hub_port: str) -> Volume:
    """Return the volume if it is that of such a board."""
    try:
        text = (path / INFO).read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise NoVolumeError(
            f"the volume at USB port {hub_port} has no readable {INFO}: {error.strerror}",
            node=plug.node,
            hint="is that a UF2 boot loader?",
        ) from error
    said = {
        key.strip().casefold(): value.strip()
        for key, colon, value in (line.partition(":") for line in text.splitlines())
        if colon
    }
    board_id, model = said.get("board-id", ""), said.get("model", "")
    wanted = plug.board.board_ids
    if wanted and board_id not in wanted:
        raise WrongBoardError(
            f"the boot loader at USB port {hub_port} is that of {model or board_id or 'something else'} "
            f"(Board-ID {board_id or 'none'}), not that of a {plug.board.name} "
            f"(Board-ID {' or '.join(sorted(wanted))}); nothing was written",
            node=plug.node,
            hint="correct `board:` in the inventory, and unplug the board for a moment to leave the boot loader",
        )
    return Volume(path=path, model=model, board_id=board_id)


async def _mount(plug: Plug, block: usb.Block) -> tuple[Path | None, str]:
    """Mount a block device: return the folder if it is ours to unmount, and why it was not mounted, if it was not."""
    device = plug.root / "dev" / block.name
    if plug.root != Path("/"):
        return None, f"{device} is not mounted"
    if os.geteuid() == 0:
        folder = await asyncio.to_thread(tempfile.mkdtemp, prefix="hivectl-volume-")
        rc, said = await _call(
            "mount", "-t", "vfat", "-o", "noatime,nosuid,nodev,noexec", str(device), folder
        )
        if rc == 0:
            return Path(folder), ""
        await asyncio.to_thread(Path(folder).rmdir)
        return None, said
    if shutil.which("udisksctl") is not None:
        # a desktop may have been faster: then it says so, and the table of mounts knows where
        _, said = await _call("udisksctl", "mount", "--no-user-interaction", "--block-device", str(device))
        return None, said
    return None, f"{device} is not mounted, and only root may"


async def _unmount(folder: Path) -> None:
    # the board has gone with its volume: lazily, or it would fail
    await _call("umount", "--lazy", str(folder))
    await asyncio.to_thread(folder.rmdir)


async def _call(*argv: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(MOUNT_SECONDS):
            said, _ = await process.communicate()
    except TimeoutError:
        return 1, f"{argv[0]} did not end in {MOUNT_SECONDS:g} s"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, said.decode(errors="replace").strip()
