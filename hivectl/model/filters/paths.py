"""Filters on paths of this machine."""

from __future__ import annotations

import glob
import ntpath
import os.path
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


VAULT = "$ANSIBLE_VAULT;"  # what files of ansible-vault begin with


def path_join(parts: Any) -> str:
    """Return the parts joined as one path."""
    return parts if isinstance(parts, str) else os.path.join(*parts)  # noqa: PTH118  # texts in, text out


def relpath(path: str, start: str = os.curdir) -> str:
    """Return `path` as seen from `start`."""
    return os.path.relpath(path, start)


def splitext(path: str) -> list[str]:
    """Return a path without its suffix, and the suffix."""
    return list(os.path.splitext(path))  # noqa: PTH122  # pathlib drops a trailing slash


def fileglob(pattern: str) -> list[str]:
    """Return the files of this machine that match a pattern."""
    return sorted(path for path in glob.glob(pattern) if Path(path).is_file())  # noqa: PTH207  # texts in, texts out


def win_splitdrive(path: str) -> list[str]:
    """Return the drive of a Windows path, and the rest."""
    return list(ntpath.splitdrive(path))


def vaulted_file(path: str) -> bool:
    """Say whether a file of this machine is encrypted by ansible-vault."""
    with Path(path).open("rb") as file:
        return file.read(len(VAULT)) == VAULT.encode()


FILTERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "basename": os.path.basename,
        "dirname": os.path.dirname,
        "expanduser": os.path.expanduser,
        "expandvars": os.path.expandvars,
        "realpath": os.path.realpath,
        "normpath": os.path.normpath,
        "commonpath": os.path.commonpath,
        "relpath": relpath,
        "splitext": splitext,
        "path_join": path_join,
        "fileglob": fileglob,
        "win_basename": ntpath.basename,
        "win_dirname": ntpath.dirname,
        "win_splitdrive": win_splitdrive,
    }
)

TESTS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "file": os.path.isfile,
        "is_file": os.path.isfile,
        "directory": os.path.isdir,
        "is_dir": os.path.isdir,
        "link": os.path.islink,
        "is_link": os.path.islink,
        "exists": os.path.exists,
        "link_exists": os.path.lexists,
        "abs": os.path.isabs,
        "is_abs": os.path.isabs,
        "mount": os.path.ismount,
        "is_mount": os.path.ismount,
        "same_file": os.path.samefile,
        "is_same_file": os.path.samefile,
        "vaulted_file": vaulted_file,
    }
)
