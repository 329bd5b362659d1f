"""Operations on files that only some playbooks need; a node learns each before the first batch that has one.

They belong to the closed set of operations.py, and to the version of its protocol.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from hivectl.helper.operations import Content, Operation
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hivectl.helper.operations import Text

Algorithm: TypeAlias = Literal["md5", "sha1", "sha224", "sha256", "sha384", "sha512"]


@record(kw_only=True)
class Temporary(Operation):
    """A new file (mode 0600) or directory (0700) under a name that nothing had; in check mode nothing.

    Result: `changed: true`, `path`, `state`, `mode`, `uid`, `gid`, `owner`, `group`, `size`.

    Attributes:
        kind: what is made.
        path: directory to make it in, which must exist; `~` is expanded; None: $TMPDIR, else /tmp.
        prefix: how its name begins; eight random letters follow.
        suffix: how its name ends.
    """

    name: ClassVar[str] = "temporary"
    kind: Literal["file", "directory"] = "file"
    path: str | None = None
    prefix: str = "ansible."
    suffix: str = ""

    @property
    def idempotent(self) -> bool:
        """Each makes another one."""
        return False


@record(kw_only=True)
class Find(Operation):
    """What is below some directories, and is as asked for. It only looks: in check mode too.

    Result: `files` (as `stat` has them, without `readable` and the like: `path`, `mode`, `isdir` ... and `checksum`),
    `matched`, `examined` (how many names were looked at), `skipped_paths` (path -> reason), `msg`. A directory's
    names come sorted, files before directories, what is higher before what is deeper. More than 8,000 matches fail.

    Attributes:
        paths: where to look; one that is no directory is skipped.
        patterns: of names (not paths), any of them; globs where `*` matches a leading dot too.
        excludes: of names; wins over `patterns`.
        regex: both are regular expressions, matched at the start of the name.
        kind: of what is found; "file" is a regular one; links are never followed for this.
        contains: a regular expression that matches at the start of a line (with `whole` anywhere in the file).
        whole: read the file whole.
        encoding: of files, for `contains`; None: the node's locale.
        age: seconds since `stamp`, at least; negative: at most its absolute value.
        stamp: which time.
        size: bytes, at least; negative: at most its absolute value; of regular files alone.
        mode: permissions, octal or symbolic; with `exact` those and no others, else any of them.
        recurse: look in directories inside too.
        hidden: names with a leading dot count too (directories of such names are always looked into).
        follow: look in directories that links lead to.
        depth: how many levels at most; 0: any.
        limit: how many matches at most.
        checksum: of regular files, by this algorithm.
    """

    name: ClassVar[str] = "find"
    paths: tuple[str, ...]
    patterns: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    regex: bool = False
    kind: Literal["any", "directory", "file", "link"] = "file"
    contains: str | None = None
    whole: bool = False
    encoding: str | None = None
    age: int | None = None
    stamp: Literal["atime", "ctime", "mtime"] = "mtime"
    size: int | None = None
    mode: str | None = None
    exact: bool = True
    recurse: bool = False
    hidden: bool = False
    follow: bool = False
    depth: int = 0
    limit: int | None = None
    checksum: Algorithm | None = None


@record(kw_only=True)
class Script(Operation):
    """Send a program, run it, and remove it again.

    It is put into a directory of its own (mode 0700, in $TMPDIR, /tmp, /var/tmp or the home, where programs may be
    run), which is removed whatever happens; what a helper that was killed left there goes with the next one.
    `/bin/sh -c 'INTERPRETER FILE ARGUMENTS'` is run.
    Result: as for Run, without `cmd`; outputs keep their last newline. In check mode: `skipped`, or `changed` where
    `creates` or `removes` is given and does not stand against it.

    Attributes:
        content: the program.
        filename: its name there, without a slash.
        arguments: text for the shell behind the file's name.
        interpreter: text for the shell before it; None: the file is started by itself.
        directory: absolute path of the working directory.
        creates: path; if it exists nothing is run.
        removes: path; if it does not exist nothing is run.
        environment: added to the login's environment.
    """

    name: ClassVar[str] = "script"
    content: Content
    filename: str
    arguments: Text = ""
    interpreter: str | None = None
    directory: str | None = None
    creates: str | None = None
    removes: str | None = None
    environment: Mapping[str, Text] = field(default_factory=dict)

    @property
    def idempotent(self) -> bool:
        """A program may do anything, unless it is guarded."""
        return self.creates is not None or self.removes is not None
