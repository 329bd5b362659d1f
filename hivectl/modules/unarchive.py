"""`unarchive`: the content of an archive, in a directory of the node."""

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

from hivectl.drivers.base import Capability
from hivectl.helper.file_operations import Unpack
from hivectl.helper.operations import Operation
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.model.secret import Secret
from hivectl.modules.attributes import FILE_RETURNS, AttributeParameters, attributes_of
from hivectl.modules.base import Module, ModuleError, TaskContext, named_source
from hivectl.modules.commands import reveal_text
from hivectl.modules.contents import content_of_file

STRIP = re.compile(r"--strip(?:-components)?=(\d+)")
# what is so anyway
NEEDLESS = frozenset({"--overwrite", "--no-overwrite-dir", "-p", "--preserve-permissions", "--same-owner"})


@record(kw_only=True)
class Parameters(AttributeParameters):
    """What `unarchive` takes."""

    REFUSED: ClassVar[Mapping[str, str]] = {
        **AttributeParameters.REFUSED,
        "decrypt": "leave it out: files of ansible-vault are refused, nothing is decrypted",
        "io_buffer_size": "leave it out: it changes nothing",
    }

    src: str | Secret = parameter(
        "The archive on this machine; with `remote_src` on the node, or a URL that the node downloads it from."
    )
    dest: str = parameter("The directory on the node; must exist.", kind="path")
    remote_src: bool = parameter("Whether the archive is on the node already.", default=False)
    copy: bool | None = parameter("The old word for the opposite of `remote_src`.", default=None)
    creates: str | None = parameter(
        "A path on the node; if it exists, nothing is done.", default=None, kind="path"
    )
    list_files: bool = parameter("Whether the result has the names of all members.", default=False)
    keep_newer: bool = parameter("Whether files that are newer than their member stay.", default=False)
    include: list[str] = parameter("Only these members.", default=[])
    exclude: list[str] = parameter("Not these members; globs.", default=[])
    extra_opts: list[str] = parameter(
        "Options of tar: --strip-components=N and --no-same-owner are known.", default=[]
    )
    validate_certs: bool = parameter("Whether a URL's server must prove who it is.", default=True)


def operations(parameters: Parameters, context: TaskContext) -> Sequence[Operation]:
    """Return the one Unpack.

    Raises:
        ModuleError: parameters that contradict each other, options that are not known, no archive.
    """
    if parameters.copy is not None and parameters.remote_src:
        raise ModuleError("only one of `copy` and `remote_src` can be given", origin=context.origin)
    if parameters.include and parameters.exclude:
        raise ModuleError("only one of `include` and `exclude` can be given", origin=context.origin)
    strip, same_owner = options_of(parameters.extra_opts, context)
    remote = parameters.remote_src or parameters.copy is False
    source = reveal_text(parameters.src)
    content = None
    if not remote:
        if "://" in source:
            raise ModuleError(
                "a URL is only for remote_src: true", origin=context.origin, hint="the node downloads it"
            )
        path = context.find_file(source)
        if path.is_dir():
            raise ModuleError(f"{path} is a folder, not an archive", origin=context.origin)
        content = content_of_file(path)
    return (
        Unpack(
            path=parameters.dest,
            content=content,
            source=parameters.src if remote else None,
            label="" if remote else source,
            creates=parameters.creates,
            include=tuple(parameters.include),
            exclude=tuple(parameters.exclude),
            strip=strip,
            keep_newer=parameters.keep_newer,
            same_owner=same_owner,
            list_files=parameters.list_files,
            validate_certs=parameters.validate_certs,
            attributes=attributes_of(parameters),
        ),
    )


def options_of(options: Sequence[str], context: TaskContext) -> tuple[int, bool]:
    """Return how many leading directories are taken off, and whether owners are kept.

    Raises:
        ModuleError: another option of tar or unzip.
    """
    strip, same_owner = 0, True
    words = list(options)
    while words:
        word = words.pop(0)
        if word in ("--strip", "--strip-components") and words:
            word += f"={words.pop(0)}"
        if match := STRIP.fullmatch(word):
            strip = int(match[1])
        elif word in ("--no-same-owner", "-o"):
            same_owner = False
        elif word not in NEEDLESS:
            raise ModuleError(
                f"extra_opts: {word!r} is not supported",
                origin=context.origin,
                hint="--strip-components=N and --no-same-owner are; `command: tar ...` takes all others",
            )
    return strip, same_owner


MODULE = Module(
    name="unarchive",
    summary="The content of an archive, in a directory",
    parameters=Parameters,
    operations=operations,
    capabilities=frozenset({Capability.FILES}),
    sources=named_source("src", "remote_src", "copy", "creates", kind="file"),
    example="""\
- name: The tool chain
  unarchive:
    src: oss-cad-suite.tgz
    dest: /opt
    creates: /opt/oss-cad-suite/VERSION
""",
    returns={
        "dest": "the directory",
        "src": "the archive",
        "handler": "how the archive is packed, in Ansible's words",
        "files": "the members, with `list_files`",
        **FILE_RETURNS,
    },
)
