"""Programs: started, fed, listened to, and ended with everything they began."""

import os
import select
import time
from _signal import SIGKILL, SIGPIPE, SIGTERM  # type: ignore[import-not-found]  # signal imports enum: 3 ms

from hivectl.helper.node.wire import LONGEST_INTERVAL, Stopped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hivectl.helper.node.wire import Wire

# bytes kept of each output
LARGEST = 16 << 20
PIECE = 65536
# seconds between the polite and the other signal
GRACE = 2.0
# seconds for which the pipes of an ended process are listened to: something in the background may hold them for ever
AFTERGLOW = 0.1
# and in all, when that something goes on talking
LONGEST_AFTERGLOW = 1.0
# signal.SIGXFSZ; Python ignores it, programs expect it
SIGXFSZ = 25


class Ended:
    """How a program ended: `rc` is minus the signal's number if one ended it."""

    def __init__(self) -> None:
        self.rc = 0
        self.stdout = b""
        self.stderr = b""
        self.truncated = False
        self.timed_out = False
        self.stopped = False


def find_program(name: str, environment: "dict[str, str]") -> str:
    """Return the path of a program as execvp would find it; raises FileNotFoundError."""
    if "/" in name:
        return name
    for folder in environment.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder or ".", name)
        if os.access(path, os.X_OK) and not os.path.isdir(path):
            return path
    raise FileNotFoundError(2, "No such file or directory", name)


def _spawn(
    argv: "list[str]", environment: "dict[str, str]", folder: "str | None", pipes: "tuple[int, int, int]"
) -> int:
    """Start a program in a process group of its own; raises OSError."""
    here = os.open(".", os.O_RDONLY | os.O_DIRECTORY) if folder is not None else -1
    try:
        if folder is not None:
            os.chdir(folder)
        path = find_program(argv[0], environment)
        if hasattr(os, "posix_spawn"):
            actions = [(os.POSIX_SPAWN_DUP2, descriptor, number) for number, descriptor in enumerate(pipes)]
            return os.posix_spawn(
                path, argv, environment, file_actions=actions, setpgroup=0, setsigdef=[SIGPIPE, SIGXFSZ]
            )
        return _fork(path, argv, environment, pipes)  # Python 3.7
    finally:
        if here >= 0:
            os.fchdir(here)
            os.close(here)


def _fork(path: str, argv: "list[str]", environment: "dict[str, str]", pipes: "tuple[int, int, int]") -> int:
    from _signal import SIG_DFL, signal

    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setpgid(0, 0)
            signal(SIGPIPE, SIG_DFL)
            signal(SIGXFSZ, SIG_DFL)
            for number, descriptor in enumerate(pipes):
                os.dup2(descriptor, number)
            os.execve(path, argv, environment)
        except OSError as error:
            os.write(writing, b"%d" % (error.errno or 0))
        finally:
            os._exit(127)
    os.close(writing)
    try:
        failure = os.read(reading, 16)
    finally:
        os.close(reading)
    if failure:
        os.waitpid(pid, 0)
        raise OSError(int(failure), os.strerror(int(failure)), path)
    return pid


class _Child:
    """A running program and its pipes."""

    def __init__(self, pid: int, wire: "Wire | None", stdin: int, outputs: "list[int]", data: bytes) -> None:
        self.pid = pid
        self.wire = wire
        self.stdin = stdin
        self.data = memoryview(data)
        self.outputs: "dict[int, list[bytes]]" = {descriptor: [] for descriptor in outputs}
        self.sizes = dict.fromkeys(outputs, 0)
        self.order = outputs
        self.ended = Ended()
        self.exited = False
        # tells the end of the program even where its pipes stay open; else it is asked now and then
        self.handle = -1
        if hasattr(os, "pidfd_open"):
            try:
                self.handle = os.pidfd_open(pid)
            except OSError:
                pass

    def reap(self, *, block: bool = False) -> bool:
        """Take the exit status if there is one."""
        if not self.exited:
            pid, status = os.waitpid(self.pid, 0 if block else os.WNOHANG)
            if pid:
                self.exited = True
                self.ended.rc = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        return self.exited

    def signal(self, number: int) -> None:
        """Send a signal to the whole process group."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            pass

    def patience(self, shortest: float) -> float:
        """Return for how many seconds nothing need be looked at unless it says so."""
        if self.handle < 0:
            return shortest
        return LONGEST_INTERVAL if self.wire is None else min(max(self.wire.hold(), 0.0), self.wire.interval)

    def listen(self, timeout: float) -> bool:
        """Move bytes once; say whether anything came. Raises Stopped."""
        if self.wire is not None:
            self.wire.beat()
        reading = [descriptor for descriptor in self.outputs if descriptor >= 0]
        waiting = list(reading)
        if self.handle >= 0 and not self.exited:
            waiting.append(self.handle)
        if self.wire is not None and not self.wire.ended:
            waiting.append(self.wire.source)
        ready, writable, _ = select.select(waiting, [self.stdin] if self.stdin >= 0 else [], [], timeout)
        if writable:
            self._feed()
        came = False
        for descriptor in ready:
            if descriptor in self.outputs:
                came = True
                self._take(descriptor)
            elif descriptor == self.handle:
                self.reap()
            elif self.wire is not None and self.wire.stop_asked():
                raise Stopped
        return came

    def open(self) -> bool:
        """Whether the program can still say something."""
        return bool(self.outputs)

    def _feed(self) -> None:
        try:
            self.data = self.data[os.write(self.stdin, self.data[:PIECE]) :]
        except BlockingIOError:
            return
        except OSError:
            self.data = self.data[:0]
        if not self.data:
            os.close(self.stdin)
            self.stdin = -1

    def _take(self, descriptor: int) -> None:
        data = os.read(descriptor, PIECE)
        if not data:
            self._keep(descriptor)
            return
        room = LARGEST - self.sizes[descriptor]
        if len(data) > room:
            self.ended.truncated = True
        if room > 0:
            self.outputs[descriptor].append(data[:room])
            self.sizes[descriptor] += min(len(data), room)

    def _keep(self, descriptor: int) -> None:
        text = b"".join(self.outputs.pop(descriptor))
        os.close(descriptor)
        if descriptor == self.order[0]:
            self.ended.stdout = text
        else:
            self.ended.stderr = text

    def finish(self) -> Ended:
        """Close everything; the program is waited for."""
        for descriptor in list(self.outputs):
            self._keep(descriptor)
        for descriptor in (self.stdin, self.handle):
            if descriptor >= 0:
                os.close(descriptor)
        self.stdin = self.handle = -1
        self.reap(block=True)
        return self.ended


def execute(
    argv: "list[str]",
    wire: "Wire | None" = None,
    *,
    environment: "dict[str, str] | None" = None,
    folder: "str | None" = None,
    stdin: bytes = b"",
    timeout: "float | None" = None,
) -> Ended:
    """Run a program to its end and return what it said; raises OSError when it cannot be started.

    Args:
        argv: program and arguments.
        wire: on which a stop is listened for; None for short programs of our own.
        environment: the whole environment; None: ours.
        folder: working directory.
        stdin: bytes for its standard input.
        timeout: seconds; then the process group is ended.
    """
    out_reading, out_writing = os.pipe()
    error_reading, error_writing = os.pipe()
    in_reading, in_writing = os.pipe() if stdin else (os.open(os.devnull, os.O_RDONLY), -1)
    pipes = (in_reading, out_writing, error_writing)
    started = False
    try:
        pid = _spawn(argv, dict(os.environ) if environment is None else environment, folder, pipes)
        started = True
    finally:
        for descriptor in pipes:
            os.close(descriptor)
        if not started:
            for descriptor in (out_reading, error_reading, in_writing):
                if descriptor >= 0:
                    os.close(descriptor)
    if in_writing >= 0:
        os.set_blocking(in_writing, False)
    child = _Child(pid, wire, in_writing, [out_reading, error_reading], stdin)
    return _attend(child, None if timeout is None else time.monotonic() + timeout)


def _attend(child: _Child, until: "float | None") -> Ended:
    """Listen to the child to its end, or end it."""
    patience = 0.01
    dusk = None
    try:
        while child.open():
            if child.exited:
                dusk = dusk or time.monotonic() + LONGEST_AFTERGLOW
                if time.monotonic() > dusk:
                    break
            wait = child.patience(patience)
            if until is not None:
                left = until - time.monotonic()
                if left <= 0:
                    child.ended.timed_out = True
                    break
                wait = min(wait, left)
            came = child.listen(AFTERGLOW if child.exited else wait)
            if not came:
                if child.exited:
                    break
                if child.wire is not None and child.wire.hold() <= 0:
                    child.wire.flush()
                child.reap()
                patience = min(patience * 2, 0.2)
        else:
            _await_exit(child, until)
    except Stopped:
        child.ended.stopped = True
    if child.ended.timed_out or child.ended.stopped:
        _end(child)
    return child.finish()


def _await_exit(child: _Child, until: "float | None") -> None:
    """Wait for a program that has closed its outputs and goes on."""
    patience = 0.001
    while not child.reap():
        if until is not None and time.monotonic() >= until:
            child.ended.timed_out = True
            return
        child.listen(patience)
        if child.wire is not None and child.wire.hold() <= 0:
            child.wire.flush()
        patience = min(patience * 2, 0.2)


def _end(child: _Child) -> None:
    """End the process group: TERM, and KILL to what is left of it after some seconds."""
    child.wire = None  # a second stop changes nothing
    child.signal(SIGTERM)
    until = time.monotonic() + GRACE
    while time.monotonic() < until and not child.reap():
        child.listen(0.02)
    # also what the program left behind in its group
    child.signal(SIGKILL)
    child.reap(block=True)
    while child.open() and child.listen(0):
        pass
