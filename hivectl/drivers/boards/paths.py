"""Paths of a board: looked at many at a time, remembered until something changes them."""

from __future__ import annotations

import hashlib
import posixpath
from typing import TYPE_CHECKING, Any

from hivectl.helper.operations import Directory, Edit, Operation, Read, Remove, Stat, Touch, Write
from hivectl.micropython.files import Look

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hivectl.helper.node.paths import Pretence
    from hivectl.micropython.files import Entry, Files


class Paths:
    """What is known of a board's paths during one batch.

    Args:
        files: the board's.
    """

    def __init__(self, files: Files) -> None:
        self.files = files
        self._known: dict[Look, Entry | None] = {}

    def full(self, path: str) -> str:
        """Return a path as an absolute one: a board's home is its root."""
        if path == "~" or path.startswith("~/"):
            path = path[1:] or "/"
        full = posixpath.normpath(posixpath.join("/", path))
        # POSIX leaves two slashes at the beginning
        return "/" + full.lstrip("/")

    async def foresee(self, operations: Sequence[Operation], first: str) -> None:
        """Look at everything that operations will ask for.

        Args:
            operations: of the batch.
            first: code that runs before.
        """
        has = await self.files.features()
        wanted: dict[Look, None] = {}
        for operation in operations:
            wanted.update(dict.fromkeys(self._questions(operation, has)))
        questions = list(wanted)
        if "os.stat" not in has:
            await self.files.run(first)
            return
        found = await self.files.look(questions, first=first)
        self._known.update(zip(questions, found, strict=True))

    def _questions(self, operation: Operation, has: frozenset[str]) -> list[Look]:
        match operation:
            case Write():
                path = self.full(operation.path)
                places = [path] + ([posixpath.join(path, operation.into)] if operation.into else [])
                size = operation.content.size if "hashlib" in has else None
                parents = [Look(posixpath.dirname(place)) for place in places]
                return [Look(place, size) for place in places] + parents
            case Stat():
                return [self._stat_question(operation, has)]
            case Read() | Edit() | Directory() | Remove() | Touch():
                return [Look(self.full(operation.path))]
            case _:
                return []

    def _stat_question(self, operation: Stat, has: frozenset[str]) -> Look:
        name = operation.checksum
        able = name is not None and ("hashlib" if name == "sha256" else f"hashlib.{name}") in has
        path = self.full(operation.path)
        return Look(path, -1, name) if able and name is not None else Look(path)

    async def entry(self, question: Look) -> Entry | None:
        """Return what is at a path; asks only what is not known."""
        if question not in self._known:
            self._known[question] = (await self.files.look([question]))[0]
        return self._known[question]

    def remember(self, question: Look, entry: Entry) -> None:
        """Take in what was found by other ways."""
        self._known[question] = entry

    async def kind(self, path: str) -> str:
        """Return Ansible's word for what a path is."""
        for question, found in self._known.items():
            if question.path == path:
                return "absent" if found is None else found.kind
        found = await self.entry(Look(path))
        return "absent" if found is None else found.kind

    def forget(self, path: str) -> None:
        """Forget what was known of a path, of what is in it, and of what it is in."""
        inside = path.rstrip("/") + "/"
        self._known = {
            question: found
            for question, found in self._known.items()
            if not (
                question.path == path
                or question.path.startswith(inside)
                or (found is None and path.startswith(question.path.rstrip("/") + "/"))
            )
        }

    async def make_directory(self, path: str, pretence: Pretence, *, check: bool) -> None:
        """Make a directory and those above it, or pretend to."""
        if not check:
            await self.files.make_directory(path)
            self.forget(path)
            return
        above: list[str] = []
        while path != "/" and (pretence.kind(path) or await self.kind(path)) == "absent":
            above.append(path)
            path = posixpath.dirname(path)
        for folder in reversed(above):
            pretence.would(folder, "directory")

    async def describe(self, path: str) -> dict[str, Any]:
        """Return what file modules add to their results about a path, as far as a board knows."""
        found = await self.entry(Look(path))
        if found is None:
            return {"state": "absent"}
        return {"state": found.kind, "size": found.size}

    async def look(self, operation: Stat) -> dict[str, Any]:
        """Carry out a `stat`: Ansible's keys, as far as a board knows them."""
        question = self._stat_question(operation, await self.files.features())
        found = await self.entry(question)
        if found is None:
            return {"changed": False, "stat": {"exists": False}}
        file = found.kind == "file"
        stat: dict[str, Any] = {
            "exists": True,
            "path": question.path,
            "isdir": not file,
            "isreg": file,
            "islnk": False,
            "isfifo": False,
            "issock": False,
            "isblk": False,
            "ischr": False,
            "size": found.size,
            "mtime": float(found.mtime),
        }
        if file and operation.checksum is not None:
            digest = found.digest
            if digest is None:
                # the board cannot: its content is hashed here
                hasher = hashlib.new(operation.checksum, usedforsecurity=False)
                await self.files.get(question.path, hasher.update)
                digest = hasher.hexdigest()
            stat["checksum"] = digest
        return {"changed": False, "stat": stat}
