"""Text that comes from nodes, made harmless for a terminal, and figures for people."""

from __future__ import annotations

import re

# C0 and C1 controls (ESC and the one-byte CSI among them), DEL, line and paragraph separators, bidirectional
# overrides (which reorder what is read), and lone surrogates, which stand for bytes that are no UTF-8.
_HARMFUL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_BREAKS = re.compile(r"[\t\n]")


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:  # surrogateescape: the byte itself
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def harmless(text: str) -> str:
    r"""Return `text` with every character that could steer a terminal shown as `\x1b` and its like.

    Newlines and tabs stay; the carriage returns of `\r\n` go.
    """
    return _HARMFUL.sub(_visible, text.replace("\r\n", "\n"))


def one_line(text: str, limit: int = 500) -> str:
    """Return `text` harmless, on one line, and at most `limit` characters long."""
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return _BREAKS.sub(lambda match: "\\n" if match[0] == "\n" else " ", harmless(text))


def tail(text: str, lines: int = 10, width: int = 500) -> list[str]:
    """Return the last lines of `text`, harmless; a first line says how many were left out."""
    every = text.rstrip("\n").split("\n") if text else []
    kept = [one_line(line.rstrip("\r"), width) for line in every[-lines:]]
    left_out = len(every) - len(kept)
    return [f"… {left_out} lines before", *kept] if left_out else kept


def duration(seconds: float) -> str:
    """Return seconds as people read them: 0.4 s, 12.3 s, 3 min 5 s, 2 h 4 min."""
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours} h {minutes_left} min" if hours else f"{minutes} min {rest} s"


def count(number: int, noun: str) -> str:
    """Return "1 node", "3 nodes"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
