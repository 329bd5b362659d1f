"""Operations on files that only some playbooks need; a node learns each before the first batch that has one.

They belong to the closed set of operations.py, and to the version of its protocol.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from hivectl.helper.operations import Attributes, Content, Operation
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


@record(kw_only=True)
class Unpack(Operation):
    """The members of an archive in a directory: those that are missing or differ are written, in place of what is there.

    tar (plain, or by gzip, bzip2, xz, and zstd where the node has that program) and zip, told apart by their content.
    A member differs in its kind, size, time (whole seconds), permissions, content, a link's target, and, for root, in
    its owner; directories only in their permissions. Members without a directory of their own get one.
    Nothing is written where a member's name has `..`, is below a link that leads out of the directory, or is a device
    or pipe; where a hard link leads out; where the files need more room than there is. Slashes in front of names are
    taken off. Symbolic links are made as they are, and never written through.
    Result: `changed`, `dest`, `src`, `handler` (Ansible's word for the kind), `files` if asked for, and of the directory
    `state`, `mode`, `uid`, `gid`, `owner`, `group`, `size`; `skipped` when `creates` exists.

    Attributes:
        path: the directory; must exist.
        content: the archive; exclusive with `source`.
        source: path of the archive on the node, or a URL (http, https, ftp) that it downloads it from.
        label: the archive's name, for messages and `src`.
        creates: path; if it exists nothing is done.
        include: only these members (tar: by name, with what is inside of directories; zip: globs of whole names).
        exclude: not these members (globs; tar: of any part of the name that ends it or is a directory above it).
        strip: leading directories that are taken off the names of a tar's members; shorter ones are left out.
        keep_newer: leave files that are newer than their member.
        same_owner: for root: give members the owner that they have in a tar (by name, else by number).
        list_files: say the members' names.
        validate_certs: refuse a server that cannot prove who it is.
        attributes: of all members and their topmost directories.
    """

    name: ClassVar[str] = "unpack"
    path: str
    content: Content | None = None
    source: Text | None = None
    label: str = ""
    creates: str | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    strip: int = 0
    keep_newer: bool = False
    same_owner: bool = True
    list_files: bool = False
    validate_certs: bool = True
    attributes: Attributes = field(default_factory=Attributes)


@record(kw_only=True)
class Download(Operation):
    """Have the node bring a file by http, https, ftp or file.

    An existing file is asked for only if it is newer (`If-Modified-Since`), unless `force`; one that has `checksum` is
    not asked for at all. What comes is written beside its place and renamed, if it differs from what is there. A file
    that is cut short, or has another checksum, is not kept. A redirect to another host, or from https to http, gets
    neither password nor cookies. In check mode only the headers are asked for.
    Result: `changed`, `dest`, `url` and `msg` without passwords, `status_code`, `elapsed` in seconds, `checksum_src`
    and `checksum_dest` (sha1 of what came, and of what was there before), `md5sum`, `backup_file` if made, `state`, `mode`,
    `uid`, `gid`, `owner`, `group`, `size`.

    Attributes:
        url: what is brought.
        path: the file, or a directory that exists: the server or the URL names the file then.
        checksum: ALGORITHM:HEXADECIMAL, or ALGORITHM:URL of a file in the formats of sha256sum.
        force: ask without a condition.
        backup: keep the old file beside it with a time stamp.
        timeout: seconds that the server may be silent.
        headers: of the request.
        unredirected_headers: names of those that no redirect gets.
        user: for the server; also from the URL, or from ~/.netrc.
        password: likewise.
        basic: send them with the first request.
        use_netrc: look into ~/.netrc.
        validate_certs: refuse a server that cannot prove who it is.
        client_cert: path of a PEM file on the node.
        client_key: likewise.
        ciphers: in OpenSSL's words.
        use_proxy: heed the environment's proxies.
        agent: what the request calls us.
        decompress: unpack what the server has packed by gzip for the way.
        temporary: directory for what comes, in place of the file's own.
        attributes: of the file.
    """

    name: ClassVar[str] = "download"
    url: Text
    path: str
    checksum: str | None = None
    force: bool = False
    backup: bool = False
    timeout: float = 10.0
    headers: Mapping[str, Text] = field(default_factory=dict)
    unredirected_headers: tuple[str, ...] = ()
    user: Text | None = None
    password: Text | None = None
    basic: bool = False
    use_netrc: bool = True
    validate_certs: bool = True
    client_cert: str | None = None
    client_key: str | None = None
    ciphers: tuple[str, ...] = ()
    use_proxy: bool = True
    agent: str = "ansible-httpget"
    decompress: bool = True
    temporary: str | None = None
    attributes: Attributes = field(default_factory=Attributes)


@record(kw_only=True)
class Duplicate(Operation):
    """A copy of a file or directory that is on the node already (Ansible's copy with `remote_src`).

    A file: its content as with Write; where a file is replaced the new one gets the source's permissions. A directory:
    what is missing or has another content is copied with its permissions, nothing is removed; `attributes.mode` is for
    the directory itself, owner and group for everything.
    Result: `changed`, `dest`, `src`, `checksum` (sha1) and `md5sum` of a file, `backup_file` if made, `state`, `mode`,
    `uid`, `gid`, `owner`, `group`, `size`, `diff`.

    Attributes:
        source: path on the node; of a directory with a slash behind it what is inside, else the directory itself.
        path: where the copy goes; for a file a directory means inside of it.
        attributes: of the copy; a mode "preserve" is the source's.
        parents_mode: of directories that are made because `path` ends with a slash.
        force: replace a file whose content differs.
        backup: keep the old file beside it with a time stamp.
        follow: if `path` is a symbolic link, write what it points at; else replace the link.
        local_follow: copy what links in the source point at; else the links.
        validate: command with %s for the temporary file; nonzero refuses the change.
    """

    name: ClassVar[str] = "duplicate"
    source: str
    path: str
    attributes: Attributes = field(default_factory=Attributes)
    parents_mode: str | None = None
    force: bool = True
    backup: bool = False
    follow: bool = False
    local_follow: bool = True
    validate: str | None = None
