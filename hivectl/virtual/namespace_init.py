"""The first process of a virtual node: starts what the SSH server asks for, and reaps.

Runs inside the sandbox as process 1, sent as text (`python3 -I -S -c`), so it uses the standard library of
Python 3.7 only. When the control socket closes it ends, and the kernel ends everything else of the node with it.

Control messages are JSON, one a packet. In: `{"id", "argv", "environment", "directory", "terminal"}` with the
descriptors for standard input, output and error (none with a terminal), or `{"id", "signal"}`. Out: `{"ready"}`
once, `{"id", "terminal"}` with the terminal's descriptor, `{"id", "status"}` when a program has ended.
"""

import array
import contextlib
import fcntl
import json
import os
import pty
import select
import signal
import socket
import sys
import termios
from typing import Any

LARGEST = 1 << 20


def start(request: dict[str, Any], descriptors: list[int], control: socket.socket) -> int:
    """Start one program; return its pid."""
    master = slave = None
    if request["terminal"]:
        master, slave = pty.openpty()
        descriptors = [slave, slave, slave]
    pid = os.fork()
    if pid == 0:
        run(request, descriptors)
    if master is not None:
        rights = array.array("i", [master])
        message = json.dumps({"id": request["id"], "terminal": True}).encode()
        control.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        os.close(master)
    for descriptor in set(descriptors):
        os.close(descriptor)
    return pid


def run(request: dict[str, Any], descriptors: list[int]) -> None:
    """Become the program, in the forked child; never returns."""
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.setsid()
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
        os.closerange(3, 1024)
        if request["terminal"]:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        os.chdir(request["directory"])
        program, *rest = request["argv"]
        # a login shell's name begins with a dash
        os.execvpe(  # noqa: S606  what was asked for
            program.lstrip("-"), [program, *rest], request["environment"]
        )
    except OSError as error:
        os.write(2, f"{request['argv'][0]}: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def reap(running: dict[int, int], control: socket.socket) -> None:
    """Tell how every ended program ended, orphans aside."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        number = running.pop(pid, None)
        if number is not None:
            code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
            control.send(json.dumps({"id": number, "status": code}).encode())


def receive(control: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """Return a request and its descriptors; (None, []) when the controller is gone."""
    size = socket.CMSG_SPACE(3 * array.array("i").itemsize)
    message, ancillary, _, _ = control.recvmsg(LARGEST, size)
    descriptors = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    return (json.loads(message) if message else None), list(descriptors)


def serve(control: socket.socket) -> None:
    """Serve until the control socket closes."""
    running: dict[int, int] = {}
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    control.send(json.dumps({"ready": True}).encode())
    while True:
        ready, _, _ = select.select([control.fileno(), reading], [], [])
        if reading in ready:
            os.read(reading, 4096)
            reap(running, control)
        if control.fileno() in ready:
            request, descriptors = receive(control)
            if request is None:
                return
            if "signal" in request:
                for pid, number in running.items():
                    if number == request["id"]:
                        with contextlib.suppress(ProcessLookupError):
                            os.killpg(pid, request["signal"])
            else:
                running[start(request, descriptors, control)] = request["id"]


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
