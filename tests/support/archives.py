"""Archives for tests, the same bytes every time, good ones and hostile ones."""

from __future__ import annotations

import io
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

WHEN = 1_700_000_000


def entry(name: str, content: bytes = b"", **more: Any) -> tuple[tarfile.TarInfo, bytes]:
    """Return a member of a tar; `more` are attributes of its TarInfo."""
    info = tarfile.TarInfo(name.rstrip("/"))
    info.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
    info.mode = 0o755 if name.endswith("/") else 0o644
    info.mtime = WHEN
    info.size = len(content)
    for key, value in more.items():
        setattr(info, key, value)
    return info, content


def link(name: str, target: str, *, hard: bool = False) -> tuple[tarfile.TarInfo, bytes]:
    """Return a link in a tar."""
    return entry(name, type=tarfile.LNKTYPE if hard else tarfile.SYMTYPE, linkname=target, mode=0o777)


PLAIN = (
    entry("top/"),
    entry("top/a.txt", b"alpha\n"),
    entry("top/run.sh", b"#!/bin/sh\n", mode=0o755),
    entry("top/private", b"secret\n", mode=0o600),
    entry("top/sub/", mode=0o750),
    entry("top/sub/b.txt", b"beta\n" * 1000, mtime=WHEN + 5),
    entry("top/empty", b""),
    link("top/link", "a.txt"),
    link("top/second", "top/a.txt", hard=True),
    entry("single.txt", b"single\n"),
    entry("no/folder/of/its/own.txt", b"own\n"),
)


def make_tar(path: Path, entries: Iterable[tuple[tarfile.TarInfo, bytes]] = PLAIN, mode: str = "w") -> Path:
    """Write a tar; `mode` is tarfile's, such as "w:gz"."""
    with tarfile.open(path, mode, format=tarfile.GNU_FORMAT) as archive:  # type: ignore[call-overload]
        for info, content in entries:
            archive.addfile(info, io.BytesIO(content))
    return path


def make_zip(
    path: Path, entries: dict[str, tuple[int, bytes]], when: tuple[int, ...] = (2023, 11, 14, 22, 13, 20)
) -> Path:
    """Write a zip of name -> (mode with its kind, content)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, (mode, content) in entries.items():
            info = zipfile.ZipInfo(name, when)  # type: ignore[arg-type]
            info.external_attr = mode << 16 | (0x10 if name.endswith("/") else 0)
            info.create_system = 3
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return path


ZIPPED = {
    "top/": (0o040755, b""),
    "top/a.txt": (0o100644, b"alpha\n"),
    "top/run.sh": (0o100755, b"#!/bin/sh\n"),
    "top/private": (0o100600, b"secret\n"),
    "top/link": (0o120777, b"a.txt"),
    "top/sub/b.txt": (0o100640, b"beta\n" * 1000),
    "single.txt": (0o100644, b"single\n"),
    "empty": (0o100644, b""),
}
