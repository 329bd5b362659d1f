"""The bytes of files on this machine: hashed once for all nodes, however large they are."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from hivectl.helper.operations import Content
from hivectl.modules.base import ModuleError


@lru_cache(maxsize=65536)
def _digest(path: str, _mtime_ns: int, _size: int) -> str:
    """Return the SHA-256 of a file; its time and size are parameters so that a changed file is read anew."""
    import hashlib

    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=256)
def _text(path: str, _mtime_ns: int, _size: int) -> str:
    return Path(path).read_text(encoding="utf-8")


def content_of_file(path: Path) -> Content:
    """Return a file's content, which stays in the file until a node lacks it.

    Raises:
        ModuleError: it cannot be read.
    """
    try:
        seen = path.stat()
        return Content(_digest(str(path), seen.st_mtime_ns, seen.st_size), seen.st_size, path)
    except OSError as error:
        raise ModuleError(f"{path} cannot be read: {error.strerror}") from error


def text_of_file(path: Path) -> str:
    """Return what a text file holds, read once for all nodes.

    Raises:
        ModuleError: it cannot be read, or is not UTF-8.
    """
    try:
        seen = path.stat()
        return _text(str(path), seen.st_mtime_ns, seen.st_size)
    except OSError as error:
        raise ModuleError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ModuleError(
            f"{path} is not UTF-8 text: byte {error.start} cannot be decoded", hint="templates are UTF-8"
        ) from error


def mode_of(path: Path) -> str:
    """Return the permissions of a path on this machine in octal, for `preserve`."""
    return f"{path.stat().st_mode & 0o7777:04o}"
