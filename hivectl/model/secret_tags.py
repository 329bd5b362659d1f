"""Where secrets come from: `!env NAME`, `!file PATH`, `!command [..]`, each looked up when first used."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from hivectl.model.errors import InputError
from hivectl.model.paths import user_path
from hivectl.model.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hivectl.model.origin import Origin

DEADLINE = 60.0  # seconds: a password manager may ask for a passphrase first
LARGEST = 1024 * 1024  # characters


class SecretSourceError(InputError):
    """A secret cannot be had from where the file says it is."""


def from_environment(name: str, origin: Origin) -> Secret:
    """Return the secret in the environment variable `name`."""

    def source() -> str:
        try:
            return os.environ[name]
        except KeyError:
            raise SecretSourceError(
                f"the environment variable {name} is not set", origin=origin, hint=f"export {name} first"
            ) from None

    return Secret(source)


def from_file(name: str, origin: Origin) -> Secret:
    """Return the secret in a file, named from the YAML file's folder; one newline at its end is dropped."""
    path = Path(origin.path).parent / user_path(name)

    def source() -> str:
        try:
            with path.open(encoding="utf-8") as file:
                text = file.read(LARGEST + 1)
        except OSError as error:
            raise SecretSourceError(
                f"cannot read the secret in {path}: {error.strerror}", origin=origin
            ) from None
        except UnicodeDecodeError:
            raise SecretSourceError(f"the secret in {path} is not UTF-8 text", origin=origin) from None
        return _bounded(text, str(path), origin)

    return Secret(source)


def from_command(argv: Sequence[str], origin: Origin, *, deadline: float = DEADLINE) -> Secret:
    """Return the secret that a program prints, run in the YAML file's folder; one newline at its end is dropped.

    Args:
        argv: the program and its arguments; no shell.
        origin: where it is written.
        deadline: seconds until it is given up.
    """
    return Secret(lambda: _bounded(_output(argv, origin, deadline), argv[0], origin))


def _bounded(text: str, where: str, origin: Origin) -> str:
    if len(text) > LARGEST:
        raise SecretSourceError(f"the secret of {where} is longer than {LARGEST} characters", origin=origin)
    return text.removesuffix("\n").removesuffix("\r")


def _output(argv: Sequence[str], origin: Origin, deadline: float) -> str:
    """Run the program; its own messages are withheld, as nobody knows what is in them."""
    import signal
    import subprocess

    by_hand = f"run {argv[0]} by hand to see why"
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=Path(origin.path).absolute().parent,
            process_group=0,  # what it starts ends with it
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its arguments hold a NUL"
        raise SecretSourceError(f"cannot start {argv[0]} for a secret: {reason}", origin=origin) from None
    with process:
        try:
            output, _ = process.communicate(timeout=deadline)
        except subprocess.TimeoutExpired:
            raise SecretSourceError(
                f"{argv[0]} did not give the secret within {deadline:g} s", origin=origin, hint=by_hand
            ) from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode != 0:
        message = f"{argv[0]} gave no secret: it ended with code {process.returncode}"
        raise SecretSourceError(message, origin=origin, hint=by_hand)
    try:
        return output.decode()
    except UnicodeDecodeError:
        raise SecretSourceError(f"what {argv[0]} printed is not UTF-8 text", origin=origin) from None
