"""A folder of this machine on a board: only what differs is sent, and only what is told is deleted."""

from __future__ import annotations

import asyncio
import posixpath
from typing import TYPE_CHECKING

from hivectl.micropython.contents import measure
from hivectl.micropython.files import Look
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hivectl.micropython.files import Files


@record
class Difference:
    """What a board lacks, and has too much of.

    Attributes:
        directories: to be made, parents first.
        files: path on the board -> file here, to be put.
        surplus: on the board alone, what is inside before what holds it.
        obstacles: of another kind there than here; removed before anything is put.
    """

    directories: tuple[str, ...]
    files: Mapping[str, Path]
    surplus: tuple[str, ...]
    obstacles: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether nothing is to be done, what the board has besides left aside."""
        return not (self.directories or self.files or self.obstacles)


async def compare(files: Files, folder: Path, destination: str, *, delete: bool = False) -> Difference:
    """Look what a board lacks of a folder, in one round trip if the folder is not too large.

    Args:
        files: the board's.
        folder: of this machine; links are followed.
        destination: on the board.
        delete: look for what the board has besides, too.
    """
    here = await asyncio.to_thread(_here, folder, destination)
    wanted = [Look(path, None if found is None else found[1]) for path, found in here.items()]
    there = {entry.path: entry for entry in await files.look(wanted) if entry is not None} if wanted else {}
    obstacles = tuple(
        path
        for path, found in here.items()
        if path in there and (there[path].kind == "directory") != (found is None)
    )
    directories = tuple(
        path for path, found in here.items() if found is None and (path not in there or path in obstacles)
    )
    changed = {
        path: found[0]
        for path, found in here.items()
        if found is not None and (path not in there or path in obstacles or there[path].digest != found[2])
    }
    surplus: tuple[str, ...] = ()
    if delete:
        root = await files.stat(destination)
        if root is not None and root.kind == "directory":
            listed = await files.tree(destination)
            surplus = tuple(entry.path for entry in reversed(listed) if entry.path not in here)
    return Difference(directories, changed, surplus, obstacles)


async def carry_out(files: Files, difference: Difference) -> None:
    """Make the board as the folder is; raises as `Files.put` and `Files.remove`."""
    for path in difference.surplus:
        await files.remove(path)
    for path in difference.obstacles:
        await files.remove(path)
    for path in difference.directories:
        await files.make_directory(path)
    await files.write_all(difference.files)


def _here(folder: Path, destination: str) -> dict[str, tuple[Path, int, str] | None]:
    """Return path on the board -> (file, size, digest), None for a directory; parents first."""
    root = destination.rstrip("/")
    found: dict[str, tuple[Path, int, str] | None] = {root: None} if root else {}
    for path in sorted(folder.rglob("*")):
        name = posixpath.join(root or "/", path.relative_to(folder).as_posix())
        found[name] = None if path.is_dir() else (path, *measure(path))
    return found
