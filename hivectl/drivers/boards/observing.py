"""What an operation finds on a board before it acts: for plans, and for `apply --plan`, which compares.

The shape is that of `hivectl.helper.node.observe`.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from hivectl.helper.operations import Directory, Edit, Remove, Touch, Write
from hivectl.micropython.files import Look

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hivectl.drivers.boards.paths import Paths
    from hivectl.helper.operations import Operation


async def look_first(
    paths: Paths, operation: Operation, seen: Mapping[str, Any], touched: Iterable[str]
) -> dict[str, Any] | None:
    """Return what is there; None: there is nothing that the operation could change.

    Args:
        paths: of the board.
        operation: that is to be carried out.
        seen: of the item; `private` in it: without a digest of the content.
        touched: paths that this run has changed before.
    """
    if not isinstance(operation, Write | Edit | Directory | Remove | Touch):
        return None
    path = paths.full(operation.path)
    into = operation.into if isinstance(operation, Write) else None
    if into and (operation.path.endswith("/") or await paths.kind(path) == "directory"):
        path = f"{path.rstrip('/')}/{into}"
    deep = isinstance(operation, Remove)
    private = {"private": True} if "private" in seen else {}
    inside = path.rstrip("/") + "/"
    for other in touched:
        above = other.rstrip("/") + "/"
        if path == other or path.startswith(above) or (deep and other.startswith(inside)):
            return {"path": path, "kind": "as this run leaves it", **private}
    return {**await _found(paths, path, deep=deep, private=bool(private)), "path": path, **private}


async def _found(paths: Paths, path: str, *, deep: bool, private: bool) -> dict[str, Any]:
    able = "hashlib" in await paths.files.features()
    entry = await paths.entry(Look(path, None if private or not able else -1))
    if entry is None:
        return {"kind": "absent"}
    if entry.kind == "file":
        # a digest of a short secret would give it away
        return {"kind": "file", "content": entry.digest or f"{entry.mtime} {entry.size}"}
    if not deep:
        return {"kind": "directory"}
    digest = hashlib.sha256()
    for one in await paths.files.tree(path, digest=able):
        digest.update(f"{one.path} {one.kind} {one.size} {one.digest}\n".encode())
    return {"kind": "directory", "content": digest.hexdigest()}
