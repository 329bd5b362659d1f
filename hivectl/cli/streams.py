"""Standard output that remembers why it could not be written, and standard streams that are always there."""

from __future__ import annotations

import codecs
import os
import sys
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from typing import TextIO


# what hivectl itself draws with, for terminals whose encoding lacks it; each as wide as what it stands for
PLAIN = {"━": "=", "…": "~", "─": "-", "│": "|", "├": "+", "└": "+"}
ESCAPING = "hivectl.escaping"


def escaping(error: UnicodeError) -> tuple[str | bytes, int]:
    """Return what stands for a character that a stream cannot show, as an error handler of `codecs`."""
    if isinstance(error, UnicodeEncodeError) and (plain := PLAIN.get(error.object[error.start])):
        return plain, error.start + 1
    return codecs.backslashreplace_errors(error)


class WatchedStream:
    """A text stream that passes everything on and keeps the first fault of writing."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.fault: OSError | None = None

    def write(self, text: str) -> int:
        """Write text."""
        try:
            return self._stream.write(text)
        except OSError as fault:
            self.fault = self.fault or fault
            raise

    def write_bytes(self, data: bytes) -> None:
        """Write bytes as they are."""
        try:
            self._stream.flush()
            self._stream.buffer.write(data)
            self._stream.buffer.flush()
        except OSError as fault:
            self.fault = self.fault or fault
            raise

    def flush(self) -> None:
        """Write out what is buffered."""
        try:
            self._stream.flush()
        except OSError as fault:
            self.fault = self.fault or fault
            raise

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def prepare_streams() -> None:
    """Make standard streams safe to use, before anything else is opened.

    /dev/null takes the place of 0, 1 and 2 where these are closed, so that no file that is opened later gets the
    number; a name that the terminal's encoding cannot show is escaped; faults of standard output are remembered.
    """
    while True:
        number = os.open(os.devnull, os.O_RDWR)
        if number > 2:
            os.close(number)
            break
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 pathlib costs 3 ms; open to the end
    codecs.register_error(ESCAPING, escaping)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=ESCAPING)
    if sys.stdout is not None:
        sys.stdout = cast("TextIO", WatchedStream(sys.stdout))


def output_fault() -> OSError | None:
    """Write out what is buffered; returns why standard output cannot be written, None when it can."""
    stream: object = sys.stdout
    if not isinstance(stream, WatchedStream):
        return None
    if stream.fault is None:
        try:
            stream.flush()
        except OSError:
            return stream.fault
    return stream.fault
