"""What all operations have, and what several of them are made of."""

from __future__ import annotations

import hashlib
from dataclasses import field
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from hivectl.model.records import record

if TYPE_CHECKING:
    from pathlib import Path

    from hivectl.model.secret import Secret

PROTOCOL_VERSION = 1

Text: TypeAlias = "str | Secret"


@record
class Content:
    """Bytes that a node shall have; sent only to nodes that lack them.

    Attributes:
        sha256: hexadecimal digest.
        size: in bytes.
        source: the bytes, or the file on this machine that holds them (streamed, never loaded whole).
        secret: never shown in a diff.
    """

    sha256: str
    size: int
    source: bytes | Path = field(repr=False)
    secret: bool = False

    @classmethod
    def of(cls, data: bytes, *, secret: bool = False) -> Content:
        """Make a content of bytes in memory."""
        return cls(hashlib.sha256(data).hexdigest(), len(data), data, secret)


@record(kw_only=True)
class Operation:
    """What all operations have."""

    name: ClassVar[str] = ""

    @property
    def idempotent(self) -> bool:
        """Whether doing it twice equals doing it once, so that it may be repeated after a lost connection."""
        return True


@record(kw_only=True)
class Attributes:
    """Owner, group and mode of a path; None leaves as it is.

    Attributes:
        mode: octal ("0644") or symbolic ("u=rw,g=r"), as for chmod; "preserve" is resolved by the module.
    """

    mode: str | None = None
    owner: str | None = None
    group: str | None = None
