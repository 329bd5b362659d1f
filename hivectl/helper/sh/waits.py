"""Waits on nodes without Python: what patterns say of a text is found out here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hivectl.helper.node.paths import Failure
from hivectl.helper.node.waits import Wanted, complaint
from hivectl.helper.sh.encode import frame_of
from hivectl.helper.sh.results import about

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hivectl.helper.sh.wire import Said


def wanted_of(plain: Mapping[str, Any]) -> Wanted | str:
    """Return what is waited for, or why that cannot be; the path is the node's business."""
    try:
        return Wanted({**plain, "path": None})
    except Failure as failure:
        return str(failure)


def answer(said: Said, wanted: Wanted) -> bytes:
    """Look at what the node sent; return the frame that says whether it is as wanted."""
    if wanted.state == "drained":
        met = wanted.active(said.data.decode("ascii", "replace").splitlines()) == 0
    else:
        met = wanted.matches(said.data)
    return frame_of(f"w_met={int(met)}")


def result_of(said: Said, plain: Mapping[str, Any], wanted: Wanted) -> dict[str, Any]:
    """Return a wait's result."""
    wanted.path = said.fields.get("path") or None
    result: dict[str, Any] = {
        "changed": False,
        "state": wanted.state,
        "port": wanted.port,
        "path": wanted.path,
        "search_regex": plain.get("search_regex"),
        "match_groups": [],
        "match_groupdict": {},
        "elapsed": int(float(said.fields["e"]) - float(said.fields["b"])),
    }
    if said.flag("met"):
        there = about(said.fields["about"]) if said.fields.get("about") else {}
        return {**result, **there, **wanted.groups}
    return {**result, "failed": True, "msg": plain.get("msg") or complaint(wanted, dict(plain))}
