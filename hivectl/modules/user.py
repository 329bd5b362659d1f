"""`user`: a user of the system."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, cast

from hivectl.drivers.base import Capability
from hivectl.helper.operations import ItemResult, Operation, User
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.model.secret import Secret
from hivectl.modules.base import Module, ModuleError, Result, TaskContext, merge_results
from hivectl.modules.commands import environment_of, reveal_text, with_lines


@record(kw_only=True)
class Parameters:
    """What `user` takes."""

    REFUSED: ClassVar[Mapping[str, str]] = {
        "local": "leave it out: useradd and usermod change the files of the node itself",
        "seuser": "call `semanage login` by `command`",
        "login_class": "it is of another system than Linux: leave it out",
        "profile": "it is of another system than Linux: leave it out",
        "authorization": "it is of another system than Linux: leave it out",
        "role": "it is of another system than Linux: leave it out",
        "hidden": "it is of another system than Linux: leave it out",
    }

    name: str = parameter("The user's name.", aliases=("user",))
    state: str = parameter(
        "Whether the user shall be there.", default="present", choices=("absent", "present")
    )
    uid: int | None = parameter("The user's number.", default=None)
    non_unique: bool = parameter("Whether `uid` may be another user's number too.", default=False)
    group: str | None = parameter("Primary group, by name or number; it must be there.", default=None)
    groups: list[str] | None = parameter(
        "Further groups; an empty list takes all away. Absent: as they are.", default=None
    )
    append: bool = parameter("Whether `groups` are added to those the user has.", default=False)
    comment: str | None = parameter("The user's full name, or what else describes the account.", default=None)
    home: str | None = parameter("The home directory.", default=None, kind="path")
    shell: str | None = parameter("The login shell.", default=None, kind="path")
    password: str | Secret | None = parameter(
        "The password's hash as in shadow(5); `*` for none. It is never shown, nor seen among the node's processes.",
        default=None,
    )
    update_password: str = parameter(
        "Whether an existing user's password is changed too.",
        default="always",
        choices=("always", "on_create"),
    )
    password_lock: bool | None = parameter("Whether the password is locked.", default=None)
    password_expire_max: int | None = parameter("Days after which a password must be changed.", default=None)
    password_expire_min: int | None = parameter(
        "Days before which it may not be changed again.", default=None
    )
    password_expire_warn: int | None = parameter("Days of warning before it ends.", default=None)
    password_expire_account_disable: int | None = parameter(
        "Days after a password's end until the account is disabled.", default=None
    )
    expires: float | None = parameter(
        "The account's last day in seconds since 1970; negative: never.", default=None
    )
    create_home: bool = parameter("Whether a missing home is made.", default=True, aliases=("createhome",))
    move_home: bool = parameter("Whether the old home's content moves to a new `home`.", default=False)
    skeleton: str | None = parameter("Directory whose content a new home gets.", default=None)
    system: bool = parameter("Whether a new user is one of the system's.", default=False)
    umask: str | None = parameter("Umask of a new home, octal.", default=None, example="077")
    uid_min: int | None = parameter("Least number that the node may choose.", default=None)
    uid_max: int | None = parameter("Greatest number that the node may choose.", default=None)
    force: bool = parameter(
        "Whether a user is removed although logged in, and a key made anew.", default=False
    )
    remove: bool = parameter("Whether the home goes with the user.", default=False)
    generate_ssh_key: bool = parameter(
        "Whether the user gets an SSH key; one that is there stays.", default=False
    )
    ssh_key_bits: int = parameter("Length of the key in bits; 0: ssh-keygen's choice.", default=0)
    ssh_key_type: str = parameter("Kind of the key.", default="rsa")
    ssh_key_file: str | None = parameter(
        "File of the key, relative to the home; absent: .ssh/id_ and its kind.", default=None, kind="path"
    )
    ssh_key_comment: str | None = parameter(
        "The key's comment; absent: `ansible-generated on` and the node, as Ansible has it.", default=None
    )
    ssh_key_passphrase: str | Secret | None = parameter(
        "What protects the key; absent: nothing.", default=None
    )


def operations(parameters: Parameters, context: TaskContext) -> Sequence[Operation]:
    """Return the one User.

    Raises:
        ModuleError: groups to append that are not given, a password that cannot be a hash.
    """
    password = parameters.password
    if password is not None and set(reveal_text(password)) & set(":\n"):
        raise ModuleError(
            "`password` is not a hash as in shadow(5): it has a colon or a newline",
            origin=context.origin,
            hint="make one by the filter `password_hash`, or by mkpasswd(1)",
        )
    if parameters.append and parameters.groups is None:
        raise ModuleError("`append` needs `groups`", origin=context.origin)
    return (
        User(
            login=parameters.name,
            state=cast("Literal['present', 'absent']", parameters.state),  # the choices hold it
            uid=parameters.uid,
            non_unique=parameters.non_unique,
            group=parameters.group,
            groups=None
            if parameters.groups is None
            else tuple(name.strip() for name in parameters.groups if name.strip()),
            append=parameters.append,
            comment=parameters.comment,
            home=parameters.home,
            shell=parameters.shell,
            # whoever writes a hash as plain text did not want it in the journal either
            password=None if password is None else Secret(reveal_text(password)),
            update_password=cast("Literal['always', 'on_create']", parameters.update_password),
            password_lock=parameters.password_lock,
            password_expire_max=parameters.password_expire_max,
            password_expire_min=parameters.password_expire_min,
            password_expire_warn=parameters.password_expire_warn,
            inactive=parameters.password_expire_account_disable,
            expires=parameters.expires,
            create_home=parameters.create_home,
            move_home=parameters.move_home,
            skeleton=parameters.skeleton,
            system=parameters.system,
            umask=parameters.umask,
            uid_min=parameters.uid_min,
            uid_max=parameters.uid_max,
            force=parameters.force,
            remove=parameters.remove,
            generate_ssh_key=parameters.generate_ssh_key,
            ssh_key_bits=parameters.ssh_key_bits,
            ssh_key_type=parameters.ssh_key_type,
            ssh_key_file=parameters.ssh_key_file,
            ssh_key_comment=parameters.ssh_key_comment,
            ssh_key_passphrase=parameters.ssh_key_passphrase,
            environment=environment_of(context),
        ),
    )


def result(_parameters: Parameters, results: Sequence[ItemResult], _context: TaskContext) -> Result:
    """Add the lines of what the tools said."""
    return with_lines(merge_results(results))


MODULE = Module(
    name="user",
    summary="A user of the system",
    parameters=Parameters,
    operations=operations,
    result=result,
    capabilities=frozenset({Capability.RUN}),
    example="""\
- name: Who captures
  user:
    name: capture
    groups: [dialout, plugdev]
    append: true
    shell: /bin/bash
""",
    returns={
        "name": "the user",
        "state": "present or absent",
        "uid": "the user's number",
        "group": "number of the primary group",
        "groups": "the groups that were asked for",
        "comment": "the full name",
        "home": "the home directory",
        "shell": "the login shell",
        "ssh_key_file": "file of the key",
        "ssh_public_key": "its public part",
        "ssh_fingerprint": "its fingerprint",
    },
)
