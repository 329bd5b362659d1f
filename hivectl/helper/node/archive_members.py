"""What is in an archive, member by member, whatever its kind; nothing of it is believed before it is looked at."""

import os
import stat
import time
import zlib

from hivectl.helper.node.paths import Failure, current_umask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, BinaryIO

LONGEST_TARGET = 4096
# the first bytes of a file -> (how it is read, Ansible's name for its handler)
KINDS = (
    (b"PK\x03\x04", "zip", "ZipArchive"),
    (b"PK\x05\x06", "zip", "ZipArchive"),
    (b"\x1f\x8b", "gz", "TgzArchive"),
    (b"BZh", "bz2", "TarArchive"),
    (b"\xfd7zXZ\x00", "xz", "TarArchive"),
    (b"\x28\xb5\x2f\xfd", "zst", "TarArchive"),
)


class Damaged(Exception):  # noqa: N818 - becomes a Failure with the archive's name
    """An archive that cannot be read to its end."""


def reading_errors() -> "tuple[type[Exception], ...]":
    """Return what is raised while the content of a damaged archive is read."""
    import lzma
    import tarfile
    import zipfile

    return (Damaged, tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError)


class Member:
    """One thing in an archive.

    `name` is as listed, `parts` where it goes below the directory; `kind` is file, directory, link, hard or a word for
    what is never made; `open` returns the content of a file, which is to be read before the next member is asked for.
    """

    def __init__(self, name: str, kind: str, mode: int, when: float, size: int = 0) -> None:
        self.name = name
        self.kind = kind
        self.mode = mode
        self.when = int(when)
        self.size = size
        self.target = ""
        self.owner: "tuple[str, int, str, int] | None" = None
        self.open: "Callable[[], Any] | None" = None
        self.parts = [part for part in name.split("/") if part not in {"", "."}]


def kind_of_archive(file: "BinaryIO", label: str) -> "tuple[str, str]":
    """Return how an archive is read, and its handler's name; raises Failure."""
    file.seek(0)
    head = file.read(512)
    if not head:
        raise Failure(f"Invalid archive '{label}', the file is 0 bytes")
    for magic, kind, handler in KINDS:
        if head.startswith(magic):
            return kind, handler
    if head[257:262] == b"ustar" or _is_old_tar(head):
        return "tar", "TarArchive"
    raise Failure(
        f'Failed to find handler for "{label}". It is no tar (plain, gzip, bzip2, xz, zstd) and no zip archive'
    )


def _is_old_tar(head: bytes) -> bool:
    import tarfile

    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def members(file: "BinaryIO", kind: str) -> "Iterator[Member]":
    """Yield what is in an archive; raises Damaged, Failure."""
    file.seek(0)
    if kind == "zip":
        yield from _zip_members(file)
        return
    import lzma
    import tarfile

    errors = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, ValueError, OSError)
    stream: "Any" = None
    try:
        stream = _Zstd(file) if kind == "zst" else _plain(file, kind)
        with tarfile.open(fileobj=stream, mode="r|", errors="surrogateescape") as archive:
            while True:
                found = archive.next()
                if found is None:
                    return
                archive.members = []  # type: ignore[attr-defined]  # a million names need not be kept
                yield _tar_member(archive, found)
    except errors as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise Damaged(str(error) or type(error).__name__) from error
    finally:
        if stream is not None and stream is not file:
            stream.close()


def _plain(file: "BinaryIO", kind: str) -> "Any":
    """Return what reads an archive as the tar that it was."""
    if kind == "gz":
        import gzip

        return gzip.GzipFile(fileobj=file)
    if kind == "bz2":
        import bz2

        return bz2.BZ2File(file)
    if kind == "xz":
        import lzma

        return lzma.LZMAFile(file)
    return file


def _tar_member(archive: "Any", found: "Any") -> Member:
    kinds = ((found.isreg, "file"), (found.isdir, "directory"), (found.issym, "link"), (found.islnk, "hard"))
    kind = next((word for test, word in kinds if test()), "a device or a pipe")
    name = found.name + "/" if kind == "directory" else found.name
    member = Member(name.lstrip("/"), kind, found.mode & 0o7777, found.mtime, found.size)
    member.target = found.linkname
    member.owner = (found.uname, found.uid, found.gname, found.gid)
    member.open = lambda: archive.extractfile(found)
    return member


class _Zstd:
    """What the program zstd makes of a file."""

    def __init__(self, file: "BinaryIO") -> None:
        import subprocess

        try:
            # the program reads the descriptor itself
            os.lseek(file.fileno(), 0, os.SEEK_SET)
            self._process = subprocess.Popen(
                ["zstd", "-dcq"],
                stdin=file.fileno(),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except FileNotFoundError:
            raise Failure("the archive is packed by zstd, and the node has no program `zstd`") from None

    def read(self, size: int) -> bytes:
        """Return the next bytes; raises EOFError where the program gave up."""
        assert self._process.stdout is not None
        data = self._process.stdout.read(size)
        if not data and self._process.wait() != 0:
            raise EOFError("zstd cannot read it")
        return data

    def close(self) -> None:
        """End the program."""
        self._process.kill()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process.wait()


def _zip_members(file: "BinaryIO") -> "Iterator[Member]":
    import zipfile

    errors = (zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError, ValueError, RuntimeError)
    try:
        with zipfile.ZipFile(file) as archive:
            for found in archive.infolist():
                yield _zip_member(archive, found)
    except errors as error:
        raise Damaged(str(error) or type(error).__name__) from error


def _zip_member(archive: "Any", found: "Any") -> Member:
    if found.flag_bits & 1:
        raise Failure(f"{found.filename} in the archive is encrypted")
    unix = found.create_system == 3  # as PKWARE's APPNOTE numbers systems
    mode = found.external_attr >> 16 if unix else 0
    kind = "file"
    if found.filename.endswith("/"):
        kind = "directory"
    elif stat.S_ISLNK(mode):
        kind = "link"
    elif mode and stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
        kind = "a device or a pipe"
    if not unix:
        mode = (0o777 if kind == "directory" else 0o666) & ~current_umask()
    name = found.filename.lstrip("/")
    member = Member(name, kind, mode & 0o777, _zip_time(found), found.file_size)
    if kind == "link":
        if found.file_size > LONGEST_TARGET:
            raise Failure(f"the link {name} in the archive has a target of {found.file_size} bytes")
        member.target = os.fsdecode(archive.read(found))
    member.open = lambda: archive.open(found)
    return member


def _zip_time(found: "Any") -> float:
    """Return a member's time: Info-ZIP's extended timestamp, which has a time zone, else the local one."""
    extra = found.extra
    while len(extra) >= 4:
        tag, size = int.from_bytes(extra[:2], "little"), int.from_bytes(extra[2:4], "little")
        if tag == 0x5455 and size >= 5 and extra[4] & 1:
            return float(int.from_bytes(extra[5:9], "little", signed=True))
        extra = extra[4 + size :]
    try:
        return time.mktime((*found.date_time, 0, 0, -1))
    except (ValueError, OverflowError):
        return 0.0
