"""The closed, versioned set of operations that every kind of node can check and carry out.

Modules make operations, drivers carry them to a node, and the helper there (Python, sh, SFTP or
MicroPython) observes, compares, applies and reports. Each result is a mapping in the shape that
Ansible's users know: `changed`, `failed`, `msg`, `diff` and what the operation adds.
"""

from __future__ import annotations

import hashlib
from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hivectl.model.secret import Secret

PROTOCOL_VERSION = 1

Text: TypeAlias = "str | Secret"


@record
class Content:
    """Bytes that a node shall have; sent only to nodes that lack them.

    Attributes:
        sha256: hexadecimal digest.
        size: in bytes.
        source: the bytes, or the file on this machine that holds them (streamed, never loaded whole).
        secret: never shown in a diff.
    """

    sha256: str
    size: int
    source: bytes | Path = field(repr=False)
    secret: bool = False

    @classmethod
    def of(cls, data: bytes, *, secret: bool = False) -> Content:
        """Make a content of bytes in memory."""
        return cls(hashlib.sha256(data).hexdigest(), len(data), data, secret)


@record(kw_only=True)
class Operation:
    """What all operations have."""

    name: ClassVar[str] = ""

    @property
    def idempotent(self) -> bool:
        """Whether doing it twice equals doing it once, so that it may be repeated after a lost connection."""
        return True


@record(kw_only=True)
class Attributes:
    """Owner, group and mode of a path; None leaves as it is.

    Attributes:
        mode: octal ("0644") or symbolic ("u=rw,g=r"), as for chmod; "preserve" is resolved by the module.
    """

    mode: str | None = None
    owner: str | None = None
    group: str | None = None


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


@record(kw_only=True)
class Group(Operation):
    """A group of the system, by groupadd, groupmod and groupdel.

    Result: `name`, `state`, and of a present group `gid`, `system`.

    Attributes:
        group: its name.
        gid: its number; None leaves an existing group's, and lets groupadd choose.
        system: choose a number of the system's range.
        non_unique: the number may be another group's too.
        force: remove it although it is a user's own.
        gid_min: least number that groupadd may choose.
        gid_max: greatest one.
        environment: added to the login's for the tools.
    """

    name: ClassVar[str] = "group"
    group: str
    state: Literal["present", "absent"] = "present"
    gid: int | None = None
    system: bool = False
    non_unique: bool = False
    force: bool = False
    gid_min: int | None = None
    gid_max: int | None = None
    environment: Mapping[str, Text] = field(default_factory=dict)


@record(kw_only=True)
class User(Operation):
    """A user of the system, by useradd, usermod, userdel and chage; passwords through chpasswd's standard input.

    Result: `name`, `state`; of a present user `uid`, `group`, `comment`, `home`, `shell`, `groups` if asked for,
    `ssh_key_file`, `ssh_public_key`, `ssh_fingerprint` with `generate_ssh_key`.

    Attributes:
        login: the user's name.
        group: primary group, by name or number.
        groups: further groups; None leaves them, an empty tuple takes all away unless `append`.
        append: only add `groups`.
        password: a hash as in shadow(5).
        update_password: "on_create" leaves an existing user's password.
        password_lock: True locks, False unlocks, None leaves.
        expires: seconds since 1970 of the account's last day; negative: never.
        inactive: days after a password's end until the account is disabled.
        create_home: make the home if it is missing, for an existing user too.
        force: remove the user although logged in; make a key anew.
        remove: remove the home too.
    """

    name: ClassVar[str] = "user"
    login: str
    state: Literal["present", "absent"] = "present"
    uid: int | None = None
    non_unique: bool = False
    group: str | None = None
    groups: tuple[str, ...] | None = None
    append: bool = False
    comment: str | None = None
    home: str | None = None
    shell: str | None = None
    password: Text | None = None
    update_password: Literal["always", "on_create"] = "always"  # noqa: S105 - a word, no password
    password_lock: bool | None = None
    password_expire_max: int | None = None
    password_expire_min: int | None = None
    password_expire_warn: int | None = None
    inactive: int | None = None
    expires: float | None = None
    create_home: bool = True
    move_home: bool = False
    skeleton: str | None = None
    system: bool = False
    umask: str | None = None
    uid_min: int | None = None
    uid_max: int | None = None
    force: bool = False
    remove: bool = False
    generate_ssh_key: bool = False
    ssh_key_bits: int = 0
    ssh_key_type: str = "rsa"
    ssh_key_file: str | None = None
    ssh_key_comment: str | None = None
    ssh_key_passphrase: Text | None = None
    environment: Mapping[str, Text] = field(default_factory=dict)


@record(kw_only=True)
class Service(Operation):
    """A service, by systemctl(1), by service(8) and update-rc.d(8), or by OpenRC.

    Result: `name`, `state`, `enabled` as far as asked for; of systemd `status`, the unit's properties.

    Attributes:
        service: unit or init script; None only with `daemon_reload` or `daemon_reexec`.
        manager: "auto" is systemd where that runs (sd_booted(3)), else OpenRC where there is rc-service, else "sysv".
        state: "reloaded" and "restarted" start what does not run; "restarted" with init scripts is stop and start.
        enabled: whether it starts with the system.
        masked: of systemd: whether nothing can start it.
        daemon_reload: let systemd read its files again, before anything else; never counts as a change.
        daemon_reexec: execute systemd anew, likewise.
        scope: of systemd: whose manager.
        no_block: of systemd: do not wait until it is done.
        force: of systemd: replace links that are in the way.
        sleep: seconds between stop and start of an init script.
        pattern: text in the command line of a process that means that the service runs; not of systemd.
        arguments: words for the init script behind its verb.
        runlevel: of OpenRC.
    """

    name: ClassVar[str] = "service"
    service: str | None = None
    manager: Literal["auto", "systemd", "openrc", "sysv"] = "auto"
    state: Literal["started", "stopped", "restarted", "reloaded"] | None = None
    enabled: bool | None = None
    masked: bool | None = None
    daemon_reload: bool | None = None
    daemon_reexec: bool | None = None
    scope: Literal["system", "user", "global"] = "system"
    no_block: bool = False
    force: bool = False
    sleep: int | None = None
    pattern: str | None = None
    arguments: str = ""
    runlevel: str = "default"
    environment: Mapping[str, Text] = field(default_factory=dict)

    @property
    def idempotent(self) -> bool:
        """A second restart is one too many."""
        return self.state not in ("restarted", "reloaded") and not self.daemon_reexec


@record(kw_only=True)
class Cron(Operation):
    """A job or variable of cron. A job is the comment `#Ansible: ENTRY` and the line behind it.

    Result: `jobs` and `envs`, the names that are there then; `cron_file`, `backup_file` if made, `diff`.

    Attributes:
        entry: name of the job, or of the variable with `env`.
        job: what is run, or the variable's value.
        user: whose crontab; with `cron_file` the user who runs the job.
        cron_file: a file in /etc/cron.d, or an absolute path, in place of a crontab; removed when nothing is left.
        special_time: word behind `@`, in place of the five fields.
        disabled: the line becomes a comment.
        insertafter: variable that a new one is put behind; the default is the top.
        insertbefore: variable that a new one is put before.
        backup: keep the old table in a temporary file.
    """

    name: ClassVar[str] = "cron"
    entry: str
    state: Literal["present", "absent"] = "present"
    job: Text | None = None
    user: str | None = None
    cron_file: str | None = None
    minute: str = "*"
    hour: str = "*"
    day: str = "*"
    month: str = "*"
    weekday: str = "*"
    special_time: str | None = None
    disabled: bool = False
    env: bool = False
    insertafter: str | None = None
    insertbefore: str | None = None
    backup: bool = False
    environment: Mapping[str, Text] = field(default_factory=dict)


@record(kw_only=True)
class Package(Operation):
    """Packages of Debian and its kin, by apt-get with nothing asked and locks waited for.

    Order: clean, update_cache, then one of upgrade, deb, packages, autoclean, autoremove. A package that is installed
    as wanted is found by dpkg-query alone. Result: `cache_updated`, `cache_update_time`, `stdout` and `stderr` of
    apt-get where it ran, `diff.prepared`.

    Attributes:
        packages: names; `name=1.2*` asks for a version (a pattern), `name>=1.2` for at least one, `na*me` for all
            that match; with "latest" and `*` alone everything is upgraded.
        state: "present", "latest", "absent", "build-dep" (what is needed to build them) or "fixed" (--fix-broken).
        update_cache: fetch the lists first, unless they are younger than `cache_valid_time` seconds.
        update_cache_retries: how often in all, with waits of 1, 2, 4 … up to `update_cache_retry_max_delay` seconds.
        deb: paths on the node, or addresses, joined with commas.
        upgrade: "no", "yes" and "safe" (upgrade --with-new-pkgs), "full" and "dist" (dist-upgrade).
        install_recommends: None is the node's own setting.
        dpkg_options: options of dpkg without their dashes, joined with commas.
        lock_timeout: seconds to wait for another process' locks.
        policy_rc_d: exit code of policy-rc.d meanwhile; None is the node's own.
    """

    name: ClassVar[str] = "package"
    packages: tuple[str, ...] = ()
    state: Literal["present", "latest", "absent", "build-dep", "fixed"] = "present"
    update_cache: bool = False
    cache_valid_time: int = 0
    update_cache_retries: int = 5
    update_cache_retry_max_delay: int = 12
    deb: str | None = None
    upgrade: Literal["no", "yes", "safe", "full", "dist"] = "no"
    default_release: str | None = None
    install_recommends: bool | None = None
    dpkg_options: str = ""
    force: bool = False
    purge: bool = False
    autoremove: bool = False
    autoclean: bool = False
    clean: bool = False
    fail_on_autoremove: bool = False
    only_upgrade: bool = False
    allow_unauthenticated: bool = False
    allow_downgrade: bool = False
    allow_change_held_packages: bool = False
    lock_timeout: int = 60
    policy_rc_d: int | None = None
    environment: Mapping[str, Text] = field(default_factory=dict)


@record(kw_only=True)
class Pip(Operation):
    """Python packages, by pip.

    Result: as Ansible's pip: `cmd`, `name`, `version`, `state`, `requirements`, `virtualenv`, `stdout`, `stderr`.
    Changed when pip says "Successfully (un)installed", or, with requirements and repositories, when what is
    installed differs; and when the virtual environment was made.

    Attributes:
        packages: requirements as pip takes them.
        state: "latest" is install -U, "forcereinstall" that with --force-reinstall.
        requirements: file on the node, in place of `packages`.
        virtualenv: made if it has no bin/activate; relative to `chdir`.
        virtualenv_command: what makes it; plain "virtualenv" is `python -m venv` where there is none.
        executable: pip itself; else that of the virtual environment, of the helper's Python, or pip3.
        extra_args: words for pip, split like a shell's.
        chdir: where pip runs; /tmp if not given.
        umask: octal.
    """

    name: ClassVar[str] = "pip"
    packages: tuple[str, ...] = ()
    state: Literal["present", "latest", "forcereinstall", "absent"] = "present"
    version: str | None = None
    requirements: str | None = None
    virtualenv: str | None = None
    virtualenv_command: str = "virtualenv"
    virtualenv_python: str | None = None
    virtualenv_site_packages: bool = False
    executable: str | None = None
    extra_args: str | None = None
    editable: bool = False
    chdir: str | None = None
    umask: str | None = None
    break_system_packages: bool = False
    environment: Mapping[str, Text] = field(default_factory=dict)


@record(kw_only=True)
class Git(Operation):
    """A copy of a git repository at a version.

    Result: `before`, `after` (commits), `remote_url_changed`, `submodules_changed`, `archive` if written, `diff`.

    Attributes:
        repository: address; an absolute path becomes file://.
        path: of the copy; None only with clone=False, which then only asks what the version is.
        version: branch, tag or commit; "HEAD" is the copy's branch, at first the other side's default.
        clone: False: do not make a copy that is not there.
        update: False: leave a copy that is there.
        force: throw local modifications away.
        depth: commits of history.
        refspec: fetched besides.
        reference: repository on the node to borrow objects from.
        recursive: with submodules.
        track_submodules: at their branches' ends, in place of the recorded commits.
        verify_commit: fail unless the commit or tag is signed by a key that gpg trusts.
        separate_git_dir: where the repository itself is kept.
        archive: file that gets the version as .zip, .tar, .tar.gz or .tgz.
        host_keys: "no" or "accept-new" for ssh's StrictHostKeyChecking; None is its own setting.
        key_file: private key for ssh.
        ssh_opts: more options of ssh, as a shell splits them.
        executable: git itself.
        umask: octal.
    """

    name: ClassVar[str] = "git"
    repository: Text
    path: str | None = None
    version: str = "HEAD"
    remote: str = "origin"
    refspec: str | None = None
    reference: str | None = None
    depth: int | None = None
    force: bool = False
    clone: bool = True
    update: bool = True
    bare: bool = False
    recursive: bool = True
    single_branch: bool = False
    track_submodules: bool = False
    verify_commit: bool = False
    separate_git_dir: str | None = None
    archive: str | None = None
    archive_prefix: str | None = None
    host_keys: Literal["no", "accept-new"] | None = None
    key_file: str | None = None
    ssh_opts: str | None = None
    executable: str | None = None
    umask: str | None = None
    environment: Mapping[str, Text] = field(default_factory=dict)


@record(kw_only=True)
class Hostname(Operation):
    """The node's own name, now and after the next start: by hostnamectl where systemd runs, else /etc/hostname.

    Result: `name`, `diff`.
    """

    name: ClassVar[str] = "hostname"
    hostname: str
    environment: Mapping[str, Text] = field(default_factory=dict)


@record(kw_only=True)
class Fence:
    """The proof that this controller may change a node; a node refuses an older one.

    Attributes:
        store: identity of the lab's store; tokens of one store can be compared.
        token: grows with each grant on a node.
        owner: who holds it, for people.
        time_to_live: seconds for which the node believes it without hearing again.
    """

    store: str
    token: int
    owner: str
    time_to_live: float = 60.0


@record(kw_only=True)
class Become:
    """Another user on the node, by sudo.

    Attributes:
        user: whose rights.
        password: of the login, if sudo asks.
    """

    user: str = "root"
    password: Secret | None = None
    method: Literal["sudo"] = "sudo"


@record(kw_only=True)
class Item:
    """One operation in a batch.

    Attributes:
        key: names the operation in the journal, unique in a run and the same when it is resumed.
        step: items of one step share a number; after a failed step the rest of the batch is left.
        chain: items of one loop iteration share a number; after a failed item the rest of its chain is left,
            while the step's other chains go on.
        check: only say what would change.
        diff: add `diff` to the result.
        ignore_failure: the batch goes on after this step's failure.
        deadline: seconds that the operation may take once it has begun.
        seen: look first, and add what is found to the result as `seen`. A saved plan's own finding makes it a
            condition: where the node finds something else, the result is `failed` and `stale`, nothing is done, and
            the rest of the batch is left. `private` in it: without a digest of the content.
    """

    key: str
    step: int
    chain: int
    operation: Operation
    check: bool = False
    diff: bool = False
    ignore_failure: bool = False
    deadline: float | None = None
    seen: Mapping[str, Any] | None = None


@record(kw_only=True)
class Batch:
    """Operations that one node carries out in order, in one round trip.

    Attributes:
        run: identity of the run, for what the node remembers of operations in flight.
        fence: None only where nothing is locked (a command run without a reservation).
        touched: paths that this run has changed before, which no `seen` need know.
    """

    run: str
    items: tuple[Item, ...]
    fence: Fence | None = None
    touched: tuple[str, ...] = ()


@record(kw_only=True)
class ItemResult:
    """What became of one item.

    Attributes:
        index: its place in the batch.
        result: `changed`, `failed`, `skipped`, `msg`, `diff`, and what the operation adds.
        content: bytes that a Read without a sink brought.
        seconds: how long it took on the node.
        held: for how many seconds the node has kept it back for others to travel with.
    """

    index: int
    result: dict[str, Any]
    content: bytes | None = None
    seconds: float = 0.0
    held: float = 0.0


@record(kw_only=True)
class Progress:
    """What a node remembers of a run: the last operation that it began, and whether that one ended.

    Attributes:
        key: of the item; None when the node knows nothing of the run.
        ended: True with the result's `rc`, False while it runs or when it was cut off.
        running: what began it is still at it, although nobody listens.
    """

    run: str
    key: str | None = None
    ended: bool = False
    rc: int | None = None
    running: bool = False


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
