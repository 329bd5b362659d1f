"""Bytes as literals of MicroPython."""

from __future__ import annotations

import re

# in a literal: what ends it, and what a terminal does not let through
SPECIAL = re.compile(rb'[\x00-\x05\n\r"\\]')


def literal(data: bytes) -> bytes:
    """Return a bytes literal as MicroPython's lexer, which is clean for eight bits, takes it."""
    return b'b"%b"' % SPECIAL.sub(_escaped, data)


def _escaped(match: re.Match[bytes]) -> bytes:
    return b"\\x%02x" % match[0][0]
