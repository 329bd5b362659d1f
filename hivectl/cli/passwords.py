"""What a person is asked for: sudo's password, and the questions of `vars_prompt`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hivectl.model.errors import InputError
from hivectl.model.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from hivectl.model.prompts import Prompt

VARIABLE = "HIVECTL_BECOME_PASSWORD"


def become_password(*, ask: bool) -> Secret | None:
    """Return the password, or None when there is none.

    The variable is taken out of the environment, so that no program that hivectl starts inherits it.

    Args:
        ask: `--ask-become-pass` was given.

    Raises:
        InputError: it shall be asked for and there is no terminal.
    """
    given = os.environ.pop(VARIABLE, None)
    if given is not None:
        return Secret(given)
    if not ask:
        return None
    try:
        with Path("/dev/tty").open("rb"):
            pass
    except OSError:
        raise InputError(
            "there is no terminal to ask for sudo's password on", hint=f"set {VARIABLE} instead"
        ) from None
    from getpass import getpass

    try:
        return Secret(getpass("sudo password: "))
    except EOFError:
        raise InputError("no password was given for sudo") from None


def asker() -> Callable[[Prompt], str] | None:
    """Return what asks the questions of `vars_prompt`; None where there is no terminal."""
    return ask if sys.stdin is not None and sys.stdin.isatty() else None


def ask(prompt: Prompt) -> str:
    """Ask one question on the terminal.

    Raises:
        InputError: nothing is answered any more, or the second answer never is the first one.
    """
    from getpass import getpass

    default = "" if prompt.default is None or prompt.private else f" [{prompt.default}]"
    read = getpass if prompt.private else _shown
    for _ in range(3):
        try:
            answer = read(f"{prompt.text}{default}: ")
            same = not prompt.confirm or read(f"{prompt.text} (again): ") == answer
        except EOFError:
            raise InputError(f"no answer was given for `{prompt.name}`", origin=prompt.origin) from None
        if same:
            return answer
    raise InputError(f"the answers for `{prompt.name}` were never the same", origin=prompt.origin)


def _shown(words: str) -> str:
    # stdout is for results
    print(words, end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.rstrip("\n")
