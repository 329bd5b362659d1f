"""The job that every tool does: its files, the targets before it, and what must stand there after it."""

from __future__ import annotations

import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks import floor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.support.sshd import Sshd

HERE = Path(__file__).parent
VARIABLES: Mapping[str, Any] = {"site": "basel", "samples": 40}
LINE = 'value {number} = "it\'s $HOME, `date` and \\n stay as they are"\n'
SYSTEM = "# made by hand\ninterval=1000\nrate=9\n"
HOSTS = "localhost enabled\n"

SHOWN = 300

Entry = tuple[str, int, bytes]


class JobError(Exception):
    """A tool did not do the job: its figures would mean nothing."""


@dataclass(frozen=True, slots=True)
class Target:
    """One host of the job.

    Attributes:
        name: as in every inventory.
        sshd: the server.
    """

    name: str
    sshd: Sshd

    @property
    def tree(self) -> Path:
        """The folder that the tasks work in."""
        return self.sshd.folder / "tree"

    @property
    def variables(self) -> dict[str, Any]:
        """What the tasks may use."""
        return {**VARIABLES, "tree": str(self.tree)}


@dataclass(frozen=True, slots=True)
class Job:
    """What the tools do.

    Attributes:
        write: writes playbook and files into a folder.
        fresh: makes a host as it was before any tool came.
        verify: raises JobError unless a tool has left every host as it must be.
    """

    write: Callable[[Path], None]
    fresh: Callable[[Target], None]
    verify: Callable[[str, Sequence[Target], Path], None]


def write_project(folder: Path) -> None:
    """Write what the job is made of: the same playbook, files and templates for every tool."""
    folder.mkdir(exist_ok=True)
    shutil.copytree(HERE / "play" / "templates", folder / "templates")
    shutil.copy(HERE / "play" / "playbook.yml", folder)
    shutil.copy(HERE / "play" / "deploy.py.txt", folder / "deploy.py")
    (folder / "files").mkdir()
    for name, size in (("small.conf", 1024), ("private.key", 4096), ("larger.dat", 16384)):
        lines = (LINE.format(number=number) for number in range(size // 60 + 1))
        (folder / "files" / name).write_text("".join(lines)[:size])


def fresh(target: Target) -> None:
    """Make the host as it was before any tool came: an empty home, and a tree with two files to edit."""
    for folder in (target.tree, target.sshd.home):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o755)
    for name, text, mode in (("system.conf", SYSTEM, 0o644), ("hosts.list", HOSTS, 0o640)):
        (target.tree / name).write_text(text)
        (target.tree / name).chmod(mode)


def expected(target: Target, project: Path) -> dict[str, Entry]:
    """Return what must stand in the tree: path -> kind, mode, content."""
    host = {"name": target.name, **target.variables}
    small, private, larger = (
        (project / "files" / name).read_bytes() for name in ("small.conf", "private.key", "larger.dat")
    )
    settings, channels = floor.settings(host).encode(), floor.channels(host).encode()
    empty: Entry = ("file", 0o644, b"")
    return {
        "system.conf": ("file", 0o644, SYSTEM.replace("1000", "250").encode()),
        "hosts.list": ("file", 0o640, f"{HOSTS}{target.name} enabled\n".encode()),
        "current.ini": ("link", 0o777, f"{target.tree}/service/settings.ini".encode()),
        "service": ("directory", 0o750, b""),
        "service/small.conf": ("file", 0o644, small),
        "service/private.key": ("file", 0o600, private),
        "service/settings.ini": ("file", 0o640, settings),
        "data": ("directory", 0o755, b""),
        "data/index": empty,
        "data/larger.dat": ("file", 0o755, larger),
        "data/small.copy": ("file", 0o644, small),
        "data/channels.csv": ("file", 0o644, channels),
        "data/channels.sorted": ("file", 0o644, b"".join(sorted(channels.splitlines(keepends=True)))),
        "markers": ("directory", 0o755, b""),
        "markers/02": empty,
        "markers/03": empty,
        "markers/04": empty,
        "markers/settings.ini": ("file", 0o640, settings),
        "markers/index": empty,
        "markers/done": empty,
    }


def found(tree: Path) -> dict[str, Entry]:
    """Return what stands in a tree: path -> kind, mode, content."""
    entries: dict[str, Entry] = {}
    for path in tree.rglob("*"):
        info = path.lstat()
        mode = stat.S_IMODE(info.st_mode)
        if stat.S_ISLNK(info.st_mode):
            entry: Entry = ("link", mode, str(path.readlink()).encode())
        elif stat.S_ISDIR(info.st_mode):
            entry = ("directory", mode, b"")
        else:
            entry = ("file", mode, path.read_bytes())
        entries[str(path.relative_to(tree))] = entry
    return entries


def identities(tree: Path) -> dict[str, tuple[int, int, int, int]]:
    """Return what a run that changes nothing leaves alone: inode, mtime, ctime (ns) and mode of all."""
    infos = {path: path.lstat() for path in (tree, *tree.rglob("*"))}
    return {
        str(path): (info.st_ino, info.st_mtime_ns, info.st_ctime_ns, info.st_mode)
        for path, info in infos.items()
    }


def verify(tool: str, targets: Sequence[Target], project: Path) -> None:
    """Compare every host file by file; raises JobError with the first difference."""
    for target in targets:
        stands, should = found(target.tree), expected(target, project)
        if stands == should:
            continue
        name = min(path for path in {*stands, *should} if stands.get(path) != should.get(path))
        raise JobError(
            f"{tool}: {target.tree / name} is {str(stands.get(name))[:SHOWN]}, and should be "
            f"{str(should.get(name))[:SHOWN]}"
        )


def verify_untouched(tool: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Compare what `identities` returned; raises JobError with the first path that was touched."""
    for path in sorted({*before, *after}):
        if before.get(path) != after.get(path):
            raise JobError(
                f"{tool}: touched {path} with nothing to do: {before.get(path)} -> {after.get(path)}"
            )


TWENTY_TASKS = Job(write_project, fresh, verify)
