"""Owners' tokens: from the environment in CI, else kept for the user who reserved, like a key of ssh."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from hivectl.model.errors import InputError
from hivectl.store.location import user_folder

if TYPE_CHECKING:
    from pathlib import Path

# ID:TOKEN, as `hivectl reserve` prints it
VARIABLE = "HIVECTL_RESERVATION"


def given_key(named: str | None = None) -> tuple[str, str] | None:
    """Return (reservation, token) of the reservation to work under; None: none is named.

    Args:
        named: of the command line: ID, or ID:TOKEN; None: HIVECTL_RESERVATION counts.

    Raises:
        InputError: the token of that reservation is not known here, or the text is neither.
    """
    text = named or os.environ.get(VARIABLE) or ""
    if not text:
        return None
    identity, colon, key = text.partition(":")
    if not identity or (colon and not key):
        raise InputError(f"{text!r} names no reservation", hint=f"write ID, or ID:TOKEN as in {VARIABLE}")
    if colon:
        return identity, key
    found = kept_key(identity)
    if found is None and os.environ.get(VARIABLE, "").startswith(f"{identity}:"):
        found = os.environ[VARIABLE].partition(":")[2]
    if found is None:
        raise InputError(
            f"the token of reservation {identity} is not known here",
            hint=f"it was shown once, when it was reserved: export {VARIABLE}={identity}:TOKEN",
        )
    return identity, found


def kept_key(reservation: str) -> str | None:
    """Return the token of a reservation that this user has made here; None when there is none."""
    if not reservation.isalnum():
        return None
    try:
        return (_folder() / reservation).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return None


def keep_key(reservation: str, key: str) -> None:
    """Keep a token for later commands of this user; a folder that cannot be written keeps none."""
    with contextlib.suppress(OSError):
        _folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(_folder() / reservation, flags, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(key)


def forget_key(reservation: str) -> None:
    """Forget a token whose reservation is over."""
    with contextlib.suppress(OSError):
        (_folder() / reservation).unlink(missing_ok=True)


def _folder() -> Path:
    return user_folder() / "reservations"
