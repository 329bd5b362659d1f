"""ssh_config(5): read once, then asked for each host.

asyncssh has a reader of its own, which reads the files again for each connection; at 1,000 hosts that costs
more than the handshakes do. Keywords that hivectl has no use for are skipped.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import re
import shlex
import socket
import subprocess
from dataclasses import field
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from hivectl.model.errors import InputError
from hivectl.model.origin import Origin
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# the rest of the line is one value
WHOLE_LINE = frozenset({"proxycommand", "localcommand", "remotecommand", "knownhostscommand"})
# every occurrence counts; of all other keywords the first wins
REPEATED = frozenset({"identityfile", "certificatefile"})
INCLUDE_DEPTH = 16
TOKEN = re.compile(r"%(.)")
VARIABLE = re.compile(r"\$\{(\w+)\}")


@record
class Setting:
    """One line."""

    keyword: str
    values: tuple[str, ...]
    origin: Origin


@record
class Block:
    """The lines after a Host or Match; `included` files stand where they were named."""

    kind: str
    conditions: tuple[str, ...]
    origin: Origin
    items: list[Item] = field(default_factory=list)


Item: TypeAlias = "Setting | tuple[Block, ...]"


@record(frozen=False)
class Asked:
    """A host that is looked up, and what has been found for it so far."""

    name: str
    user: str | None
    port: int | None
    found: dict[str, list[str]] = field(default_factory=dict)
    final: bool = False
    wants_final: bool = False

    @property
    def host(self) -> str:
        """The address so far."""
        return self.found.get("hostname", [self.name])[0]


def blocks_of(files: Sequence[Path]) -> tuple[Block, ...]:
    """Return the blocks of files in order of precedence; one that is missing has none."""
    return tuple(block for file in files for block in read(file))


def look_up(
    blocks: Sequence[Block], name: str, *, user: str | None, port: int | None
) -> Mapping[str, tuple[str, ...]]:
    """Return what ssh_config says of a host: lower-case keyword -> values.

    Args:
        blocks: of its files.
        name: as given by the user, which `Host` matches.
        user: if given elsewhere, for `Match user` and %r.
        port: likewise, for %p.

    Raises:
        InputError: a line that cannot be understood.
    """
    asked = Asked(name, user, port)
    _apply(blocks, asked)
    if asked.wants_final:
        asked.final = True
        # as OpenSSH: the address is settled by then
        asked.found.setdefault("hostname", [name])
        _apply(blocks, asked)
    return {keyword: tuple(values) for keyword, values in asked.found.items()}


def runs_programs(blocks: Sequence[Block]) -> bool:
    """Whether looking a host up may start programs (`Match exec`), which takes its time."""
    return any(
        (block.kind == "match" and any(word.removeprefix("!").lower() == "exec" for word in block.conditions))
        or any(runs_programs(item) for item in block.items if isinstance(item, tuple))
        for block in blocks
    )


def read(path: Path) -> tuple[Block, ...]:
    """Return a file's blocks; read again only when it has changed (not when an included one has)."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return _read(path, status.st_mtime_ns, status.st_size, 0)


@lru_cache(maxsize=64)
def _read(path: Path, _changed: int, _size: int, depth: int) -> tuple[Block, ...]:
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    blocks = [Block("all", (), Origin(str(path), 1, 1))]
    for number, line in enumerate(text.splitlines(), 1):
        origin = Origin(str(path), number, 1)
        split = _split(line, origin)
        if split is None:
            continue
        keyword, values = split
        if keyword in {"host", "match"}:
            blocks.append(Block(keyword, values, origin))
        elif keyword == "include":
            blocks[-1].items.extend(_included(path, pattern, origin, depth) for pattern in values)
        else:
            blocks[-1].items.append(Setting(keyword, values, origin))
    return tuple(blocks)


def _split(line: str, origin: Origin) -> tuple[str, tuple[str, ...]] | None:
    found = re.match(r"\s*(\w+)(?:\s*=\s*|\s+)(.*)", line)
    if found is None:
        if line.strip() and not line.lstrip().startswith("#"):
            raise InputError(f"`{line.strip()}` has no value", origin=origin)
        return None
    keyword, rest = found[1].lower(), found[2].strip()
    if keyword in WHOLE_LINE:
        return keyword, (rest,)
    try:
        values = tuple(shlex.split(rest, comments=True))
    except ValueError as error:
        raise InputError(f"{found[1]}: {error}", origin=origin) from error
    if not values:
        raise InputError(f"{found[1]} has no value", origin=origin)
    return keyword, values


def _included(path: Path, pattern: str, origin: Origin, depth: int) -> tuple[Block, ...]:
    if depth >= INCLUDE_DEPTH:
        raise InputError("Include goes too deep: a file includes itself?", origin=origin)
    wanted = Path(pattern).expanduser()
    if not wanted.is_absolute():
        system = path.is_relative_to("/etc/ssh")
        wanted = (Path("/etc/ssh") if system else Path("~/.ssh").expanduser()) / wanted
    files = sorted(Path(wanted.anchor).glob(str(wanted.relative_to(wanted.anchor))))
    blocks: list[Block] = []
    for file in files:
        status = file.stat()
        blocks.extend(_read(file, status.st_mtime_ns, status.st_size, depth + 1))
    return tuple(blocks)


def _apply(blocks: Sequence[Block], asked: Asked) -> None:
    for block in blocks:
        if not _matches(block, asked):
            continue
        for item in block.items:
            if isinstance(item, tuple):
                _apply(item, asked)
            elif item.keyword in REPEATED:
                values = asked.found.setdefault(item.keyword, [])
                values.extend(value for value in item.values if value not in values)
            elif item.keyword == "hostname" and "hostname" not in asked.found:
                asked.found["hostname"] = [item.values[0].replace("%h", asked.name).replace("%%", "%")]
            else:
                asked.found.setdefault(item.keyword, list(item.values))


def _matches(block: Block, asked: Asked) -> bool:
    if block.kind == "all":
        return True
    if block.kind == "host":
        return matches_patterns(asked.name, block.conditions)
    conditions = iter(block.conditions)
    for condition in conditions:
        negated, kind = condition.startswith("!"), condition.removeprefix("!").lower()
        if kind in {"all", "canonical", "final"}:
            holds = kind == "all" or (kind == "final" and asked.final)
            asked.wants_final |= kind == "final"
        else:
            argument = next(conditions, None)
            if argument is None:
                raise InputError(f"Match {kind} has no value", origin=block.origin)
            holds = _condition_holds(kind, argument, asked, block.origin)
        if holds == negated:
            return False
    return True


def _condition_holds(kind: str, argument: str, asked: Asked, origin: Origin) -> bool:
    subjects = {
        "host": asked.host,
        "originalhost": asked.name,
        "user": asked.user or asked.found.get("user", [getpass.getuser()])[0],
        "localuser": getpass.getuser(),
        "tagged": asked.found.get("tag", [""])[0],
    }
    if kind == "exec":
        tokens = tokens_of(asked.name, asked.host, asked.port or 22, subjects["user"])
        return _exec(expand(argument, tokens, origin=origin))
    if kind not in subjects:
        raise InputError(
            f"Match {kind} is not supported", origin=origin, hint=f"known: {', '.join(subjects)}, exec"
        )
    return matches_patterns(subjects[kind], argument.split(","))


def matches_patterns(text: str, patterns: Sequence[str]) -> bool:
    """Whether one pattern (`*`, `?`) matches and none with a `!` before it does (ssh_config(5), PATTERNS)."""
    found = False
    for pattern in patterns:
        # brackets mean themselves in ssh_config
        plain = pattern.removeprefix("!").replace("[", "[[]")
        if fnmatchcase(text, plain):
            if pattern.startswith("!"):
                return False
            found = True
    return found


@lru_cache(maxsize=256)
def _exec(command: str) -> bool:
    # as OpenSSH does: by the user's shell, and only the exit status counts
    shell = os.environ.get("SHELL", "/bin/sh")
    quiet = subprocess.DEVNULL
    return (
        subprocess.run(
            [shell, "-c", command], stdin=quiet, stdout=quiet, stderr=quiet, check=False
        ).returncode
        == 0
    )


def tokens_of(name: str, host: str, port: int, user: str, *, alias: str | None = None) -> Mapping[str, str]:
    """Return what %-tokens stand for (ssh_config(5), TOKENS)."""
    local = socket.gethostname()
    return {
        "%": "%",
        "C": hashlib.sha1(f"{local}{host}{port}{user}".encode(), usedforsecurity=False).hexdigest(),
        "d": str(Path.home()),
        "h": host,
        "i": str(os.getuid()),
        "k": alias or name,
        "L": local.split(".", maxsplit=1)[0],
        "l": local,
        "n": name,
        "p": str(port),
        "r": user,
        "u": getpass.getuser(),
    }


def expand(text: str, tokens: Mapping[str, str], *, origin: Origin | None = None) -> str:
    """Replace %-tokens and ${VARIABLES}.

    Raises:
        InputError: a token or variable that is not there.
    """

    def token(found: re.Match[str]) -> str:
        if found[1] not in tokens:
            raise InputError(f"`%{found[1]}` in `{text}` stands for nothing", origin=origin)
        return tokens[found[1]]

    def variable(found: re.Match[str]) -> str:
        if found[1] not in os.environ:
            raise InputError(f"`{text}`: the environment has no {found[1]}", origin=origin)
        return os.environ[found[1]]

    return VARIABLE.sub(variable, TOKEN.sub(token, text))
