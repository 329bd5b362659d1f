"""Edits for nodes without Python: the text comes here, the rule is applied, the new text goes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hivectl.helper.node.contents import attribute_diff, diff_of
from hivectl.helper.node.edit_rules import Edited, RuleError, edit
from hivectl.helper.node.edits import without_file
from hivectl.helper.node.paths import Failure
from hivectl.helper.sh.encode import QUOTED, frame_of
from hivectl.helper.sh.quoting import octal, quote
from hivectl.helper.sh.results import _sides
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hivectl.helper.operations import Edit, Item
    from hivectl.helper.sh.wire import Said

ATTRIBUTES = "ownership, perms or SE linux context changed"


@record
class Answered:
    """What was made of a node's text, until its result comes."""

    path: str
    before: bytes | None
    after: bytes
    edited: Edited | None
    refusal: str = ""


def answer(said: Said, plain: Mapping[str, Any]) -> tuple[Answered, bytes]:
    """Apply the rule to what the node sent; return what the result needs, and the frame that goes back."""
    path = said.fields["path"]
    before = None if said.flag("new") else said.data
    text = (before or b"").decode("utf-8", "surrogateescape")
    try:
        edited = edit(plain["edit"], text, plain["arguments"])
    except RuleError as error:
        return Answered(path, before, b"", None, str(error)), frame_of("h_verdict=fail")
    after = edited.text.encode("utf-8", "surrogateescape")
    answered = Answered(path, before, after, edited)
    if before is not None and after == before:
        return answered, frame_of("h_verdict=same")
    code = f"h_verdict=change;o_size={len(after)}"
    if not after:
        return answered, frame_of(code)
    if len(after) > QUOTED:
        return answered, frame_of(code, after)
    if b"\0" in after:
        return answered, frame_of(f"{code};o_octal={quote(octal(after))}")
    return answered, frame_of(f"{code};o_text={quote(edited.text)}")


def result_of(said: Said, item: Item, plain: Mapping[str, Any], answered: Answered | None) -> dict[str, Any]:
    """Return an edit's result."""
    operation: Edit = item.operation  # type: ignore[assignment]  # only an edit comes here
    path = said.fields["path"]
    if said.flag("without"):
        try:
            return without_file(dict(plain), path, absent=plain["arguments"].get("state") == "absent")
        except Failure as failure:
            return {"changed": False, **failure.result}
    if said.flag("pretended"):
        return {"changed": True, "path": path, "msg": "the file would be made by an earlier task"}
    if answered is None:
        raise ValueError("an edit that nobody asked about")
    if answered.edited is None:
        return {"changed": False, "failed": True, "msg": answered.refusal, "path": path}
    result: dict[str, Any] = {"changed": said.flag("changed"), "path": path, "msg": answered.edited.message}
    result["backup"] = said.fields.get("backup", "")
    if "backup_file" in said.fields:
        result["backup_file"] = said.fields["backup_file"]
    if answered.before is None and operation.edit == "block":
        result["msg"] = "File created"
    result |= answered.edited.more
    before, after = _sides(said)
    if after:
        result["msg"] = f"{result['msg']} and {ATTRIBUTES}" if result["msg"] else ATTRIBUTES
    if item.diff:
        differs = answered.before is None or answered.after != answered.before
        result["diff"] = [diff_of(path, answered.before, answered.after)] if differs else []
        if after:
            result["diff"].append(attribute_diff(path, before, after))
    return result
