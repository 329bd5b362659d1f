"""The root of hivectl's errors, and those about what was written: files and command lines."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hivectl.model.origin import Origin


class ExitCode(IntEnum):
    """What the process says when it ends."""

    DONE = 0
    FAILED = 1
    CHANGES_PENDING = 2
    BAD_INPUT = 3
    UNREACHABLE = 4
    NOT_RESERVED = 5
    STALE_PLAN = 6
    FAULT = 70
    INTERRUPTED = 130
    TERMINATED = 143


class HivectlError(Exception):
    """The root: what happened, where, and what to do.

    Attributes:
        message: what happened, one sentence.
        origin: where in which file, when a file is the cause.
        node: on which node, when a node is the cause.
        hint: what to do, when there is something to do.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED

    def __init__(
        self,
        message: str,
        *,
        origin: Origin | None = None,
        node: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.origin = origin
        self.node = node
        self.hint = hint

    def __str__(self) -> str:
        where = f"{self.origin}: " if self.origin else f"{self.node}: " if self.node else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{where}{self.message}{hint}"


class InputError(HivectlError):
    """Something that a person wrote is wrong."""

    exit_code = ExitCode.BAD_INPUT


class Complaints(HivectlError):  # noqa: N818  # many errors, not one
    """Every fault found in the files, all at once; what several uses of one place show is told once."""

    exit_code = ExitCode.BAD_INPUT

    def __init__(self, errors: Sequence[HivectlError]) -> None:
        self.errors = tuple({str(error): error for error in errors}.values())
        super().__init__(f"{len(self.errors)} fault{'s' if len(self.errors) != 1 else ''} in the files")

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)


class FaultError(HivectlError):
    """Something that hivectl itself did wrong."""

    exit_code = ExitCode.FAULT
