"""Programs of the node that an operation drives: found, run with plain words, their failures told."""

import os

from hivectl.helper.node.paths import Failure, reason
from hivectl.helper.node.programs import execute, find_program
from hivectl.helper.node.wire import Stopped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hivectl.helper.node.programs import Ended
    from hivectl.helper.node.wire import Wire

# where programs of the administrator are, although a login's PATH may lack them
FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin")
# of an output that goes into a result, in characters
LONGEST = 256 << 10
# lines of an output that go into a message
LINES = 6


class Said:
    """What a program printed, and how it ended."""

    def __init__(self, argv: "list[str]", ended: "Ended") -> None:
        self.argv = argv
        self.rc = ended.rc
        self.out = _text(ended.stdout)
        self.err = _text(ended.stderr)

    def outputs(self) -> "dict[str, Any]":
        """Return them as Ansible's modules add them to a result."""
        return {"stdout": self.out, "stderr": self.err}

    def words(self) -> str:
        """Return the last lines of what it complained of."""
        lines = [line for line in (self.err.strip() or self.out.strip()).splitlines() if line.strip()]
        return "\n".join(lines[-LINES:]) or f"exit code {self.rc}, without a word"


def _text(data: bytes) -> str:
    text = data.decode("utf-8", "surrogateescape")
    return text if len(text) <= LONGEST else text[-LONGEST:]


class Tools:
    """Runs programs for one operation.

    Args:
        operation: its `environment` is added to ours, its `timeout` is not looked at here.
        wire: on which a stop is listened for; nothing is left behind when it comes.
    """

    def __init__(self, operation: "dict[str, Any]", wire: "Wire") -> None:
        self.wire = wire
        environment = dict(os.environ)
        environment.update((name, str(value)) for name, value in (operation.get("environment") or {}).items())
        known = environment.get("PATH", os.defpath).split(os.pathsep)
        environment["PATH"] = os.pathsep.join(known + [path for path in FOLDERS if path not in known])
        # what programs print is read here
        environment.update(LC_ALL="C", LANGUAGE="C")
        self.environment = environment

    def find(self, name: str) -> "str | None":
        """Return the path of a program, None without one."""
        try:
            return find_program(name, self.environment)
        except FileNotFoundError:
            return None

    def need(self, name: str, package: str) -> str:
        """Return the path of a program; raises Failure that names what to install."""
        path = self.find(name)
        if path is None:
            raise Failure(f"there is no {name} on the node: install the package {package}")
        return path

    def call(
        self,
        *argv: str,
        folder: "str | None" = None,
        stdin: str = "",
        environment: "dict[str, str] | None" = None,
    ) -> Said:
        """Run a program to its end; raises Stopped, and Failure where it cannot be started."""
        given = list(argv)
        merged = self.environment if environment is None else dict(self.environment, **environment)
        try:
            ended = execute(
                given,
                self.wire,
                environment=merged,
                folder=folder,
                stdin=stdin.encode("utf-8", "surrogateescape"),
            )
        except OSError as error:
            raise Failure(f"cannot start {given[0]}: {reason(error)}", rc=2) from error
        if ended.stopped:
            raise Stopped
        return Said(given, ended)

    def must(self, what: str, *argv: str, **more: "Any") -> Said:
        """Run a program; raises Failure that begins with `what` when its exit code is not zero."""
        said = self.call(*argv, **more)
        if said.rc != 0:
            raise failed(what, said)
        return said


def failed(what: str, said: Said) -> Failure:
    """Return the failure of a program, with all that it said."""
    return Failure(f"{what}: {said.words()}", rc=said.rc, **said.outputs())
