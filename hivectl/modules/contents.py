"""The bytes of files on this machine: hashed once for all nodes, however large they are."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from hivectl.helper.operations import Content
from hivectl.modules.base import ModuleError

SEALED = b"$ANSIBLE_VAULT;"  # what files of ansible-vault begin with


@lru_cache(maxsize=65536)
def _digest(path: str, _mtime_ns: int, _size: int) -> tuple[str, bool]:
    """Return a file's SHA-256, and whether it is encrypted; by its time and size a changed file is read anew."""
    import hashlib

    with Path(path).open("rb") as file:
        sealed = file.read(len(SEALED)) == SEALED
        file.seek(0)
        return hashlib.file_digest(file, "sha256").hexdigest(), sealed


@lru_cache(maxsize=256)
def _text(path: str, _mtime_ns: int, _size: int) -> str:
    return Path(path).read_text(encoding="utf-8")


def content_of_file(path: Path, *, sealed: bool = False) -> Content:
    """Return a file's content, which stays in the file until a node lacks it.

    Args:
        path: the file.
        sealed: whether one that ansible-vault encrypted is taken as it is.

    Raises:
        ModuleError: it cannot be read, or is encrypted: Ansible would send what is inside.
    """
    try:
        seen = path.stat()
        digest, encrypted = _digest(str(path), seen.st_mtime_ns, seen.st_size)
    except OSError as error:
        raise ModuleError(f"{path} cannot be read: {error.strerror}") from error
    if encrypted and not sealed:
        raise _encrypted(path)
    return Content(digest, seen.st_size, path)


def _encrypted(path: Path) -> ModuleError:
    return ModuleError(
        f"{path} is encrypted with ansible-vault",
        hint="send what is inside: `copy: {content: \"{{ lookup('file', '…') | unvault(password) }}\"}`, "
        "with the password from `!env`, `!file` or `!command` in the inventory",
    )


def text_of_file(path: Path) -> str:
    """Return what a text file holds, read once for all nodes.

    Raises:
        ModuleError: it cannot be read, is encrypted, or is not UTF-8.
    """
    try:
        seen = path.stat()
        text = _text(str(path), seen.st_mtime_ns, seen.st_size)
    except OSError as error:
        raise ModuleError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ModuleError(
            f"{path} is not UTF-8 text: byte {error.start} cannot be decoded", hint="templates are UTF-8"
        ) from error
    if text.startswith(SEALED.decode()):
        raise _encrypted(path)
    return text


def mode_of(path: Path) -> str:
    """Return the permissions of a path on this machine in octal, for `preserve`."""
    return f"{path.stat().st_mode & 0o7777:04o}"
