"""A single command, and how it ended: no helper, nothing prepared on the node."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hivectl.model.secret import Secret


@record(kw_only=True)
class Command:
    """A command for `run`: no helper, nothing prepared on the node.

    Attributes:
        command: a line for the login's shell.
        stdin: bytes for its standard input.
        environment: added to the login's, where the transport can.
        timeout: seconds from its start.
    """

    command: str
    stdin: bytes = b""
    environment: Mapping[str, str | Secret] = field(default_factory=dict)
    timeout: float | None = None


@record(kw_only=True)
class Completed:
    """How a command ended; `rc` is 128 + signal when a signal ended it."""

    rc: int
    stdout: bytes
    stderr: bytes
