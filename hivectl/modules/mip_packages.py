"""MicroPython packages, resolved on this machine: which files they have, and where each comes from.

Format and names: "Package management" in MicroPython's reference manual, and micropython-lib's index (version 2).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import posixpath
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from hivectl.model.records import record
from hivectl.modules.base import ModuleError

if TYPE_CHECKING:
    from collections.abc import Callable

INDEX = "https://micropython.org/pi/v2"
SECONDS = 30.0
LARGEST = 8 << 20
HOSTS = {
    "github": "https://raw.githubusercontent.com/{owner}/{repository}/{version}/{path}",
    "gitlab": "https://gitlab.com/{owner}/{repository}/-/raw/{version}/{path}",
}
SINGLE = (".py", ".mpy")


@record(kw_only=True)
class PackageFile:
    """One file of a package.

    Attributes:
        target: path inside the folder that packages go to.
        source: URL, or path on this machine.
        digest: how its SHA-256 begins, in hexadecimal; "" where the package does not say.
    """

    target: str
    source: str
    digest: str = ""


@record(kw_only=True)
class Packages:
    """What is to be installed.

    Attributes:
        files: of all packages and of what they need, each target once.
        versions: package -> the version that was found.
    """

    files: tuple[PackageFile, ...]
    versions: dict[str, str]


async def resolve(
    names: list[str], *, version: str | None, index: str, compiled: int, find: Callable[[str], Path]
) -> Packages:
    """Find the files of packages and of what they need.

    Args:
        names: of the index, possibly with `@version`; `github:OWNER/REPOSITORY`; URLs; paths of this machine.
        version: of those that do not say; None: the latest.
        index: URL of one as micropython.org/pi/v2.
        compiled: version of .mpy files that the board takes; 0: sources.
        find: finds a file or folder of this machine.

    Raises:
        ModuleError: a package cannot be had, or is no package.
    """
    files: dict[str, PackageFile] = {}
    versions: dict[str, str] = {}
    waiting = [_versioned(name, version) for name in names]
    done: set[str] = set()
    while waiting:
        name, wanted = waiting.pop(0)
        if name in done:
            continue
        done.add(name)
        place = _place(name, wanted, index, compiled, find)
        if place.endswith(SINGLE):
            _add(files, PackageFile(target=posixpath.basename(place), source=place), name)
            continue
        described = _description(await read(place), place)
        if isinstance(described.get("version"), str):
            versions[name] = described["version"]
        for target, digest in _pairs(described, "hashes", place):
            source = f"{index.rstrip('/')}/file/{digest[:2]}/{digest}"
            _add(files, PackageFile(target=target, source=source, digest=digest), name)
        for target, source in _pairs(described, "urls", place):
            _add(files, PackageFile(target=target, source=_beside(place, source, wanted)), name)
        waiting += [_versioned(one, other) for one, other in _pairs(described, "deps", place)]
    return Packages(files=tuple(files.values()), versions=versions)


async def read(source: str, digest: str = "") -> bytes:
    """Return what a URL or file holds.

    Raises:
        ModuleError: it cannot be had, is too large, or has another digest.
    """
    content = await asyncio.to_thread(_read, source)
    if digest and not hashlib.sha256(content).hexdigest().startswith(digest):
        raise ModuleError(f"{source} is not what the package says: its SHA-256 is another one")
    return content


def _read(source: str) -> bytes:
    if not _remote(source):
        try:
            return Path(source).read_bytes()
        except OSError as error:
            raise ModuleError(f"{source} cannot be read: {error.strerror}") from error
    import http.client
    import urllib.request

    try:
        with urllib.request.urlopen(source, timeout=SECONDS) as answer:  # noqa: S310 - http and https alone, see _remote
            content: bytes = answer.read(LARGEST + 1)
    except (OSError, http.client.HTTPException) as error:
        code = getattr(error, "code", None)
        reason = (
            f"HTTP {code}" if code else getattr(error, "reason", None) or str(error) or type(error).__name__
        )
        raise ModuleError(
            f"{source} cannot be had: {reason}",
            hint="is the package's name right, and is its index in reach of this machine? `index:` names another",
        ) from error
    if len(content) > LARGEST:
        raise ModuleError(f"{source} has more than {LARGEST >> 20} MiB: no board has room for that")
    return content


def _remote(source: str) -> bool:
    return urlsplit(source).scheme in ("http", "https")


def _versioned(name: str, version: str | None) -> tuple[str, str | None]:
    if not _remote(name) and "@" in name:
        name, _, version = name.rpartition("@")
    return name, version if version not in ("", "latest") else None


def here(name: str) -> bool:
    """Tell whether a package is a file or folder of this machine."""
    if name.partition(":")[0] in HOSTS or _remote(name):
        return False
    return "/" in name or name.endswith((*SINGLE, ".json"))


def _place(name: str, version: str | None, index: str, compiled: int, find: Callable[[str], Path]) -> str:
    """Return where a package is described, or its single file."""
    scheme, _, rest = name.partition(":")
    if scheme in HOSTS:
        return _hosted(scheme, rest, version, name)
    if _remote(name):
        return name if name.endswith((*SINGLE, ".json")) else f"{name.rstrip('/')}/package.json"
    if here(name):
        path = find(name)
        return str(path / "package.json" if path.is_dir() else path)
    kind = str(compiled) if compiled else "py"
    return f"{index.rstrip('/')}/package/{kind}/{name}/{version or 'latest'}.json"


def _hosted(host: str, rest: str, version: str | None, name: str) -> str:
    parts = rest.strip("/").split("/")
    if len(parts) < 2:
        raise ModuleError(f"{name} is no package", hint=f"write {host}:OWNER/REPOSITORY or {host}:…/file.py")
    path = "/".join(parts[2:])
    if not path.endswith((*SINGLE, ".json")):
        path = posixpath.join(path, "package.json")
    return HOSTS[host].format(owner=parts[0], repository=parts[1], version=version or "HEAD", path=path)


def _beside(place: str, source: str, version: str | None) -> str:
    """Return the place of a file that a description in `place` names."""
    scheme, _, rest = source.partition(":")
    if scheme in HOSTS:
        parts = rest.strip("/").split("/")
        if len(parts) < 3:
            raise ModuleError(f"{place} names {source}, which is no file")
        path = "/".join(parts[2:])
        return HOSTS[scheme].format(owner=parts[0], repository=parts[1], version=version or "HEAD", path=path)
    if _remote(source):
        return source
    if scheme and rest.startswith("//"):
        raise ModuleError(f"{place} names {source}, which is neither http nor https")
    return urljoin(place, source) if _remote(place) else str(Path(place).parent / source)


def _description(content: bytes, place: str) -> dict[str, Any]:
    try:
        described = json.loads(content)
    except ValueError as error:
        raise ModuleError(f"{place} describes no package: {error}") from error
    if not isinstance(described, dict):
        raise ModuleError(f"{place} describes no package: it is no mapping")
    return described


def _pairs(described: dict[str, Any], key: str, place: str) -> list[tuple[str, str]]:
    found = described.get(key) or []
    pairs = (
        [pair for pair in found if isinstance(pair, list) and len(pair) == 2]
        if isinstance(found, list)
        else []
    )
    if not isinstance(found, list) or len(pairs) != len(found):
        raise ModuleError(f"{place} describes no package: `{key}` is no list of pairs")
    return [(str(first), str(second)) for first, second in pairs]


def _add(files: dict[str, PackageFile], one: PackageFile, name: str) -> None:
    target = one.target
    if not target or posixpath.normpath(target).startswith(("..", "/")) or "\\" in target:
        raise ModuleError(f"{name} would put a file at {target!r}, outside of its folder")
    files.setdefault(posixpath.normpath(target), one)
