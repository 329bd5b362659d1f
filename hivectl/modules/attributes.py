"""The parameters of everything that has an owner, a group and a mode, and of what is put on a node."""

from collections.abc import Mapping
from typing import ClassVar

from hivectl.helper.operations import Attributes, Content, Write
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.base import Result
from hivectl.modules.commands import with_lines


@record(kw_only=True)
class AttributeParameters:
    """Owner, group and mode; absent ones stay as they are."""

    REFUSED: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("selevel", "serole", "setype", "seuser"), "SELinux: `command: chcon ...`"),
        **dict.fromkeys(("attributes", "attr"), "attributes of the file system: `command: chattr ...`"),
        "unsafe_writes": "files are always replaced at once",
    }

    mode: str | None = parameter(
        "Permissions: octal in quotes, or symbolic.", default=None, kind="mode", example="0644"
    )
    owner: str | None = parameter("Name or number of the owner.", default=None)
    group: str | None = parameter("Name or number of the group.", default=None)


@record(kw_only=True)
class PlacedParameters(AttributeParameters):
    """What everything takes that puts a file of this machine on the node."""

    dest: str = parameter(
        "Where on the node; with a slash behind it, or if it is a directory, inside of it.", kind="path"
    )
    force: bool = parameter("Whether a file with other content is replaced.", default=True)
    backup: bool = parameter("Whether the old file is kept beside it, with a time stamp.", default=False)
    follow: bool = parameter("Whether a link at `dest` is followed.", default=False)
    validate: str | None = parameter(
        "Command with %s for the new file; nonzero refuses the change.", default=None
    )


@record(kw_only=True)
class EditParameters(AttributeParameters):
    """What everything takes that edits a text file on the node."""

    path: str = parameter("The file on the node.", aliases=("dest", "destfile", "name"), kind="path")
    backup: bool = parameter("Whether the old file is kept beside it, with a time stamp.", default=False)
    validate: str | None = parameter(
        "Command with %s for the new file; nonzero refuses the change.", default=None, example="visudo -cf %s"
    )


def attributes_of(parameters: AttributeParameters, *, mode: str | None = None) -> Attributes:
    """Return a task's attributes for an operation; `mode` is used in place of the parameter's, if given."""
    return Attributes(mode=mode or parameters.mode, owner=parameters.owner, group=parameters.group)


def write_into(
    parameters: PlacedParameters,
    name: str,
    content: Content,
    attributes: Attributes,
    *,
    directory_mode: str | None = None,
) -> Write:
    """Return the Write of a file that keeps its name where `dest` is a directory.

    Args:
        parameters: of the task.
        name: of the file on this machine.
        content: what it holds.
        attributes: what it gets.
        directory_mode: of directories that are made for it.
    """
    inside = parameters.dest.endswith("/")
    return Write(
        path=parameters.dest + name if inside else parameters.dest,
        into=name,
        content=content,
        attributes=attributes,
        force=parameters.force,
        backup=parameters.backup,
        follow=parameters.follow,
        validate=parameters.validate,
        make_parents=inside,
        parents_mode=directory_mode,
    )


def with_source(source: str | None, result: Result) -> Result:
    """Add what Ansible's users expect of a file that was put on the node.

    Args:
        source: as the task names it; None: a text.
        result: of the operations.
    """
    result = with_lines(result) if "exit_status" in result else result
    return result if source is None else {"src": source, **result}


PLACED_RETURNS = {
    "dest": "where it is",
    "src": "where it came from",
    "checksum": "SHA-1 of the content",
    "md5sum": "MD5 of the content, when it was changed",
    "backup_file": "the old file, if kept",
    "exit_status": "of a `validate` that refused it, beside its stdout and stderr",
}

FILE_RETURNS = {
    "state": "what is there",
    "mode": "its permissions",
    "uid": "its owner's number",
    "gid": "its group's number",
    "owner": "its owner",
    "group": "its group",
    "size": "its size in bytes",
}

EDIT_RETURNS = {"path": "the file", "backup_file": "the old file, if kept"}
