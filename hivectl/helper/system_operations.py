"""Operations on a Linux system: its users, services, packages, and what else is asked for by name, not by path."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, ClassVar, Literal

from hivectl.helper.operation import Operation
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hivectl.helper.operation import Text


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
