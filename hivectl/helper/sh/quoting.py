"""Values as words of sh."""

from __future__ import annotations


class CannotEncodeError(Exception):
    """A value that sh cannot take; the message is for the item's result."""


def quote(value: object) -> str:
    """Return a value as one word of sh."""
    text = str(value)
    if "\0" in text:
        raise CannotEncodeError("embedded null byte")
    return "'" + text.replace("'", "'\\''") + "'"


def octal(data: bytes) -> str:
    """Return bytes as `printf %b` writes them."""
    return "".join(f"\\0{byte:03o}" for byte in data)
