"""Batches as the node's program takes them, and its results as everybody else sees them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from functools import cache, lru_cache
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hivectl.helper.file_operations import Script, Unpack
from hivectl.helper.operations import Content, Run, Write
from hivectl.model.records import record
from hivectl.model.secret import Secret, mask, reveal

if TYPE_CHECKING:
    from collections.abc import Callable

    from hivectl.helper.operations import Batch, Fence, Item, Operation

# contents up to this size, and so much of them in a batch, travel with it unasked (bytes)
INLINE = 32 << 10
INLINE_BATCH = 256 << 10
PLAIN = (str, int, float)
TEXTS = frozenset({str})
RUNNING = (Run, Script)
CARRYING = (Write, Script, Unpack)


@record
class Frame:
    """One frame, ready to be sent."""

    header: dict[str, Any]
    data: bytes = b""

    def __bytes__(self) -> bytes:
        header = {**self.header, "bytes": len(self.data)} if self.data else self.header
        return json.dumps(header, separators=(",", ":")).encode() + b"\n" + self.data


def _plain(value: Any) -> Any:
    """Return what JSON has for a value; secrets are revealed, for they go to the node that needs them."""
    if value is None or isinstance(value, PLAIN):
        return value
    if isinstance(value, Content):
        return {"sha256": value.sha256, "size": value.size, "secret": value.secret}
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, (list, tuple)):
        # most are words of a command
        return list(value) if TEXTS.issuperset(map(type, value)) else [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(reveal(key)): _plain(item) for key, item in value.items()}
    kind: Any = type(value)
    return {
        name: plain
        for name, default in _fields_of(kind)
        if (plain := _plain(getattr(value, name))) != default
    }


def encode_operation(operation: Operation) -> dict[str, Any]:
    """Return an operation as JSON: what differs from the default; a local sink stays here."""
    plain = _plain_operation(operation)
    if isinstance(operation, RUNNING) and operation.environment:
        plain["environment"] = {name: _as_text(value) for name, value in operation.environment.items()}
    return plain


def _plain_operation(operation: Operation) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    cls: Any = type(operation)
    for (name, default), value in zip(_fields_of(cls), _values_of(cls)(operation), strict=True):
        if value is default or value == default:
            continue
        kind = type(value)
        plain[name] = value if kind is str or kind is bool else _plain(value)
    return plain


@cache
def _fields_of(cls: Any) -> tuple[tuple[str, Any], ...]:
    """Return the fields of a class of operations with their defaults; a local sink stays here."""
    made = (
        (one.name, one.default_factory() if one.default_factory is not MISSING else one.default)
        for one in fields(cls)
    )
    return tuple((name, default) for name, default in made if name != "sink")


@cache
def _values_of(cls: Any) -> Callable[[Any], tuple[Any, ...]]:
    """Return what reads the values of `_fields_of` from an operation, all at once."""
    names = [name for name, _ in _fields_of(cls)]
    read = attrgetter(*names)
    return read if len(names) > 1 else lambda operation: (read(operation),)


def _as_text(value: Any) -> str:
    """Return an environment's value as programs know it: True is "True", as Ansible has it."""
    return str(reveal(value))


def encode_fence(fence: Fence) -> dict[str, Any]:
    """Return a fence as JSON."""
    return {
        "store": fence.store,
        "token": fence.token,
        "owner": fence.owner,
        "time_to_live": fence.time_to_live,
    }


def _item(item: Item) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "key": item.key,
        "step": item.step,
        "chain": item.chain,
        "name": item.operation.name,
        "o": encode_operation(item.operation),
    }
    if item.check:
        plain["check"] = True
    if item.diff:
        plain["diff"] = True
    if item.seen is not None:
        plain["seen"] = dict(item.seen)
    if item.ignore_failure:
        plain["ignore"] = True
    if item.deadline is not None:
        plain["timed"] = True
    if not item.operation.idempotent:
        plain["once"] = True
    return plain


def encode_batch(batch: Batch, *, fenced: bool = True) -> Frame:
    """Return the frame of a batch, with its small contents.

    Args:
        batch: what to send.
        fenced: False where the fence is another session's business.
    """
    listed: list[tuple[str, int]] = []
    pieces: list[bytes] = []
    known: set[str] = set()
    room = INLINE_BATCH
    for item in batch.items:
        operation = item.operation
        content = content_of(operation)
        if content is None or (item.check and not item.diff and not isinstance(operation, Unpack)):
            continue
        if content.sha256 in known or not 0 < content.size <= min(INLINE, room):
            continue
        data = content.source
        if isinstance(data, Path):
            data = _small_file(data, content.sha256)
        if len(data) != content.size:
            continue  # it changed since: the node asks and is told
        known.add(content.sha256)
        listed.append((content.sha256, content.size))
        pieces.append(data)
        room -= content.size
    header: dict[str, Any] = {
        "t": "batch",
        "run": batch.run,
        "items": [_item(item) for item in batch.items],
        "contents": listed,
    }
    if batch.touched:
        header["touched"] = list(batch.touched)
    if batch.fence is not None and fenced:
        header["fence"] = encode_fence(batch.fence)
    return Frame(header, b"".join(pieces))


@lru_cache(maxsize=64)
def _small_file(path: Path, _sha256: str) -> bytes:
    """Return what a file holds, read once for all nodes."""
    return path.read_bytes()


def finish_result(item: Item, result: dict[str, Any]) -> dict[str, Any]:
    """Add what the node is not told, or need not repeat: the command without its secrets, the lines of outputs."""
    operation = item.operation
    if isinstance(operation, Run):
        shown = mask(operation.argv if operation.argv is not None else operation.script)
        result["cmd"] = list(shown) if isinstance(shown, tuple) else shown
    if isinstance(operation, RUNNING):
        for name in ("stdout", "stderr"):
            if name in result:
                result[f"{name}_lines"] = result[name].splitlines()
    return result


def content_of(operation: Operation) -> Content | None:
    """Return what is sent with an operation, if anything is."""
    return operation.content if isinstance(operation, CARRYING) else None


def contents_of(batch: Batch) -> Mapping[int, Content]:
    """Return the contents that a node may ask for, by the item's place."""
    return {
        index: content
        for index, item in enumerate(batch.items)
        if (content := content_of(item.operation)) is not None
    }
