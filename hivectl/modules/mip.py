"""`mip`: MicroPython packages on a board; this machine fetches them, the board needs no network."""

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from hivectl.drivers.base import Capability
from hivectl.helper.operations import Content, ItemResult, Operation, Stat, Write
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.base import Module, NodeContext, Result, Source
from hivectl.modules.mip_packages import INDEX, PackageFile, here, read, resolve


@record(kw_only=True)
class Parameters:
    """What `mip` takes."""

    name: list[str] = parameter(
        "Packages: names of the index, possibly with @VERSION; github:OWNER/REPOSITORY[/PATH][@VERSION]; URLs of a "
        "package.json or of a file; files and folders of this machine.",
        example=["umqtt.simple", "github:org/repo@v1.2", "files/pump/package.json"],
        aliases=("package",),
    )
    version: str | None = parameter(
        "Version of packages that do not say theirs; absent: the latest.", default=None
    )
    index: str = parameter("URL of the index.", default=INDEX)
    target: str = parameter("Folder on the board.", default="/lib", kind="path")
    mpy: bool = parameter(
        "Whether compiled packages (.mpy, smaller and faster) are taken, where the board can load them.",
        default=True,
    )


async def procedure(parameters: Parameters, context: NodeContext) -> Result:
    """Find out which files that are, ask the board which it lacks, fetch and send those.

    Raises:
        ModuleError: a package cannot be had.
    """
    packages = await resolve(
        parameters.name,
        version=parameters.version,
        index=parameters.index,
        compiled=await _compiled(context) if parameters.mpy else 0,
        find=context.find_file,
    )
    places = {posixpath.join(parameters.target, one.target): one for one in packages.files}
    # what the index knows by its digest is only fetched where the board lacks it
    known = {path: one for path, one in places.items() if one.digest}
    looks = await context.operate(*(Stat(path=path, checksum="sha256") for path in known)) if known else []
    for item in looks:
        if item.result.get("failed"):
            return item.result
    there = {path for path, look in zip(known, looks, strict=False) if _same(known[path], look)}
    writes: list[Operation] = [
        Write(path=path, content=Content.of(await read(one.source, one.digest)), make_parents=True)
        for path, one in places.items()
        if path not in there
    ]
    results = await context.operate(*writes) if writes else []
    return _result(parameters, packages.versions, list(places), writes, results)


async def _compiled(context: NodeContext) -> int:
    """Return the version of .mpy files that the board loads; 0: it loads none."""
    board: Any = await context.connection(Capability.REPL)
    found = await board.repl.evaluate("getattr(__import__('sys').implementation,'_mpy',0)&255")
    return int(found)


def _same(one: PackageFile, look: ItemResult) -> bool:
    return str(look.result.get("stat", {}).get("checksum") or "").startswith(one.digest)


def _result(
    parameters: Parameters,
    versions: dict[str, str],
    files: list[str],
    writes: list[Operation],
    results: list[ItemResult],
) -> Result:
    done = list(zip(writes, results, strict=False))
    sent = [write.path for write, item in done if isinstance(write, Write) and item.result.get("changed")]
    result: Result = {
        "changed": bool(sent),
        "name": parameters.name,
        "versions": versions,
        "files": files,
        "sent": sent,
    }
    diffs = [
        item.result["diff"] for item in results if item.result.get("changed") and item.result.get("diff")
    ]
    if diffs:
        result["diff"] = diffs
    failures = [item.result for item in results if item.result.get("failed")]
    return {**result, "failed": True, "msg": failures[0].get("msg", "it failed")} if failures else result


def sources(arguments: Mapping[str, Any]) -> Iterator[Source]:
    """Yield the packages that are on this machine."""
    for parameter_name in ("name", "package"):
        given = arguments.get(parameter_name)
        for name in given if isinstance(given, list) else [given]:
            if isinstance(name, str) and here(name) and "@" not in name:
                yield Source(parameter_name, name)


MODULE = Module(
    name="mip",
    summary="MicroPython packages on a board",
    parameters=Parameters,
    procedure=procedure,
    capabilities=frozenset({Capability.FILES, Capability.REPL}),
    free_form="name",
    sources=sources,
    example="""\
- name: It speaks MQTT
  mip:
    name: [umqtt.simple, umqtt.robust]
""",
    returns={
        "name": "as it was asked for",
        "versions": "package: the version that was found",
        "files": "the packages' files on the board",
        "sent": "those that the board lacked",
    },
)
