"""What an operation finds before it acts on a node without Python: asked and told in the words of helper/node/observe.py.

The node (node/observe.sh) tells a path and a state, `kind|mode|owner|group|content|target`; of a program only whether it
would run, which is a digest there.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from hivectl.helper.sh.quoting import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hivectl.helper.operations import Item
    from hivectl.helper.sh.wire import Said

# operations that follow links unless they are told otherwise
FOLLOWING = frozenset({"directory", "edit", "touch"})
NAMES = ("mode", "owner", "group", "content", "target")
NUMBERS = frozenset({"owner", "group"})


def question(name: str, plain: Mapping[str, Any], seen: Mapping[str, Any]) -> str:
    """Return the words with which the node is asked to look: how, whether anything is known, path and state.

    Args:
        name: of the operation.
        plain: the operation.
        seen: what it must find; without more than `private` in it, whatever it finds.
    """
    how = "f" if plain.get("follow", name in FOLLOWING) else ""
    how += "d" if name == "remove" or plain.get("recurse") else ""
    how += "p" if "private" in seen else ""
    known = set(seen) - {"private"}
    words = [how, str(int(bool(known))), str(seen.get("path", "")), _state(seen) if known else ""]
    return " ".join(map(quote, words))


def _state(seen: Mapping[str, Any]) -> str:
    if "digest" in seen:
        return next((state for state, digest in _programs().items() if digest == seen["digest"]), "?")
    return "|".join([str(seen.get("kind")), *(str(seen.get(name, "")) for name in NAMES)])


def _programs() -> dict[str, str]:
    """Return the digests that the Python helper makes of what a check of a program says."""
    return {
        state: hashlib.sha256(json.dumps({"would": would}).encode()).hexdigest()
        for state, would in (("runs", True), ("skipped", False))
    }


def found(said: Said, item: Item | None) -> dict[str, Any]:
    """Return what the node has found; `stale` in it: it is not what it must be."""
    private = item is not None and item.seen is not None and "private" in item.seen
    made: dict[str, Any] = {"private": True} if private else {}
    if said.flag("stale"):
        made["stale"] = True
    if not said.fields["path"]:
        return made | {"digest": _programs()[said.fields["state"]]}
    kind, *values = said.fields["state"].split("|", len(NAMES))
    made |= {"kind": kind, "path": said.fields["path"]}
    return made | {
        name: int(value) if name in NUMBERS else value
        for name, value in zip(NAMES, values, strict=True)
        if value
    }


def put(result: dict[str, Any], seen: dict[str, Any] | None) -> None:
    """Add what was found to an item's result, as the Python helper does: not to that of a failure, unless it is stale."""
    if seen is None:
        return
    stale = seen.pop("stale", False)
    if stale:
        result["stale"] = True
    if stale or not result.get("failed"):
        result["seen"] = seen
