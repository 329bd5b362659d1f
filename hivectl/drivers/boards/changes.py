"""What items do to a board: alone, or as code that travels with that of others; directories, removals, touches."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from hivectl.helper.node.paths import Failure
from hivectl.micropython.packing import directory_code, removal_code
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hivectl.drivers.boards.paths import Paths
    from hivectl.helper.node.paths import Pretence
    from hivectl.helper.operations import Attributes, Directory, Remove, Touch


@record
class Change:
    """What is to be done for an item.

    Attributes:
        code: for a `hivectl.micropython.packing.Pack`; None: it does not travel with others.
        alone: does it by itself.
        effect: tells the paths what there is then.
    """

    code: bytes | None
    alone: Callable[[], Awaitable[object]]
    effect: Callable[[], None]


def refuse_attributes(attributes: Attributes, path: str) -> None:
    """Fail where a mode, an owner or a group is asked for: nothing is silently ignored."""
    named = [name for name in ("mode", "owner", "group") if getattr(attributes, name) is not None]
    if named:
        raise Failure(f"files of a board have no {' and no '.join(named)}: leave that out", path=path)


async def directory(
    paths: Paths, operation: Directory, pretence: Pretence, *, check: bool, diff: bool
) -> tuple[dict[str, Any], Change | None]:
    """Carry out a `directory`: return the result, and what is to be done for it."""
    path = paths.full(operation.path)
    kind = (pretence.kind(path) if check else None) or await paths.kind(path)
    if kind == "file":
        raise Failure(f"{path} already exists as a file", path=path)
    result: dict[str, Any] = {"changed": kind == "absent", "path": path, "state": "directory"}
    if diff:
        after = {"path": path, "state": "directory"}
        result["diff"] = {"before": {**after, "state": kind}, "after": after}
    if kind != "absent":
        return result, None
    if check:
        await paths.pretend_directory(path, pretence)
        return result, None
    effect = partial(paths.made, path)
    return result, Change(directory_code(path), partial(paths.files.make_directory, path), effect)


async def remove(
    paths: Paths, operation: Remove, pretence: Pretence, *, check: bool, diff: bool
) -> tuple[dict[str, Any], Change | None]:
    """Carry out a `remove`: return the result, and what is to be done for it."""
    path = paths.full(operation.path)
    kind = (pretence.kind(path) if check else None) or await paths.kind(path)
    result: dict[str, Any] = {"changed": kind != "absent", "path": path, "state": "absent"}
    if diff:
        result["diff"] = {"before": {"path": path, "state": kind}, "after": {"path": path, "state": "absent"}}
    if kind == "absent":
        return result, None
    if path == "/":
        raise Failure("the root of a board's file system cannot be removed", path=path)
    if check:
        pretence.would(path, "absent")
        return result, None
    effect = partial(paths.removed, path)
    return result, Change(removal_code(path), partial(paths.files.remove, path), effect)


async def touch(
    paths: Paths, operation: Touch, pretence: Pretence, *, check: bool, diff: bool
) -> dict[str, Any]:
    """Carry out a `touch`."""
    path = paths.full(operation.path)
    kind = (pretence.kind(path) if check else None) or await paths.kind(path)
    result: dict[str, Any] = {"changed": False, "path": path, "dest": path}
    if kind == "absent" and not operation.make:
        raise Failure(f"file ({path}) is absent, cannot continue", path=path, state="absent")
    if operation.regular and kind == "directory":
        raise Failure(f"file ({path}) is directory, cannot continue", path=path, state="directory")
    if kind == "absent":
        result |= {"changed": True, "state": "file", "size": 0}
        if diff:
            after = {"path": path, "state": "touch"}
            result["diff"] = {"before": {**after, "state": "absent"}, "after": after}
        if check:
            pretence.would(path, "file")
        else:
            await paths.files.put(path, b"", force=True)
            paths.forget(path)
        return result
    times = (operation.access_time, operation.modification_time)
    if any(wanted not in (None, "preserve") for wanted in times) or (operation.make and None in times):
        raise Failure(
            "a board cannot set the times of its files: write `access_time: preserve` and "
            "`modification_time: preserve`",
            path=path,
        )
    if diff:
        result["diff"] = {"before": {"path": path}, "after": {"path": path}}
    return {**result, **await paths.describe(path)}
