"""What ends a node's walk, or a part of it: caught in the walk and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.model.errors import ExitCode

if TYPE_CHECKING:
    from hivectl.model.errors import HivectlError
    from hivectl.model.playbook import Task
    from hivectl.modules.base import Result


class WalkEnded(Exception):  # noqa: N818 no error: the root of what ends a walk
    """The node's walk through its play ends here."""


class StepFailedError(WalkEnded):
    """A step failed and nothing says to go on; a block's rescue may catch it."""

    def __init__(self, task: Task, result: Result, reason: str) -> None:
        super().__init__(reason)
        self.task = task
        self.result = result
        self.reason = reason


class NodeGoneError(WalkEnded):
    """Nothing more can or may be sent to the node, `always` sections neither.

    Attributes:
        unreachable: it cannot be reached.
        fence_lost: somebody else holds it.
        stale: it is not what the saved plan saw.
        wrong: what the files say of it cannot be used. Where none of these is, the node is there and takes nothing.
    """

    def __init__(
        self,
        reason: str,
        *,
        unreachable: bool = False,
        fence_lost: bool = False,
        stale: bool = False,
        wrong: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.stale = stale
        self.unreachable = unreachable
        self.fence_lost = fence_lost
        self.wrong = wrong


class CauseElsewhereError(WalkEnded):
    """Another node's failure stops this one; `cause` is "node: task"."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class FailedElsewhereError(CauseElsewhereError):
    """Another node's failure counts as this node's own: a block's rescue may catch it."""

    def __init__(self, cause: str, task: Task, result: Result) -> None:
        super().__init__(cause)
        self.task = task
        self.result = result


class HostEnded(WalkEnded):
    """`meta: end_host`: the node is done with its play, and nothing failed."""


class RoleEnded(WalkEnded):
    """`meta: end_role`: the node is done with the role, and nothing failed."""


class PlayEnded(WalkEnded):
    """`meta: end_play` or `end_batch`: all nodes are done with it, and nothing failed."""

    def __init__(self, *, whole_play: bool) -> None:
        super().__init__()
        self.whole_play = whole_play


def gone(error: HivectlError) -> NodeGoneError:
    """Return what ends the walk of a node that takes nothing: why, and what to do."""
    if error.exit_code == ExitCode.NOT_RESERVED:
        return NodeGoneError(str(error), fence_lost=True)
    where = f"{error.origin}: " if error.origin else ""
    hint = f" ({error.hint})" if error.hint else ""
    return NodeGoneError(
        f"{where}{error.message}{hint}",
        unreachable=error.exit_code == ExitCode.UNREACHABLE,
        wrong=error.exit_code == ExitCode.BAD_INPUT,
    )


def failure(error: HivectlError) -> Result:
    """Return the result of a step that an error ended; which node it was is told beside it."""
    return {"changed": False, "failed": True, "msg": str(error).removeprefix(f"{error.node}: ")}


def one_line(result: Result) -> str:
    """Return why a step failed, for people, in one line."""
    for name in ("msg", "stderr", "module_stderr", "stdout"):
        text = result.get(name)
        if isinstance(text, str) and text.strip():
            lines = text.strip().splitlines()
            if name == "msg":
                more = f" {result['rc']}" if lines[0] == "non-zero return code" and "rc" in result else ""
                more += f": {result['assertion']}" if "assertion" in result else ""
                return f"{lines[0]}{more}" if len(lines) == 1 else f"{lines[0]} …"
            return lines[-1]
    return f"rc={result['rc']}" if "rc" in result else "failed"
