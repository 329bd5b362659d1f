"""`fetch`: a file from the node to this machine."""

import os
import posixpath
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hivectl.drivers.base import Capability
from hivectl.helper.operations import Read, Stat
from hivectl.model.parameters import parameter
from hivectl.model.paths import is_folder, user_path
from hivectl.model.records import record
from hivectl.modules.base import Module, ModuleError, NodeContext, Result

# a symbolic link on the way is refused: whoever can write below `dest` may not lead us elsewhere
OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

PIECE = 1 << 20


@record(kw_only=True)
class Parameters:
    """What `fetch` takes."""

    src: str = parameter("The file on the node.", kind="path")
    dest: str = parameter(
        "Folder on this machine; the file goes to dest/NODE/src. With `flat`: the file itself, or, with a slash "
        "behind it, its folder."
    )
    flat: bool = parameter("Whether the file goes right to `dest`.", default=False)
    fail_on_missing: bool = parameter(
        "Whether a file that is absent or cannot be read is a failure.", default=True
    )
    validate_checksum: bool = parameter(
        "Whether the copy's checksum is compared with the node's.", default=True
    )


@record
class Place:
    """Where a file goes: `names` below `root`, which the user has named and may be anything."""

    root: Path
    names: tuple[str, ...]

    @property
    def path(self) -> Path:
        """The whole path."""
        return self.root.joinpath(*self.names)


def place_of(parameters: Parameters, source: str, context: NodeContext) -> Place:
    """Return where the file goes, never outside of `dest`.

    Args:
        parameters: of the task.
        source: the file's path on the node.
        context: tells the node, and the folder that a relative `dest` counts from.

    Raises:
        ModuleError: a name that would lead elsewhere.
    """
    folder = context.variables.get("playbook_dir") or Path(context.origin.path).parent
    dest = Path(folder) / user_path(parameters.dest)
    names = tuple(name for name in posixpath.normpath(f"/{source}").split("/") if name)
    if not names or "\0" in source:
        raise ModuleError(f"{source!r} is no file's path", origin=context.origin)
    if "\0" in parameters.dest:
        raise ModuleError("`dest` holds a NUL, as no path can", origin=context.origin)
    if not parameters.flat:
        if "/" in context.node or "\0" in context.node or context.node in ("", ".", ".."):
            raise ModuleError(f"{context.node!r} cannot be a folder's name", origin=context.origin)
        return Place(dest, (context.node, *names))
    if parameters.dest.endswith("/"):
        return Place(dest, names[-1:])
    if is_folder(dest):
        raise ModuleError(
            f"dest {parameters.dest!r} is a folder",
            origin=context.origin,
            hint="put a slash behind it, or name a file",
        )
    return Place(dest.parent, (dest.name,))


@contextmanager
def folder_of(place: Place, *, make: bool) -> Iterator[int | None]:
    """Open the folder that holds the file, following no link below the root.

    Yields None where it does not exist and is not to be made.

    Raises:
        ModuleError: a link or a file is in the way.
    """
    if make:
        _make_root(place)
    elif not is_folder(place.root):
        yield None
        return
    descriptor: int | None = os.open(place.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in place.names[:-1]:
            assert descriptor is not None
            inner = _enter(descriptor, name, place, make=make)
            os.close(descriptor)
            descriptor = inner
            if inner is None:
                break
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _make_root(place: Place) -> None:
    try:
        place.root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModuleError(f"the folder {place.root} cannot be made: {error.strerror}") from error


def _enter(descriptor: int, name: str, place: Place, *, make: bool) -> int | None:
    try:
        if make:
            with suppress(FileExistsError):  # most often it is there already
                os.mkdir(name, dir_fd=descriptor)
        return os.open(name, OPEN_FOLDER, dir_fd=descriptor)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModuleError(
            f"{name!r} on the way to {place.path} is a link or a file: {error.strerror}",
            hint="links below `dest` are not followed; remove it",
        ) from error


def checksums_of(place: Place) -> tuple[str, str] | None:
    """Return SHA-1 and MD5 of the regular file that is at a place already, None for anything else."""
    import hashlib

    with folder_of(place, make=False) as folder:
        if folder is None:
            return None
        try:
            descriptor = os.open(
                place.names[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder
            )
        except OSError:  # absent, or a link: it will be replaced
            return None
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            sha1, md5 = (hashlib.new(name, usedforsecurity=False) for name in ("sha1", "md5"))
            while data := file.read(PIECE):
                sha1.update(data)
                md5.update(data)
            return sha1.hexdigest(), md5.hexdigest()


def _move(sink: Path, place: Place) -> None:
    """Put the file in its place with the permissions that new files have; what was there is replaced."""
    probe = sink.with_name("probe")
    descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)  # 0666 less the umask, which cannot be read safely
    finally:
        os.close(descriptor)
    sink.chmod(mode)
    with folder_of(place, make=True) as folder:
        assert folder is not None
        _refuse_what_is_no_file(place, folder)
        try:
            os.replace(sink, place.names[-1], dst_dir_fd=folder)
        except OSError as error:
            raise ModuleError(f"{place.path} cannot be written: {error.strerror}") from error


def _refuse_what_is_no_file(place: Place, folder: int) -> None:
    """Keep devices and pipes, which a file would take the place of."""
    try:
        there = os.lstat(place.names[-1], dir_fd=folder).st_mode
    except FileNotFoundError:
        return
    if not (stat.S_ISREG(there) or stat.S_ISLNK(there) or stat.S_ISDIR(there)):
        raise ModuleError(f"{place.path} cannot be written: it is a device, a pipe or a socket")


async def procedure(parameters: Parameters, context: NodeContext) -> Result:
    """Look, and bring the file if it differs from what is here."""
    [look] = await context.operate(Stat(path=parameters.src, follow=True, checksum="sha1"))
    if look.result.get("failed"):
        return {**look.result, "changed": False}
    seen: dict[str, Any] = look.result["stat"]
    trouble = _trouble(seen)
    if trouble is not None:
        failed = {"failed": True} if parameters.fail_on_missing else {}
        return {"changed": False, "file": parameters.src, "msg": f"{parameters.src}: {trouble}", **failed}
    # the node says what ~ means; any other path is the one that is written in the playbook
    source = str(seen.get("path", parameters.src)) if parameters.src.startswith("~") else parameters.src
    place = place_of(parameters, source, context)
    import asyncio

    remote = seen["checksum"]
    try:
        local, md5sum = await asyncio.to_thread(checksums_of, place) or (None, None)
    except OSError as error:
        raise _unusable(place, error) from error
    whole: Result = {"dest": str(place.path), "checksum": remote, "remote_checksum": remote}
    if local == remote:
        same: Result = {"dest": whole["dest"], "checksum": remote, "md5sum": md5sum}
        return {"changed": False, "file": parameters.src, **same}
    if context.check:
        return {"changed": True, **whole}
    try:
        return await _bring(parameters, context, place, whole)
    except OSError as error:
        raise _unusable(place, error) from error


def _unusable(place: Place, error: OSError) -> ModuleError:
    return ModuleError(f"{place.path} cannot be written on this machine: {error.strerror}")


async def _bring(parameters: Parameters, context: NodeContext, place: Place, whole: Result) -> Result:
    """Bring the file beside its place, look at it, and move it there."""
    import asyncio
    import tempfile

    _make_root(place)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=place.root) as folder:
        sink = Path(folder) / "content"  # in a folder of mode 0700, on the same file system
        [brought] = await context.operate(Read(path=parameters.src, sink=sink))
        if brought.result.get("failed"):
            return {**brought.result, "changed": False}
        found = await asyncio.to_thread(checksums_of, Place(Path(folder), (sink.name,)))
        got, md5sum = found or (None, None)
        remote = whole["remote_checksum"]
        if parameters.validate_checksum and got != remote:
            message = f"{parameters.src} changed while it was fetched: checksum {got}, expected {remote}"
            return {"changed": False, "failed": True, "msg": message, **whole}
        _move(sink, place)
    return {"changed": True, **whole, "checksum": got, "md5sum": md5sum, "remote_md5sum": None}


def _trouble(seen: dict[str, Any]) -> str | None:
    """Return why a file cannot be fetched, or None."""
    if not seen.get("exists"):
        return "the remote file does not exist"
    if seen.get("isdir"):
        return "the remote file is a directory, and fetch takes files alone"
    if not seen.get("isreg"):
        return "the remote file is not a regular file"
    if not seen.get("checksum"):
        return "no permission to read the remote file"
    return None


MODULE = Module(
    name="fetch",
    summary="A file from the node to this machine",
    parameters=Parameters,
    procedure=procedure,
    capabilities=frozenset({Capability.FILES}),
    example="""\
- name: Last night's log
  fetch:
    src: /var/log/pump.log
    dest: logs/
""",
    returns={
        "dest": "where it is on this machine",
        "checksum": "SHA-1 of the copy",
        "md5sum": "MD5 of the copy",
        "remote_checksum": "SHA-1 of the file on the node",
        "file": "the file on the node, when nothing was brought",
    },
)
