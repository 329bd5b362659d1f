"""`copy`: a file, a folder, or a text, from this machine to the node."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from hivectl.drivers.base import Capability
from hivectl.helper.file_operations import Duplicate
from hivectl.helper.operations import Attributes, Content, Directory, ItemResult, Link, Operation, Write
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.model.secret import Secret, mask, reveal
from hivectl.modules.attributes import (
    FILE_RETURNS,
    PLACED_RETURNS,
    PlacedParameters,
    attributes_of,
    with_source,
    write_into,
)
from hivectl.modules.base import (
    Module,
    ModuleError,
    Result,
    TaskContext,
    contradictions,
    merge_results,
    named_source,
)
from hivectl.modules.contents import content_of_file, mode_of


@record(kw_only=True)
class Parameters(PlacedParameters):
    """What `copy` takes."""

    REFUSED: ClassVar[Mapping[str, str]] = {
        **PlacedParameters.REFUSED,
        "checksum": "content is always compared by its hash",
    }

    src: str | None = parameter(
        "File or folder; with a slash behind it, what is inside the folder.", default=None
    )
    content: Any = parameter(
        "What the file shall hold; a list or mapping becomes JSON.", default=None, kind="raw"
    )
    directory_mode: str | None = parameter("Permissions of new directories.", default=None, kind="mode")
    local_follow: bool | None = parameter(
        "Whether links in `src` are followed; absent: they are, but not with `remote_src`.", default=None
    )
    decrypt: bool = parameter(
        "False: a file that ansible-vault encrypted is copied as it is. Else it is refused: nothing is decrypted.",
        default=True,
    )
    remote_src: bool = parameter("Whether `src` is on the node already.", default=False)


def complaint(parameters: Parameters) -> str | None:
    """Return what contradicts itself or is missing, or None."""
    if (parameters.src is None) == (parameters.content is None):
        return "exactly one of `src` and `content` is needed"
    return None


def operations(parameters: Parameters, context: TaskContext) -> Sequence[Operation]:
    """Return a Write for a file or text; for a folder one operation for each thing inside.

    Raises:
        ModuleError: parameters that contradict each other, or a source that cannot be read.
    """
    if (message := complaint(parameters)) is not None:
        raise ModuleError(message, origin=context.origin)
    if parameters.src is None:
        if parameters.dest.endswith("/"):
            raise ModuleError(
                f"`content` makes a file, but dest {parameters.dest!r} is a directory",
                origin=context.origin,
                hint="name the file",
            )
        return (_write(parameters, parameters.dest, content_of(parameters.content)),)
    if parameters.remote_src:
        return (_duplicate(parameters, parameters.src),)
    source = context.find_file(parameters.src.rstrip("/") or "/")
    if source.is_dir():
        return tuple(_tree(parameters, source, parameters.dest))
    if parameters.src.endswith("/"):
        raise ModuleError(f"{source} is a file, but `src` ends with a slash", origin=context.origin)
    attributes = attributes_of(parameters, mode=_mode(parameters.mode, source))
    content = content_of_file(source, sealed=not parameters.decrypt)
    above = _mode(parameters.directory_mode, source.parent)
    return (write_into(parameters, source.name, content, attributes, directory_mode=above),)


def content_of(value: object) -> Content:
    """Return the content that a value stands for: a text as it is, a list or mapping as JSON."""
    plain = reveal(value)
    text = json.dumps(plain) if isinstance(plain, dict | list | tuple) else str(plain)
    secret = isinstance(value, Secret) or (isinstance(value, dict | list | tuple) and mask(value) != plain)
    return Content.of(text.encode("utf-8", "surrogateescape"), secret=secret)


def _write(parameters: Parameters, path: str, content: Content) -> Write:
    # Ansible preserves those of the file that it puts the text into on its way
    mode = "0600" if parameters.mode == "preserve" else parameters.mode
    return Write(
        path=path,
        content=content,
        attributes=attributes_of(parameters, mode=mode),
        force=parameters.force,
        backup=parameters.backup,
        follow=parameters.follow,
        validate=parameters.validate,
    )


def _duplicate(parameters: Parameters, source: str) -> Duplicate:
    return Duplicate(
        source=source,
        path=parameters.dest,
        attributes=attributes_of(parameters),
        parents_mode=parameters.directory_mode,
        force=parameters.force,
        backup=parameters.backup,
        follow=parameters.follow,
        local_follow=parameters.local_follow is True,
        validate=parameters.validate,
    )


def _mode(mode: str | None, source: Path) -> str | None:
    return mode_of(source) if mode == "preserve" else mode


def _tree(parameters: Parameters, source: Path, dest: str) -> Iterator[Operation]:
    """Yield the files of a folder, then its directories, then its links, as Ansible does.

    Files come first so that a directory mode without write permission does not stand in their way. The folder
    itself is made for the first file in it; one that is there already keeps its permissions.
    """
    assert parameters.src is not None
    root = dest if parameters.src.endswith("/") else f"{dest.rstrip('/')}/{source.name}"
    later: list[Operation] = []
    for path in walk(source, follow=parameters.local_follow is not False):
        target = f"{root.rstrip('/')}/{path.relative_to(source).as_posix()}"
        owner, group = parameters.owner, parameters.group
        if path.is_symlink() and parameters.local_follow is False:
            later.append(Link(path=target, source=str(path.readlink()), force=True, follow=False))
        elif path.is_dir():
            mode = _mode(parameters.directory_mode, path)
            attributes = Attributes(mode=mode, owner=owner, group=group)
            later.append(Directory(path=target, attributes=attributes))
        else:
            yield Write(
                path=target,
                content=content_of_file(path, sealed=not parameters.decrypt),
                attributes=attributes_of(parameters, mode=_mode(parameters.mode, path)),
                force=parameters.force,
                backup=parameters.backup,
                follow=parameters.follow,
                validate=parameters.validate,
                make_parents=True,
                parents_mode=_mode(parameters.directory_mode, path.parent),
            )
    yield from sorted(later, key=lambda operation: isinstance(operation, Link))


def walk(folder: Path, *, follow: bool) -> Iterator[Path]:
    """Yield everything inside of a folder, sorted, parents first.

    Raises:
        ModuleError: links that lead round in a circle, or into nothing.
    """

    def inside(directory: Path, above: tuple[Path, ...]) -> Iterator[Path]:
        real = directory.resolve()
        if real in above:
            raise ModuleError(
                f"the link {directory} leads back to a folder above it",
                hint="local_follow: false keeps links",
            )
        for path in sorted(directory.iterdir()):
            if path.is_symlink() and not follow:
                yield path
            elif path.is_dir():
                yield path
                yield from inside(path, (*above, real))
            elif path.is_file():
                yield path
            elif path.is_symlink():
                raise ModuleError(
                    f"the link {path} points at nothing", hint="local_follow: false keeps links"
                )

    return inside(folder, ())


def result(parameters: Parameters, results: Sequence[ItemResult], _context: TaskContext) -> Result:
    """Merge the results; a folder's result names its place and holds the diffs of all its files."""
    merged = with_source(parameters.src, merge_results(results))
    if len(results) == 1 or merged.get("failed"):
        return merged
    whole: Result = {
        "changed": merged["changed"],
        "dest": parameters.dest.rstrip("/") + "/",
        "src": parameters.src,
    }
    diffs = [item.result["diff"] for item in results if item.result.get("diff")]
    return {**whole, "diff": diffs} if diffs else whole


MODULE = Module(
    name="copy",
    summary="A file, a folder or a text, from this machine to the node",
    parameters=Parameters,
    faults=contradictions(complaint),
    operations=operations,
    result=result,
    capabilities=frozenset({Capability.FILES}),
    sources=named_source("src", "remote_src"),
    example="""\
- name: The pump's settings
  copy:
    src: pump.toml
    dest: /etc/pump.toml
    mode: "0644"
    backup: true
""",
    returns={
        **PLACED_RETURNS,
        **FILE_RETURNS,
    },
)
