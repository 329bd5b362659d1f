"""What can go wrong when nodes are used from Python; `HivectlError` is the root of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.model.errors import ExitCode, HivectlError
from hivectl.model.node_errors import NodeError, OperationTimeoutError, RemoteCallError
from hivectl.reservations.base import HeldError, NotReservedError, ReservationLostError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hivectl.client.output import Output

__all__ = [
    "BoardResetError",
    "BusyError",
    "ClosedError",
    "CommandError",
    "HeldError",
    "NoTmuxError",
    "NotLiteralError",
    "NotReservedError",
    "QuorumError",
    "RemoteCallError",
    "ReservationLostError",
    "ShellEndedError",
    "ShellTimeoutError",
]


class CommandError(NodeError):
    """A command failed, and `check=True` was asked for.

    Attributes:
        output: what it printed, with its exit status.
    """

    def __init__(self, message: str, output: Output, *, node: str) -> None:
        super().__init__(message, node=node)
        self.output = output


class BusyError(NodeError):
    """A shell runs a program in the foreground, so that it takes no command.

    Attributes:
        program: what runs there.
    """

    def __init__(self, program: str, *, node: str, hint: str | None = None) -> None:
        super().__init__(
            f"the shell is busy: {program} runs in it",
            node=node,
            hint=hint or f"wait for its end, stop it (`hivectl shell {node}`, Ctrl-C), or use exec()",
        )
        self.program = program


class ShellEndedError(NodeError):
    """A command has ended the shell that ran it; the next one gets a new shell."""


class ShellTimeoutError(OperationTimeoutError):
    """A command did not end in its time; Ctrl-C was sent to it.

    Attributes:
        output: what it had printed.
    """

    def __init__(self, message: str, output: str, *, node: str, hint: str | None = None) -> None:
        super().__init__(message, node=node, hint=hint)
        self.output = output


class BoardResetError(NodeError):
    """A board was reset since the last command: what it knew is gone. The next command finds it as it is now."""


class NoTmuxError(NodeError):
    """The node has no tmux, in which its default shell would live."""


class NotLiteralError(HivectlError, TypeError):
    """An argument of a forwarded call cannot be written as a literal."""


class ClosedError(HivectlError):
    """A hive or node was given back already."""


class QuorumError(NotReservedError):
    """Fewer nodes could be had than the quorum asks for.

    Attributes:
        accepted: the nodes that could be had; they are given back.
        rejected: node -> why it could not.
    """

    exit_code = ExitCode.NOT_RESERVED

    def __init__(self, accepted: Sequence[str], rejected: Mapping[str, str], quorum: int) -> None:
        why = "; ".join(f"{node}: {reason}" for node, reason in rejected.items())
        had = ", ".join(accepted) or "none"
        super().__init__(
            f"{len(accepted)} of {len(accepted) + len(rejected)} nodes could be had, the quorum is {quorum}: "
            f"accepted {had}; rejected {why}"
        )
        self.accepted = tuple(accepted)
        self.rejected = dict(rejected)
