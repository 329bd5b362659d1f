"""The closed, versioned set of operations that every kind of node can check and carry out.

Modules make operations, drivers carry them to a node, and the helper there (Python, sh, SFTP or
MicroPython) observes, compares, applies and reports. Each result is a mapping in the shape that
Ansible's users know: `changed`, `failed`, `msg`, `diff` and what the operation adds.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from hivectl.helper.batch import Batch, Become, Fence, Item, ItemResult, Progress
from hivectl.helper.operation import PROTOCOL_VERSION, Attributes, Content, Operation, Text
from hivectl.helper.system_operations import Cron, Git, Group, Hostname, Package, Pip, Service, User
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = [
    "FACT_GROUPS",
    "PROTOCOL_VERSION",
    "Attributes",
    "Batch",
    "Become",
    "Content",
    "Cron",
    "Directory",
    "Edit",
    "Facts",
    "Fence",
    "Git",
    "Group",
    "Hostname",
    "Item",
    "ItemResult",
    "Link",
    "Operation",
    "Package",
    "Pip",
    "Progress",
    "Read",
    "Remove",
    "Run",
    "Service",
    "Stat",
    "Text",
    "Touch",
    "User",
    "Wait",
    "Write",
]


@record(kw_only=True)
class Run(Operation):
    """Run a program, or a script by a shell.

    Result: `rc`, `stdout`, `stderr` (bytes decoded with surrogateescape, trailing newlines stripped if
    `strip`), `cmd`, `start`, `end`, `delta`; `failed` when rc != 0; `skipped` when `creates` exists or
    `removes` does not. In check mode: skipped unless creates/removes decide (as Ansible's command).

    Attributes:
        argv: program and arguments; exclusive with `script`.
        script: text for `executable -c`.
        shell: interpreter of `script`.
        directory: working directory.
        creates: path or glob; if it exists nothing is run.
        removes: path or glob; if it does not exist nothing is run.
        stdin: text for its standard input.
        environment: added to the login's environment.
        timeout: seconds; then the whole process group is killed.
        observes: only looks (a fact, a probe): runs in check mode too and reports changed=False.
        expand: replace `~`, `$NAME` and `${NAME}` in `argv` by the node's values (unknown names stay), as
            Ansible's command does unless `expand_argument_vars` is false.
    """

    name: ClassVar[str] = "run"
    argv: tuple[Text, ...] | None = None
    script: Text | None = None
    shell: str = "/bin/sh"
    directory: str | None = None
    creates: str | None = None
    removes: str | None = None
    stdin: Text | None = None
    environment: Mapping[str, Text] = field(default_factory=dict)
    strip: bool = True
    timeout: float | None = None
    observes: bool = False
    expand: bool = False

    @property
    def idempotent(self) -> bool:
        """A program may do anything, unless it only looks or is guarded."""
        return self.observes or self.creates is not None or self.removes is not None


@record(kw_only=True)
class Stat(Operation):
    """Look at a path. Result: `stat` as Ansible's stat module returns it (`stat.exists` always)."""

    name: ClassVar[str] = "stat"
    path: str
    follow: bool = False
    checksum: Literal["sha1", "sha224", "sha256", "sha384", "sha512", "md5"] | None = "sha1"


@record(kw_only=True)
class Read(Operation):
    """Bring a regular file back. Result: `size`, `sha256`, `source`; the bytes travel beside it.

    Attributes:
        limit: refuse files larger than this many bytes; None: any size.
        sink: file on this machine that the bytes are streamed to (mode 0600); None: into memory.
        known: sha256 of what the controller has already; equal content is not sent again.
    """

    name: ClassVar[str] = "read"
    path: str
    limit: int | None = None
    sink: Path | None = None
    known: str | None = None


@record(kw_only=True)
class Write(Operation):
    """A file with exactly this content (written beside it, then renamed over it).

    Result: as Ansible's copy: `dest`, `checksum` (sha1), `size`, `mode`, `uid`, `gid`, `owner`, `group`,
    `state: file`, `backup_file` if made, `diff`.

    Attributes:
        path: absolute, or relative to the login's home; `~` is expanded on the node.
        into: name under which the file is put if `path` is an existing directory.
        force: replace a file whose content differs; False leaves an existing file alone.
        backup: keep the old one beside it with a time stamp.
        follow: if `path` is a symbolic link, write what it points at; else replace the link.
        validate: command with %s for the temporary file; nonzero refuses the change.
        make_parents: create missing directories (Ansible: only where `dest` ends with a slash).
        parents_mode: of the directories that `make_parents` creates; existing ones keep theirs.
    """

    name: ClassVar[str] = "write"
    path: str
    content: Content
    into: str | None = None
    attributes: Attributes = field(default_factory=Attributes)
    force: bool = True
    backup: bool = False
    follow: bool = False
    validate: str | None = None
    make_parents: bool = False
    parents_mode: str | None = None


@record(kw_only=True)
class Edit(Operation):
    """Change lines of a text file.

    Attributes:
        edit: which rule: "line" (Ansible's lineinfile), "block" (blockinfile), "replace" (replace).
        arguments: the rule's parameters by their Ansible names.
        create: make the file when it is absent.
    """

    name: ClassVar[str] = "edit"
    path: str
    edit: Literal["line", "block", "replace"]
    arguments: Mapping[str, Any]
    create: bool = False
    backup: bool = False
    validate: str | None = None
    attributes: Attributes = field(default_factory=Attributes)


@record(kw_only=True)
class Directory(Operation):
    """A directory, with its missing parents. `recurse` sets the attributes of everything inside too."""

    name: ClassVar[str] = "directory"
    path: str
    attributes: Attributes = field(default_factory=Attributes)
    recurse: bool = False
    follow: bool = True


@record(kw_only=True)
class Link(Operation):
    """A symbolic or hard link at `path` to `source`. `force` replaces what is there and dangles if need be."""

    name: ClassVar[str] = "link"
    path: str
    source: str | None
    hard: bool = False
    force: bool = False
    follow: bool = True
    attributes: Attributes = field(default_factory=Attributes)


@record(kw_only=True)
class Remove(Operation):
    """Nothing at `path`: a file or link is unlinked, a directory removed with all inside it."""

    name: ClassVar[str] = "remove"
    path: str


@record(kw_only=True)
class Touch(Operation):
    """An existing path with these attributes (`make`: an empty file if there is none) and times.

    Attributes:
        make: create an empty file when absent (Ansible's state=touch); else absent is a failure (state=file).
        regular: fail where something else than a regular file or hard link is (state=file; not with no state).
        access_time: "preserve", "now", a time, or None for Ansible's default of the state.
        modification_time: likewise.
    """

    name: ClassVar[str] = "touch"
    path: str
    make: bool = False
    regular: bool = False
    follow: bool = True
    attributes: Attributes = field(default_factory=Attributes)
    access_time: str | None = None
    access_time_format: str = "%Y%m%d%H%M.%S"
    modification_time: str | None = None
    modification_time_format: str = "%Y%m%d%H%M.%S"


@record(kw_only=True)
class Facts(Operation):
    """What the node is. Result: `ansible_facts` with the asked groups only.

    Attributes:
        groups: of FACT_GROUPS.
        fact_path: the folder of the node's own `*.fact` files; None: /etc/ansible/facts.d.
    """

    name: ClassVar[str] = "facts"
    groups: tuple[str, ...]
    fact_path: str | None = None


@record(kw_only=True)
class Wait(Operation):
    """Wait on the node until a port, path or text is there, or gone (Ansible's wait_for).

    Result: `elapsed` in seconds, `state`, `path`, `port`, `match_groups`, `match_groupdict`.
    """

    name: ClassVar[str] = "wait"
    state: Literal["started", "present", "stopped", "absent", "drained"] = "started"
    host: str = "127.0.0.1"
    port: int | None = None
    path: str | None = None
    search_regex: str | None = None
    exclude_hosts: tuple[str, ...] = ()
    active_connection_states: tuple[str, ...] = ()
    delay: float = 0.0
    connect_timeout: float = 5.0
    sleep: float = 1.0
    timeout: float = 300.0
    msg: str | None = None


FACT_GROUPS = (
    "platform",
    "distribution",
    "hardware",
    "network",
    "user",
    "date_time",
    "env",
    "python",
    "virtual",
    "mounts",
    "local",
)
