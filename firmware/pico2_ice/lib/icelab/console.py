"""The USB serial port as a port for frames: Ctrl-C is a byte like any other."""

import select
import sys

import micropython


class Console:
    """Bytes to and from the host."""

    def __init__(self):
        self._input = sys.stdin.buffer
        self._output = sys.stdout.buffer
        self._poll = select.poll()
        self._poll.register(sys.stdin, select.POLLIN)

    def __enter__(self):
        # a bitstream has any bytes
        micropython.kbd_intr(-1)
        return self

    def __exit__(self, *_):
        micropython.kbd_intr(3)

    def ready(self, milliseconds):
        """Whether something comes within so many milliseconds."""
        return bool(self._poll.poll(milliseconds))

    def readinto(self, view):
        """Fill `view`; waits for it."""
        have = 0
        while have < len(view):
            have += self._input.readinto(view[have:]) or 0

    def write(self, data):
        """Send all of `data`."""
        view = memoryview(data)
        sent = 0
        while sent < len(view):
            sent += self._output.write(view[sent:]) or 0
