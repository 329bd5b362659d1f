"""Programs of a node without Python, in place of `hivectl.helper.node.programs`."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

from hivectl.helper.node.programs import LARGEST, Ended
from hivectl.helper.sh.encode import run_of
from hivectl.helper.sh.quoting import CannotEncodeError
from hivectl.helper.sh.remote.looks import error_of
from hivectl.helper.sh.remote.node import exports

if TYPE_CHECKING:
    from hivectl.helper.sh.remote.node import Node


class Programs:
    """Starts programs there; they end with the item, in their process group."""

    LARGEST = LARGEST

    def __init__(self, node: Node) -> None:
        self._node = node

    def find_program(self, name: str, environment: dict[str, str]) -> str:
        """Return the path of a program; raises FileNotFoundError."""
        if "/" in name:
            return name
        path = self._node.which(name, environment.get("PATH", os.defpath))
        if path is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
        return path

    def execute(
        self,
        argv: list[str],
        wire: Any = None,
        *,
        environment: dict[str, str] | None = None,
        folder: str | None = None,
        stdin: bytes = b"",
        timeout: float | None = None,
    ) -> Ended:
        """Run a program to its end; raises OSError."""
        del wire  # the line itself is listened to
        node = self._node
        plain: dict[str, Any] = {"argv": argv, "timeout": timeout}
        if stdin:
            plain["stdin"] = stdin.decode("utf-8", "surrogateescape")
        if environment is not None:
            plain["environment"] = exports(node, environment)
        try:
            words, made = run_of(plain)
        except CannotEncodeError as error:
            raise OSError(errno.EINVAL, str(error), argv[0]) from None
        node.forget()
        before = "".join(f"{one};" for one in made)
        said = node.ask("r_run", folder or "", *words, before=f"r_fresh;{before}")
        if "why" in said.fields:
            raise error_of(said.fields["why"], argv[0])
        ended = Ended()
        ended.rc = int(said.fields["rc"])
        size = int(said.fields["out"])
        ended.stdout, ended.stderr = said.data[:size], said.data[size:]
        ended.truncated, ended.stopped = said.flag("truncated"), said.flag("stopped")
        ended.timed_out = said.flag("timed_out")
        if ended.stopped and node.line is not None:
            node.line.heard()
        return ended
