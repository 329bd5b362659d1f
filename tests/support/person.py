"""Somebody at a terminal: a real one, in which `hivectl` runs."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import subprocess
import termios
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support.command import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.command import Lab


class Person:
    """Somebody at a terminal in which `hivectl` runs."""

    def __init__(self, lab: Lab, *arguments: str, **more: str) -> None:
        self.ours, theirs = os.openpty()
        self.size(100, 30)
        self.theirs = theirs
        self.before = termios.tcgetattr(theirs)
        self.seen = b""
        self.process = subprocess.Popen(
            [*PROGRAM, *arguments],
            cwd=lab.folder,
            env=lab.environment(**more),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )

    def size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def types(self, text: str) -> None:
        os.write(self.ours, text.encode())

    def sees(self, text: str, seconds: float = 15.0) -> None:
        end = time.monotonic() + seconds
        while text.encode() not in self.seen:
            ready, _, _ = select.select([self.ours], [], [], max(0, end - time.monotonic()))
            assert ready, f"{text!r} is not in {self.seen[-2000:]!r}"
            self.seen += os.read(self.ours, 65536)
        self.seen = self.seen.partition(text.encode())[2]

    def leaves(self, seconds: float = 15.0) -> int:
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < end, self.seen
            if select.select([self.ours], [], [], 0.05)[0]:
                self.seen += os.read(self.ours, 65536)
        return self.process.returncode

    def terminal_is_as_before(self) -> bool:
        return termios.tcgetattr(self.theirs) == self.before

    def goes(self) -> None:
        self.process.kill()
        self.process.wait()
        for descriptor in (self.ours, self.theirs):
            os.close(descriptor)


@contextmanager
def person_at(lab: Lab, *arguments: str, **more: str) -> Iterator[Person]:
    """Let somebody run `hivectl` in a lab; at the end of the block he goes, whatever runs then."""
    person = Person(lab, *arguments, **more)
    try:
        yield person
    finally:
        person.goes()
