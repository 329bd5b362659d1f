"""What a command printed: a text with the command's end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from hivectl.client.errors import CommandError

if TYPE_CHECKING:
    from hivectl.model.node_errors import RemoteCallError


class Output(str):
    """What a command printed, exactly, and how it ended.

    Attributes:
        status: the exit status of a shell's command; None where there is none (a Python prompt).
        stderr: what it wrote to its standard error, if that is kept apart (`exec`); else "".
        failed: whether the status is not 0, or a Python prompt showed a traceback.
        error: what a board raised, typed; None where nothing was, and on Linux. It is not pickled.
    """

    __slots__ = ("error", "failed", "status", "stderr")

    status: int | None
    stderr: str
    failed: bool
    error: RemoteCallError | None

    def __new__(
        cls,
        text: str = "",
        *,
        status: int | None = 0,
        stderr: str = "",
        failed: bool | None = None,
        error: RemoteCallError | None = None,
    ) -> Self:
        """Make one; `failed` follows from `status` unless it is given."""
        made = super().__new__(cls, text)
        made.status = status
        made.stderr = stderr
        made.failed = bool(status) if failed is None else failed
        made.error = error
        return made

    @property
    def ok(self) -> bool:
        """Whether it did not fail."""
        return not self.failed

    def check(self, command: str, node: str) -> Output:
        """Return itself; raises CommandError when it failed."""
        if not self.failed:
            return self
        shown = command if len(command) <= 60 else f"{command[:57]}..."
        raise CommandError(f"{shown!r} {self.ending}", self, node=node) from self.error

    @property
    def ending(self) -> str:
        """How it ended, in words, and with the last line of what it said where it failed."""
        if not self.failed:
            return "was done"
        last = next((line for line in reversed((self.stderr or self).splitlines()) if line.strip()), "")
        said = f": {last.strip()}" if last else ""
        return ("raised an exception" if self.status is None else f"ended with {self.status}") + said

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Any]]:
        """Let it be pickled whole."""
        return (str(self),), {"status": self.status, "stderr": self.stderr, "failed": self.failed}


def decoded(data: bytes) -> str:
    """Return bytes of a node as text; what is no UTF-8 survives as surrogates, as in Python's own file names."""
    return data.decode("utf-8", "surrogateescape")
