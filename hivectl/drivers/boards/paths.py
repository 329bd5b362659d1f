"""Paths of a board: looked at many at a time, remembered until something changes them."""

from __future__ import annotations

import hashlib
import posixpath
from typing import TYPE_CHECKING, Any

from hivectl.helper.operations import Directory, Edit, Read, Remove, Stat, Touch, Write
from hivectl.micropython.files import Entry, Look

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hivectl.helper.node.paths import Pretence
    from hivectl.helper.operations import Content, Item
    from hivectl.micropython.files import Files

# what is at a path that nobody has looked at
UNKNOWN = Entry("", "", 0, 0)


class Paths:
    """What is known of a board's paths during one batch.

    Args:
        files: the board's.
    """

    def __init__(self, files: Files) -> None:
        self.files = files
        self._known: dict[str, dict[Look, Entry | None]] = {}
        self._has: frozenset[str] = frozenset()
        # paths that are as items which wait will leave them
        self._expected: set[str] = set()

    def full(self, path: str) -> str:
        """Return a path as an absolute one: a board's home is its root."""
        if path == "~" or path.startswith("~/"):
            path = path[1:] or "/"
        full = posixpath.normpath(posixpath.join("/", path))
        # POSIX leaves two slashes at the beginning
        return "/" + full.lstrip("/")

    async def foresee(self, items: Sequence[Item], first: str) -> None:
        """Look at everything that items will ask for.

        Args:
            items: of the batch.
            first: code that runs before.
        """
        has = self._has = await self.files.features()
        questions = list(dict.fromkeys(question for item in items for question in self._questions(item)))
        if "os.stat" not in has:
            await self.files.run(first)
            return
        for question, entry in zip(questions, await self.files.look(questions, first=first), strict=True):
            self._known.setdefault(question.path, {})[question] = entry

    def _questions(self, item: Item) -> list[Look]:
        able = "hashlib" in self._has
        # who looks first wants the digest of what is there, whatever its size
        first = item.seen is not None and "private" not in item.seen and able
        match item.operation:
            case Write() as operation:
                path = self.full(operation.path)
                places = [path] + ([posixpath.join(path, operation.into)] if operation.into else [])
                size = operation.content.size if able else None
                looks = [Look(place, -1 if first else size) for place in places]
                if item.seen is not None and not first:
                    looks += [Look(place) for place in places]
                return looks + [Look(posixpath.dirname(place)) for place in places]
            case Stat() as operation:
                return [self._stat_question(operation, self._has)]
            case Edit() | Directory() | Remove() | Touch() as operation:
                return [Look(self.full(operation.path), -1 if first else None)]
            case Read() as operation:
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
        known = self._known.setdefault(question.path, {})
        whole = Look(question.path, -1)
        if question.size is not None and question.algorithm == whole.algorithm and whole in known:
            return known[whole]
        if question not in known:
            known[question] = (await self.files.look([question]))[0]
        return known[question]

    def remember(self, question: Look, entry: Entry) -> None:
        """Take in what was found by other ways."""
        self._known.setdefault(question.path, {})[question] = entry

    async def kind(self, path: str) -> str:
        """Return Ansible's word for what a path is."""
        found = self._found(path)
        if found is UNKNOWN:
            found = await self.entry(Look(path))
        return "absent" if found is None else found.kind

    def _found(self, path: str) -> Entry | None:
        return next(iter(self._known.get(path, {}).values()), UNKNOWN)

    def forget(self, path: str) -> None:
        """Forget what was known of a path, of what is in it, and of what it is in."""
        inside = path.rstrip("/") + "/"
        self._known = {
            place: known
            for place, known in self._known.items()
            if not (
                place == path
                or place.startswith(inside)
                or (self._found(place) is None and path.startswith(place.rstrip("/") + "/"))
            )
        }

    # ---- what items do that wait for others to travel with

    def knows(self, item: Item) -> bool:
        """Whether an item's change can be told without a look at the board, which is not yet as it is expected."""
        operation = item.operation
        if not isinstance(operation, Write | Directory | Remove):
            return False
        first = item.seen is not None
        if first and isinstance(operation, Remove):
            return False
        for question in self._questions(item):
            found = self._found(question.path)
            if found is UNKNOWN or (first and question.path in self._expected):
                return False
            file = found is not None and found.kind == "file"
            exact = question.size is None or question in self._known[question.path]
            if file and isinstance(operation, Write) and (question.path in self._expected or not exact):
                return False
        return True

    def settle(self) -> None:
        """Take in that the board is as it was expected."""
        self._expected.clear()

    def made(self, path: str) -> None:
        """Expect a directory, and those above it; what was absent in them still is."""
        while path != "/" and (self._found(path) in (None, UNKNOWN)):
            self._expect(path, Look(path, 0), Entry(path, "directory", 0, 0))
            path = posixpath.dirname(path)

    def wrote(self, path: str, content: Content) -> None:
        """Expect a file; only its content is known."""
        question = Look(path, content.size)
        self._expect(path, question, Entry(path, "file", content.size, 0, content.sha256))

    def removed(self, path: str) -> None:
        """Expect nothing at a path."""
        inside = path.rstrip("/") + "/"
        self._known.setdefault(path, {Look(path): None})
        for place, known in self._known.items():
            if place == path or place.startswith(inside):
                self._known[place] = dict.fromkeys(known)
                self._expected.add(place)

    def _expect(self, path: str, question: Look, entry: Entry) -> None:
        self._known[path] = {question: entry}
        self._expected.add(path)

    async def pretend_directory(self, path: str, pretence: Pretence) -> None:
        """Let a check have made a directory and those above it."""
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
