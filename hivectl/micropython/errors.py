"""What can go wrong on a board: one class for each cause, the board's own traceback kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hivectl.model.node_errors import ConnectTimeoutError, HandshakeError, NodeError, RemoteCallError

if TYPE_CHECKING:
    from typing import Any

# "OSError: [Errno 2] ENOENT", on small builds "OSError: 2", with a name "OSError: (2, 'boot.py')"
ERRNO = re.compile(r"^(?:\[Errno (\d+)\]|\((\d+),|(\d+)$)")
# a line of a traceback that says where; code from the raw REPL is in "<stdin>"
FRAME = re.compile(r'^ *File "([^"\n]+)", line (\d+)(?:, in (\S+))?\s*$', re.MULTILINE)
# MicroPython's numbers are Linux's, whatever this machine's are
MEANINGS = {
    1: "not permitted",
    2: "no such file or directory",
    5: "input or output failed",
    12: "no memory",
    13: "no access",
    17: "it is there already",
    19: "no such device",
    20: "not a directory",
    21: "it is a directory",
    22: "invalid argument",
    28: "no room is left in the file system",
    30: "the file system is read-only",
    36: "the name is too long",
    39: "the directory is not empty",
    110: "timed out",
    118: "not connected",
}


def what_was_raised(traceback: str) -> str:
    """Return the last line of a board's traceback, and where that was: "OSError: 2 (line 3, in prime)"."""
    last = traceback.strip().rpartition("\n")[2].strip() or "an exception"
    frames = FRAME.findall(traceback)
    if not frames:
        return last
    file, line, function = frames[-1]
    place = f"line {line}" if file == "<stdin>" else f"{file}, line {line}"
    return f"{last} ({place}{f', in {function}' if function not in ('', '<module>') else ''})"


class SilentBoardError(ConnectTimeoutError):
    """Nothing came from the other side: no board, one that hangs, or another speed."""


class NotABoardError(HandshakeError):
    """Something answers, and it is no MicroPython."""


class BusyBoardError(HandshakeError):
    """The board's program does not let itself be interrupted."""


class ProtocolError(HandshakeError):
    """The raw REPL said what it never says: bytes were lost, or somebody else uses it too."""

    def __init__(self, message: str, **more: Any) -> None:
        hint = "bytes are lost on its line, or somebody else types: by its other connection, or another controller"
        super().__init__(message, **{"hint": hint, **more})


class LackingError(NodeError):
    """The board's firmware lacks what is needed."""


class DamagedError(NodeError):
    """What arrived on the board is not what was sent."""


class RemoteError(RemoteCallError):
    """The board's program raised.

    Attributes:
        kind: the exception's class, by name.
        said: what it says.
        traceback: as the board printed it.
    """

    def __init__(self, kind: str, said: str, traceback: str, **more: Any) -> None:
        super().__init__(f"the board raised {kind}{': ' if said else ''}{said}", **more)
        self.kind = kind
        self.said = said
        self.traceback = traceback


class RemoteOSError(RemoteError):
    """The board's system refused.

    Attributes:
        errno: MicroPython's number, which is Linux's; None where the board did not say it.
    """

    def __init__(self, kind: str, said: str, traceback: str, **more: Any) -> None:
        found = ERRNO.match(said)
        self.errno = None if found is None else int(next(group for group in found.groups() if group))
        if self.errno in MEANINGS:
            said = f"{said} ({MEANINGS[self.errno]})"
        super().__init__(kind, said, traceback, **more)


class RemoteSyntaxError(RemoteError):
    """The board's compiler refused the code; nothing of it ran."""


class RemoteMemoryError(RemoteError):
    """The board's memory is too small."""


class RemoteInterruptError(RemoteError):
    """The program was interrupted."""


KINDS: dict[str, type[RemoteError]] = {
    "OSError": RemoteOSError,
    "SyntaxError": RemoteSyntaxError,
    "IndentationError": RemoteSyntaxError,
    "MemoryError": RemoteMemoryError,
    "KeyboardInterrupt": RemoteInterruptError,
}


def remote_error(output: bytes, *, node: str | None = None) -> RemoteError:
    """Make an error of what the board printed behind the second Ctrl-D."""
    traceback = output.decode("utf-8", "replace").replace("\r\n", "\n").strip()
    last = traceback.rpartition("\n")[2]
    kind, _, said = last.partition(":")
    kind, said = kind.strip(), said.strip()
    if not kind.isidentifier():
        kind, said = "an exception", last
    return KINDS.get(kind, RemoteError)(kind, said, traceback, node=node)
