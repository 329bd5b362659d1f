"""`find`: which files, directories or links there are on the node."""

import re
from collections.abc import Sequence
from typing import Any, cast

from hivectl.drivers.base import Capability
from hivectl.helper.file_operations import Find
from hivectl.helper.operations import Operation
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.base import Module, ModuleError, TaskContext
from hivectl.modules.stat import ALGORITHMS

AGES = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
SIZES = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


@record(kw_only=True)
class Parameters:
    """What `find` takes."""

    paths: list[str] = parameter(
        "Directories on the node to look in.", aliases=("path", "name"), example=["/var/log"]
    )
    patterns: list[str] = parameter(
        "Globs of names, any of them; regular expressions with `use_regex`.", default=[], aliases=("pattern",)
    )
    excludes: list[str] | None = parameter("Such names are left out.", default=None, aliases=("exclude",))
    use_regex: bool = parameter("Whether `patterns` and `excludes` are regular expressions.", default=False)
    file_type: str = parameter(
        "What is looked for.", default="file", choices=("any", "directory", "file", "link")
    )
    contains: str | None = parameter(
        "Regular expression that a line must begin with, or with `read_whole_file` that is in the file.",
        default=None,
    )
    read_whole_file: bool = parameter("Whether `contains` may match across lines.", default=False)
    encoding: str | None = parameter("Encoding of files, for `contains`.", default=None)
    age: str | None = parameter(
        "At least so old, in s, m, h, d or w; with a minus at most.", default=None, example="2d"
    )
    age_stamp: str = parameter("Which time counts.", default="mtime", choices=("atime", "ctime", "mtime"))
    size: str | None = parameter(
        "At least so large, in b, k, m, g or t; with a minus at most.", default=None, example="10m"
    )
    mode: str | None = parameter("Permissions, octal in quotes or symbolic.", default=None, kind="mode")
    exact_mode: bool = parameter("Whether `mode` is all that is permitted, or any part of it.", default=True)
    recurse: bool = parameter("Whether directories inside are looked into.", default=False)
    depth: int | None = parameter("How many levels down.", default=None)
    hidden: bool = parameter("Whether names with a leading dot count.", default=False)
    follow: bool = parameter("Whether links to directories are followed.", default=False)
    get_checksum: bool = parameter("Whether files' checksums are reckoned.", default=False)
    checksum_algorithm: str = parameter(
        "Which checksum.", default="sha1", choices=ALGORITHMS, aliases=("checksum", "checksum_algo")
    )
    limit: int | None = parameter("How many are found at most.", default=None)


def amount(text: str | None, units: dict[str, int], what: str, context: TaskContext) -> int | None:
    """Return a number with a unit behind it.

    Raises:
        ModuleError: it is none.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(-?\d+)([a-z]?)", text.lower(), re.ASCII)
    if match is None or match[2] not in units:
        raise ModuleError(
            f"failed to process {what}: {text!r}",
            origin=context.origin,
            hint=f"a number, and one of {', '.join(unit for unit in units if unit)}",
        )
    return int(match[1]) * units[match[2]]


def operations(parameters: Parameters, context: TaskContext) -> Sequence[Operation]:
    """Return the one Find.

    Raises:
        ModuleError: an age, size or limit that is none.
    """
    if parameters.limit is not None and parameters.limit <= 0:
        raise ModuleError(
            f"limit cannot be {parameters.limit}", origin=context.origin, hint="leave it out for any number"
        )
    algorithm: Any = parameters.checksum_algorithm if parameters.get_checksum else None
    return (
        Find(
            paths=tuple(parameters.paths),
            patterns=tuple(parameters.patterns),
            excludes=tuple(parameters.excludes or ()),
            regex=parameters.use_regex,
            kind=cast("Any", parameters.file_type),  # the choices hold it
            contains=parameters.contains,
            whole=parameters.read_whole_file,
            encoding=parameters.encoding,
            age=amount(parameters.age, AGES, "age", context),
            stamp=cast("Any", parameters.age_stamp),  # the choices hold it
            size=amount(parameters.size, SIZES, "size", context),
            mode=parameters.mode,
            exact=parameters.exact_mode,
            recurse=parameters.recurse,
            hidden=parameters.hidden,
            follow=parameters.follow,
            depth=parameters.depth or 0,
            limit=parameters.limit,
            checksum=algorithm,
        ),
    )


MODULE = Module(
    name="find",
    summary="Which files, directories or links there are",
    parameters=Parameters,
    operations=operations,
    capabilities=frozenset({Capability.FILES}),
    example="""\
- name: Captures older than a week
  find:
    paths: /srv/captures
    patterns: "*.raw"
    age: 1w
    recurse: true
  register: old
""",
    check_mode="always",
    returns={
        "files": "what matches, as `stat` says it",
        "matched": "how many match",
        "examined": "how many were looked at",
        "skipped_paths": "what could not be looked at, and why",
        "msg": "whether all was looked at",
    },
)
