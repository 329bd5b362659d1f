"""Bitstreams from files and globs: each is looked at before any board is, and one that is none fails alone."""

from __future__ import annotations

import glob
import re
import stat
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hivectl.bitstream.errors import EmptyImageError, ImageError, NotAnImageError, TooLargeError
from hivectl.bitstream.evaluations import Circuit
from hivectl.bitstream.reading import LARGEST, read_bitstream
from hivectl.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hivectl.bitstream.expecting import Expectation

DIGITS = re.compile(r"(\d+)")


class NoFilesError(InputError):
    """There is nothing to evaluate."""


class UnreadableError(ImageError):
    """The file cannot be read."""


def find_files(patterns: Iterable[str], folders: Sequence[Path]) -> dict[str, Path]:
    """Return the files that names and globs lead to, each once: name for people -> path.

    Files of one glob are in their natural order: c2 comes before c10.

    Args:
        patterns: files, or globs with `*`, `?`, `[...]` and `**`; relative ones are looked for in the folders.
        folders: the first in which anything fits counts.

    Raises:
        NoFilesError: a glob fits nothing, or there is no pattern at all. A plain file that is not there is no error
            here: it fails alone.
    """
    found: dict[str, Path] = {}
    seen: set[Path] = set()
    empty = True
    for pattern in patterns:
        empty = False
        for name, path in _fitting(pattern, folders):
            if path not in seen:
                seen.add(path)
                found[name] = path
    if empty:
        raise NoFilesError("no bitstream is named", hint="name .bin or .asc files, or globs of them")
    return found


def _fitting(pattern: str, folders: Sequence[Path]) -> list[tuple[str, Path]]:
    written = Path(pattern).expanduser()
    places = [Path("/")] if written.is_absolute() else list(folders)
    for folder in places:
        exact = written if written.is_absolute() else folder / written
        if exact.exists():
            return [(pattern, exact)]
        if not glob.has_magic(pattern):
            continue
        if written.is_absolute():
            names = glob.glob(str(written), recursive=True)  # noqa: PTH207  # patterns from people: `..` and roots too
        else:
            names = glob.glob(pattern, root_dir=folder, recursive=True)  # noqa: PTH207  # likewise
        fitting = [(name, folder / name) for name in sorted(names, key=natural)]
        files = [(name, path) for name, path in fitting if not path.is_dir()]
        if files:
            return files
    if glob.has_magic(pattern):
        where = " nor in ".join(str(place) for place in places)
        raise NoFilesError(f"no file fits {pattern!r}", hint=f"looked in {where}")
    return [(pattern, places[0] / written)]


def natural(name: str) -> list[tuple[int, int, str]]:
    """Return the key by which names are in the order that people expect."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in DIGITS.split(name)]


def read_file(path: Path, name: str) -> bytes:
    """Return what a file holds, if it may be a bitstream at all.

    Args:
        path: of the file.
        name: of it, for complaints.

    Raises:
        ImageError: it is not there, is no file, is empty or too large, or may not be read.
    """
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise NotAnImageError(
                "a folder, not a bitstream", name=name, hint=f"write {name.rstrip('/')}/*.bin"
            )
        if not stat.S_ISREG(found.st_mode):
            raise NotAnImageError("no ordinary file, but a device, a pipe or a socket", name=name)
        if found.st_size > LARGEST:
            raise TooLargeError(
                f"{found.st_size:,} bytes are too many for a bitstream (up to {LARGEST:,})", name=name
            )
        if found.st_size == 0:
            raise EmptyImageError("the file is empty", name=name)
        return path.read_bytes()
    except OSError as error:
        reason = (
            "there is no such file" if isinstance(error, FileNotFoundError) else error.strerror or str(error)
        )
        raise UnreadableError(reason, name=name) from error


def read_circuits(
    files: Mapping[str, Path],
    *,
    boards: Mapping[str, frozenset[str]] | None = None,
    expected: Mapping[str, Expectation] | None = None,
) -> list[Circuit]:
    """Read and check bitstreams; one that is none becomes a circuit with its error.

    Of each is kept what boards get; the banks of its image are left out.

    Args:
        files: name for people -> path.
        boards: name -> the boards that it shall be measured on; absent: any.
        expected: name -> what its measurement must say.
    """
    circuits = []
    for name, path in files.items():
        bitstream, fault = None, None
        try:
            whole = read_bitstream(read_file(path, name), name)
            # boards get what is packed: ten thousand circuits need not be in memory twice
            bitstream = replace(whole, image=replace(whole.image, cram=(), bram=()))
        except ImageError as error:
            fault = error
        circuits.append(
            Circuit(
                name=name,
                bitstream=bitstream,
                error=fault,
                boards=(boards or {}).get(name),
                expected=(expected or {}).get(name),
            )
        )
    return circuits
