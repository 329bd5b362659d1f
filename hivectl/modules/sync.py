"""`sync`: a folder of this machine on the node, by hash: a Pi or a board."""

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from hivectl.drivers.base import Capability
from hivectl.helper.file_operations import Find
from hivectl.helper.operations import Attributes, Directory, ItemResult, Operation, Remove, Stat, Write
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.base import Module, ModuleError, NodeContext, Result, named_source
from hivectl.modules.contents import content_of_file, mode_of
from hivectl.modules.copy import walk

# in the root of a board
PROGRAM = "hivectl"


@record(kw_only=True)
class Parameters:
    """What `sync` takes."""

    src: str = parameter(
        "Folder on this machine; with a slash behind it, what is inside the folder.", example="firmware/"
    )
    dest: str = parameter("Folder on the node.", kind="path", example="/lib")
    delete: bool = parameter(
        "Whether what is in the folder on the node alone is removed; in the root of a board not the program that "
        "`program` has put there.",
        default=False,
    )
    exclude: list[str] = parameter(
        "Globs of names, or of paths inside the folder: neither sent nor removed; `__pycache__` is always one.",
        default=[],
    )
    mode: str | None = parameter(
        "Permissions of the files; `preserve`: as they are here; absent: the node's.",
        default=None,
        kind="mode",
    )


async def procedure(parameters: Parameters, context: NodeContext) -> Result:
    """Send what differs, in one round trip; with `delete` look first, and remove in the same trip.

    Raises:
        ModuleError: `src` is no folder, or what would be removed is not meant.
    """
    source, dest = _places(parameters, context)
    left_out = ("__pycache__", *parameters.exclude)
    wanted = dict(_here(source, left_out))
    surplus: list[str] = []
    if parameters.delete:
        looked = await _there(dest, context)
        if isinstance(looked, ItemResult):
            return looked.result
        if dest == "/" and f"{PROGRAM}/settings" in looked:
            # what the module `program` has put there
            left_out += (PROGRAM, *({"main.py"} - wanted.keys()))
        surplus = _surplus(looked, wanted, left_out)
    removed = [posixpath.join(dest, name) for name in surplus]
    operations: list[Operation] = [Remove(path=path) for path in removed]
    operations += _writes(parameters, wanted, dest)
    results = await context.operate(*operations) if operations else []
    return _result(parameters, dest, operations, results)


def _places(parameters: Parameters, context: NodeContext) -> tuple[Path, str]:
    """Return the folder here, and that on the node which shall be as it is."""
    source = context.find_file(parameters.src.rstrip("/") or "/")
    if not source.is_dir():
        raise ModuleError(
            f"{source} is a file, `sync` is for folders", origin=context.origin, hint="write `copy:`"
        )
    dest = parameters.dest if parameters.src.endswith("/") else f"{parameters.dest.rstrip('/')}/{source.name}"
    return source, dest.rstrip("/") or "/"


def _excluded(name: str, globs: Sequence[str]) -> bool:
    """Return whether a path inside the folder, or a folder that it is in, is left out."""
    parts = name.split("/")
    above = ["/".join(parts[: count + 1]) for count in range(len(parts))]
    return any(
        fnmatchcase(part, glob) or fnmatchcase(path, glob.strip("/"))
        for glob in globs
        for part, path in zip(parts, above, strict=True)
    )


def _here(source: Path, exclude: Sequence[str]) -> Iterable[tuple[str, Path]]:
    """Yield what is in a folder by its path inside of it, parents first."""
    for path in walk(source, follow=True):
        name = path.relative_to(source).as_posix()
        if not _excluded(name, exclude):
            yield name, path


async def _there(dest: str, context: NodeContext) -> dict[str, bool] | ItemResult:
    """Return what is in the folder on the node, by its path inside of it, and whether each is a directory.

    The result of the operation that failed, where one did.
    """
    capabilities = (await context.connection(Capability.FILES)).capabilities
    if dest == "/" and Capability.REPL not in capabilities:
        raise ModuleError(
            "`delete` with dest / would remove the node's whole system",
            origin=context.origin,
            hint="only a board's root holds nothing but files of ours",
        )
    looks = Stat(path=dest, checksum=None), Find(paths=(dest,), kind="any", recurse=True, hidden=True)
    results = await context.operate(*looks)
    for result in results:
        if result.result.get("failed"):
            return result
    root = str(results[0].result.get("stat", {}).get("path", dest))
    files: list[Mapping[str, Any]] = results[1].result.get("files", [])
    return {posixpath.relpath(str(file["path"]), root): bool(file.get("isdir")) for file in files}


def _surplus(there: Mapping[str, bool], wanted: Mapping[str, Path], exclude: Sequence[str]) -> list[str]:
    """Return what is to be removed: what is not here, or is of another kind here; never what holds something left out."""
    kept = {name for name in there if _excluded(name, exclude)}
    holding = {above for name in kept for above in _above(name)}
    surplus = [
        name
        for name, directory in there.items()
        if name not in kept | holding and (name not in wanted or wanted[name].is_dir() != directory)
    ]
    # what is inside a folder goes with it
    gone = set(surplus)
    return sorted(name for name in surplus if not gone.intersection(_above(name)))


def _above(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _writes(parameters: Parameters, wanted: Mapping[str, Path], dest: str) -> list[Operation]:
    operations: list[Operation] = [] if dest == "/" else [Directory(path=dest)]
    for name, path in wanted.items():
        target = posixpath.join(dest, name)
        if path.is_dir():
            operations.append(Directory(path=target))
        else:
            mode = mode_of(path) if parameters.mode == "preserve" else parameters.mode
            operations.append(
                Write(
                    path=target, content=content_of_file(path, sealed=True), attributes=Attributes(mode=mode)
                )
            )
    return operations


def _result(
    parameters: Parameters, dest: str, operations: Sequence[Operation], results: Sequence[ItemResult]
) -> Result:
    done = list(zip(operations, results, strict=False))
    changed = [operation for operation, item in done if item.result.get("changed")]
    result: Result = {
        "changed": bool(changed),
        "src": parameters.src,
        "dest": dest,
        "sent": [operation.path for operation in changed if isinstance(operation, Write)],
        "removed": [operation.path for operation in changed if isinstance(operation, Remove)],
    }
    diffs = [
        item.result["diff"] for item in results if item.result.get("changed") and item.result.get("diff")
    ]
    if diffs:
        result["diff"] = diffs
    failures = [item.result for item in results if item.result.get("failed")]
    return {**result, "failed": True, "msg": failures[0].get("msg", "it failed")} if failures else result


MODULE = Module(
    name="sync",
    summary="A folder on the node, by hash",
    parameters=Parameters,
    procedure=procedure,
    capabilities=frozenset({Capability.FILES}),
    sources=named_source("src", kind="folder"),
    example="""\
- name: What runs on the board
  sync:
    src: firmware/pulse_counter/
    dest: /
    exclude: ["*.md"]
""",
    returns={
        "src": "the folder here",
        "dest": "the folder on the node",
        "sent": "the files that differed",
        "removed": "what was there alone, with `delete`",
    },
)
