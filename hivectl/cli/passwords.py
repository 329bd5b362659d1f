"""sudo's password: from the environment or the terminal, never from the command line."""

from __future__ import annotations

import os
from pathlib import Path

from hivectl.model.errors import InputError
from hivectl.model.secret import Secret

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
