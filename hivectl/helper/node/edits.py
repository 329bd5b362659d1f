"""Edits of text files: a rule applied, and the file replaced if that changed it."""

import os

from hivectl.helper.node.contents import (
    Target,
    attribute_diff,
    back_up,
    diff_of,
    failure_of,
    make_folders,
    put,
    take_back,
)
from hivectl.helper.node.edit_rules import RuleError, edit
from hivectl.helper.node.paths import Failure, Wanted, reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hivectl.helper.node.paths import Pretence

# read whole into memory on the node
LARGEST = 64 << 20


def _read(target: Target) -> bytes:
    try:
        with open(target.path, "rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise Failure(f"{target.path} cannot be read: {reason(error)}", path=target.path) from error
    if len(data) > LARGEST:
        raise Failure(
            "%s is larger than the %d bytes that can be edited" % (target.path, LARGEST), path=target.path
        )
    return data


def _codec(arguments: "dict[str, Any]", path: str) -> "tuple[str, str]":
    """Return the encoding of a file, and what is done with bytes that are not in it; raises Failure."""
    encoding = arguments.get("encoding") or "utf-8"
    if encoding == "utf-8":
        return encoding, "surrogateescape"
    try:
        "".encode(encoding)
    except LookupError:
        raise Failure(f"there is no encoding {encoding}", path=path) from None
    return encoding, "strict"


def apply_edit(
    operation: "dict[str, Any]", pretence: "Pretence", *, check: bool, diff: bool
) -> "dict[str, Any]":
    """Carry out an `edit`."""
    arguments = operation["arguments"]
    create = operation.get("create", False)
    # a link stays a link: what it points at is edited
    aimed = dict(operation, follow=True, into=None)
    path = os.path.abspath(os.path.expandvars(os.path.expanduser(operation["path"])))
    if os.path.isdir(path) and not (check and pretence.kind(path)):
        raise Failure(f"Path {path} is a directory !", rc=256, path=path)
    absent_line = arguments.get("state") == "absent"
    kind = pretence.kind(path) if check else None
    if kind == "absent" or (kind is None and not os.path.exists(path)):
        if not create or absent_line:
            return without_file(operation, path, absent=absent_line)
        make_folders(os.path.dirname(path), pretence, check=check)
        target, before = Target(aimed, pretence, check=check), None
    else:
        target = Target(aimed, pretence, check=check)
        if target.pretended:
            # its text is only known once it is written
            return {"changed": True, "path": path, "msg": "the file would be made by an earlier task"}
        before = _read(target)
    codec = _codec(arguments, path)
    try:
        text = (before or b"").decode(*codec)
    except UnicodeDecodeError as error:
        raise Failure(f"{path} is not {codec[0]}: {error.reason} at byte {error.start}", path=path) from error
    try:
        edited = edit(operation["edit"], text, arguments)
    except RuleError as error:
        raise Failure(str(error), path=path) from error
    return _settle(operation, target, before, edited, pretence, check=check, diff=diff)


def without_file(operation: "dict[str, Any]", path: str, *, absent: bool) -> "dict[str, Any]":
    """Return the result of an edit of no file; raises Failure where there must be one."""
    if operation["edit"] == "replace":
        raise Failure(f"Path {path} does not exist !", rc=257, path=path)
    if operation["edit"] == "block":
        if absent and operation.get("create"):
            return {"changed": False, "path": path, "msg": f"File {path} not present"}
        raise Failure(f"Path {path} does not exist !", rc=257, path=path)
    if absent:
        return {"changed": False, "path": path, "msg": "file not present", "found": 0}
    raise Failure(f"Destination {path} does not exist !", rc=257, path=path)


def _settle(
    operation: "dict[str, Any]",
    target: Target,
    before: "bytes | None",
    edited: "Any",
    pretence: "Pretence",
    *,
    check: bool,
    diff: bool,
) -> "dict[str, Any]":
    path = target.path
    wanted = Wanted(operation.get("attributes") or {}, path, check=check)
    try:
        after = edited.text.encode(*_codec(operation["arguments"], path))
    except UnicodeEncodeError as error:
        raise Failure(
            "character %d of what %s would hold is not in its encoding" % (error.start, path), path=path
        ) from None  # the cause holds the text
    changed = before is None or after != before
    result: "dict[str, Any]" = {"changed": changed, "path": path, "msg": edited.message, "backup": ""}
    if before is None and operation["edit"] == "block":
        result["msg"] = "File created"
    result.update(edited.more)
    if changed and check and before is None:
        pretence.would(path, "file")
    settled: "tuple[dict[str, Any], dict[str, Any]]" = ({}, {})
    if changed and not check:
        backup = ""
        try:
            if operation.get("backup") and before is not None:
                backup = result["backup"] = result["backup_file"] = back_up(path)
            settled = put(path, [after], wanted, operation.get("validate"), target.status)
            backup = ""
        except OSError as error:
            raise failure_of(path, error) from error
        finally:
            take_back(backup)
    old, new = wanted.apply(path, check=check) if check or not changed else settled
    if new:
        result["changed"] = True
        words = "ownership, perms or SE linux context changed"
        result["msg"] = "{} and {}".format(result["msg"], words) if result["msg"] else words
    if diff:
        result["diff"] = [diff_of(path, before, after)] if changed else []
        if new:
            result["diff"].append(attribute_diff(path, old, new))
    return result
