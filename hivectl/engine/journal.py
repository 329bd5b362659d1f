"""The journal of a run: one file of JSON lines, only ever appended to; intents are durable before anything is sent.

Lines: `{"journal": 1, …}` first; then `intent`, `result`, `resumed`, `ended`. A line that a crash has torn is
the last one and is left out when the file is read.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import secrets
import time
from dataclasses import field
from typing import TYPE_CHECKING, Any

from hivectl.model.errors import ExitCode, HivectlError, InputError
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

JOURNAL_VERSION = 1
_ENCODE = json.JSONEncoder(separators=(",", ":"), default=str).encode


class JournalError(HivectlError):
    """The journal cannot be written: the run stops, since it could not be resumed."""

    exit_code = ExitCode.BAD_INPUT


class RunGoesOnError(JournalError):
    """The run that shall be gone on with has not ended."""

    exit_code = ExitCode.NOT_RESERVED


@record(kw_only=True)
class Header:
    """What a run began with, so that it can go on.

    Attributes:
        inputs: file -> sha256; a run is resumed only when none has changed.
        options: the command line's choices that shape the plan.
    """

    run: str
    playbook: str
    inventories: tuple[str, ...]
    mode: str
    owner: str
    started: float
    inputs: Mapping[str, str]
    options: Mapping[str, Any]


@record(kw_only=True)
class StepRecord:
    """One step's end, as journaled.

    Attributes:
        key: of the step in its node's walk.
        redacted: something in the result was secret, so it cannot be used again.
    """

    node: str
    key: str
    status: str
    result: Mapping[str, Any]
    task: str = ""
    seconds: float = 0.0
    redacted: bool = False


@record(frozen=False)
class Record:
    """A journal that was read.

    Attributes:
        steps: (node, key) -> how it ended, the last word.
        intents: node -> keys that were about to be sent, in order.
        status: how the run ended; None: it was cut off.
    """

    header: Header
    steps: dict[tuple[str, str], StepRecord] = field(default_factory=dict)
    intents: dict[str, list[str]] = field(default_factory=dict)
    status: str | None = None
    exit_code: int | None = None


def new_run_id() -> str:
    """Return a new run's name: when it began, and four random characters."""
    return time.strftime("%Y%m%d-%H%M%S-", time.gmtime()) + secrets.token_hex(2)


class Journal:
    """Writes one run's journal; lines of many nodes share one write and one fsync.

    Attributes:
        path: the file.
        intended: whether anything was about to be sent: what came of it may not have been heard.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.intended = False
        self._descriptor = descriptor
        self._lines: list[str] = []
        self._added = 0
        self._written = 0
        self._flushing: asyncio.Task[None] | None = None

    @classmethod
    def create(cls, folder: Path, header: Header) -> Journal:
        """Begin a new run's journal, mode 0600."""
        journal = cls._open(folder / f"{header.run}.jsonl", os.O_CREAT | os.O_EXCL)
        journal.add(
            {
                "journal": JOURNAL_VERSION,
                "run": header.run,
                "playbook": header.playbook,
                "inventories": list(header.inventories),
                "mode": header.mode,
                "owner": header.owner,
                "started": header.started,
                "inputs": dict(header.inputs),
                "options": dict(header.options),
            }
        )
        return journal

    @classmethod
    def reopen(cls, folder: Path, run: str) -> Journal:
        """Go on with a run's journal; a torn last line is closed first."""
        journal = cls._open(folder / f"{run}.jsonl", 0)
        text = journal.path.read_bytes()
        if text and not text.endswith(b"\n"):
            journal.add_torn_end()
        journal.add({"t": "resumed", "time": time.time(), "pid": os.getpid()})
        return journal

    @classmethod
    def _open(cls, path: Path, flags: int) -> Journal:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | flags, 0o600)
        except OSError as error:
            raise JournalError(f"cannot write the journal {path}: {error.strerror}") from error
        try:
            # until this process ends, however it ends
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise RunGoesOnError(
                f"run {path.stem} still goes on: another process writes its journal",
                hint="`hivectl status` shows who holds its nodes",
            ) from None
        except OSError:  # a file system without locks
            pass
        return cls(path, descriptor)

    def add_torn_end(self) -> None:
        """End a line that a crash has torn, so that the next one begins by itself."""
        self._lines.append("")
        self._added += 1

    def add(self, line: Mapping[str, Any]) -> None:
        """Append a line; it is on disk after the next `flush`."""
        self._lines.append(_ENCODE(line))
        self._added += 1

    def intent(self, node: str, keys: Sequence[str]) -> None:
        """Say which steps a node is about to be sent."""
        self.intended = True
        self.add({"t": "intent", "node": node, "keys": list(keys)})

    def result(self, record: StepRecord) -> None:
        """Say how a step ended."""
        self.ended(
            record.node,
            record.key,
            status=record.status,
            result=record.result,
            task=record.task,
            seconds=record.seconds,
            redacted=record.redacted,
        )

    def ended(
        self,
        node: str,
        key: str,
        *,
        status: str,
        result: Mapping[str, Any],
        task: str = "",
        seconds: float = 0.0,
        redacted: bool = False,
    ) -> None:
        """Say how a step ended: the fields of `StepRecord`, without making one."""
        self.add(
            {
                "t": "result",
                "node": node,
                "key": key,
                "status": status,
                "task": task,
                "seconds": round(seconds, 4),
                "redacted": redacted,
                "result": result,
            }
        )

    async def flush(self) -> None:
        """Return when everything added so far is durable; calls at the same time share one fsync."""
        target = self._added
        while self._written < target:
            if self._flushing is None:
                self._flushing = asyncio.ensure_future(self._write_out())
            # the write goes on when this call is cancelled: others wait for it, and a line must not be torn
            await asyncio.shield(self._flushing)

    async def _write_out(self) -> None:
        reached = self._added
        try:
            await asyncio.to_thread(self._write, self._take())
            self._written = reached
        finally:
            # before anybody who waits goes on: a task that is done would not let them wait for the next
            self._flushing = None

    async def settle(self) -> None:
        """Return when no write is under way, so that the journal can be closed."""
        if self._flushing is not None:
            await asyncio.wait([self._flushing])

    def close(self, ended: Mapping[str, Any] | None = None) -> None:
        """Write what is left, and how the run ended, and close the file."""
        if self._descriptor < 0:
            return
        if ended is not None:
            self.add({"t": "ended", **ended})
        try:
            self._write(self._take())
        finally:
            os.close(self._descriptor)
            self._descriptor = -1

    def _take(self) -> bytes:
        lines, self._lines = self._lines, []
        return "".join(line + "\n" for line in lines).encode("utf-8", "surrogateescape")

    def _write(self, data: bytes) -> None:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self._descriptor, view) :]
            os.fdatasync(self._descriptor)
        except OSError as error:
            raise JournalError(f"cannot write the journal {self.path}: {error.strerror}") from error


def read_journal(folder: Path, run: str) -> Record:
    """Read a run's journal.

    Raises:
        InputError: there is none, or it is no journal.
    """
    path = folder / f"{run}.jsonl"
    if "/" in run or not path.is_file():
        raise InputError(f"there is no run {run}", hint="`hivectl runs` lists them")
    record: Record | None = None
    for raw in path.read_bytes().split(b"\n"):
        try:
            line = json.loads(raw.decode("utf-8", "surrogateescape")) if raw else None
        except ValueError:
            continue  # torn by a crash
        if not isinstance(line, dict):
            continue
        if record is None:
            record = Record(_header(path, line))
        else:
            _apply(record, line)
    if record is None:
        raise InputError(
            f"the journal {path} is empty: the run was cut off before it did anything", hint="apply afresh"
        )
    return record


def _header(path: Path, line: Mapping[str, Any]) -> Header:
    if line.get("journal") != JOURNAL_VERSION:
        raise InputError(f"{path} is no journal of this version of hivectl", hint="apply afresh")
    return Header(
        run=line["run"],
        playbook=line["playbook"],
        inventories=tuple(line["inventories"]),
        mode=line["mode"],
        owner=line["owner"],
        started=line["started"],
        inputs=line["inputs"],
        options=line["options"],
    )


def _apply(record: Record, line: Mapping[str, Any]) -> None:
    kind = line.get("t")
    if kind == "intent":
        record.intents.setdefault(line["node"], []).extend(line["keys"])
    elif kind == "result":
        step = StepRecord(
            node=line["node"],
            key=line["key"],
            status=line["status"],
            result=line["result"],
            task=line["task"],
            seconds=line["seconds"],
            redacted=line["redacted"],
        )
        record.steps[step.node, step.key] = step
    elif kind == "ended":
        record.status, record.exit_code = line["status"], line["exit_code"]
    elif kind == "resumed":
        record.status = record.exit_code = None
