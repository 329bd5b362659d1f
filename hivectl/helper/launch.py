"""Command lines that start something on a node, if need be as another user by sudo."""

from __future__ import annotations

import secrets
import shlex
from dataclasses import field
from typing import TYPE_CHECKING

from hivectl.helper.bundle import LOADER
from hivectl.helper.sh.bundle import LOADER as SH_LOADER
from hivectl.model.records import record
from hivectl.model.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hivectl.helper.commands import Command
    from hivectl.helper.operations import Become

# in place of an interpreter's name: do without
NO_PYTHON = "none"


@record(kw_only=True)
class Launch:
    """How to start one program on a node.

    Attributes:
        argv: the program and its arguments; holds no secret.
        marker: what the program writes first, on a line of its own, once it runs as the user it shall be.
        prompt: what sudo asks for the password with; "" without sudo.
        password: the answer.
        preamble: sent after the marker, before anything else (holds the environment: never log it).
        instead: what is started where `argv` needs an interpreter that the node has not got; () for nothing.
        interpreter: the name that is looked for.
    """

    argv: tuple[str, ...]
    marker: bytes
    prompt: bytes = b""
    password: Secret | None = None
    preamble: bytes = field(default=b"", repr=False)
    instead: tuple[str, ...] = ()
    interpreter: str = ""

    @property
    def command(self) -> str:
        """The same as a line for the login's shell, which is replaced by what is started."""
        line = shlex.join(self.argv)
        if not self.instead:
            return line
        # the shell that is there anyhow decides: nothing more is started, and no round trip is lost
        wanted = shlex.quote(self.interpreter)
        return f"command -v {wanted} >/dev/null 2>&1 && exec {line}; exec {shlex.join(self.instead)}"


def _sudo(become: Become | None, nonce: str) -> tuple[str, ...]:
    if become is None:
        return ()
    if become.password is None:
        # -n: fail with a word instead of asking nobody
        return ("sudo", "-H", "-n", "-u", become.user, "--")
    return ("sudo", "-H", "-S", "-p", f"[hivectl {nonce}] password: ", "-u", become.user, "--")


def _launch(
    argv: tuple[str, ...],
    become: Become | None,
    nonce: str,
    *,
    preamble: bytes = b"",
    instead: tuple[str, ...] = (),
    interpreter: str = "",
) -> Launch:
    asks = become is not None and become.password is not None
    return Launch(
        argv=(*_sudo(become, nonce), *argv),
        instead=(*_sudo(become, nonce), *instead) if instead else (),
        interpreter=interpreter,
        marker=f"hivectl-{nonce}".encode(),
        prompt=f"[hivectl {nonce}] password: ".encode() if asks else b"",
        password=become.password if become is not None else None,
        preamble=preamble,
    )


def launch_helper(become: Become | None = None, python: str = "python3", shell: str = "/bin/sh") -> Launch:
    """Return how to start the helper; its marker comes on standard output.

    Args:
        become: another user.
        python: the interpreter; where the node has not got that name, or with NO_PYTHON, a shell runs the helper's
            twin. A path is what somebody has chosen: without it nothing else is started.
        shell: that shell, POSIX.
    """
    nonce = secrets.token_hex(8)
    twin = (shell, "-c", SH_LOADER, "sh", nonce)
    if python == NO_PYTHON:
        return _launch(twin, become, nonce)
    # a relative name is looked up by env, so that a missing interpreter is told apart from a missing sudo
    argv = (python, "-I", "-S", "-X", "utf8", "-c", LOADER, nonce)
    if "/" in python:
        return _launch(argv, become, nonce)
    return _launch(argv, become, nonce, instead=twin, interpreter=python)


def launch_command(command: Command, become: Become | None = None, shell: str = "") -> Launch:
    """Return how to start a command line; its marker comes on standard error, which leaves the output its own.

    Args:
        command: what to run; its environment travels on standard input, where no list of processes shows it.
        become: another user, whose command is run by /bin/sh since service users have no login shell.
        shell: the interpreter of the line; "" the login's own, where its $SHELL names one.
    """
    nonce = secrets.token_hex(8)
    interpreter = shlex.quote(shell) if shell else "/bin/sh" if become else '"${SHELL:-/bin/sh}"'
    script = f"printf 'hivectl-%s\\n' {nonce} >&2; "
    if command.environment:
        script += 'IFS= read -r assignments; eval "$(printf \'%b\' "$assignments")"; unset assignments; '
    script += f'exec {interpreter} -c "$0"'
    argv = ("/bin/sh", "-c", script, command.command)
    return _launch(argv, become, nonce, preamble=_assignments(command.environment))


def _assignments(environment: Mapping[str, str | Secret]) -> bytes:
    """Return one line that `printf %b` turns into `export` commands, every byte of a value as an octal escape."""
    if not environment:
        return b""
    lines = []
    for name, value in environment.items():
        text = shlex.quote(value.reveal() if isinstance(value, Secret) else str(value))
        quoted = "".join(f"\\0{byte:03o}" for byte in text.encode("utf-8", "surrogateescape"))
        lines.append(f"export {name}={quoted}; ")
    return "".join(lines).encode() + b"\n"
