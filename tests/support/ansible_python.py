"""A Python for ansible-core's modules that starts in 20 ms instead of 300.

ansible-core sends each module as source to a new interpreter, which compiles a whole library first. This one forks
from a process that has imported what of the standard library is needed, and keeps what it has compiled.
`quick_python` gives its path, for `ansible_python_interpreter`.
"""

from __future__ import annotations

import array
import contextlib
import importlib
import json
import marshal
import os
import signal
import socket
import subprocess
import sys
import types
import zipimport
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

IMPORTED = (
    "argparse ast base64 ctypes copy dataclasses datetime email.message errno fcntl fnmatch glob grp hashlib "
    "inspect io ipaddress itertools json locale logging mimetypes pathlib platform pwd queue random re runpy "
    "secrets select selectors shlex shutil signal socket stat string subprocess syslog tarfile tempfile "
    "threading time traceback types typing urllib.error urllib.parse urllib.request uuid zipfile"
)
# what ansible-core starts: hands its streams, folder and environment over, and waits for the exit code
CLIENT = """\
#!{python} -IS
import marshal, posix, sys, _socket
with_socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
with_socket.connect({address!r})
told = marshal.dumps([sys.argv[1:], posix.getcwd(), [(name, text) for name, text in posix.environ.items()]])
streams = b"".join(one.to_bytes(4, sys.byteorder) for one in (0, 1, 2))
with_socket.sendmsg([len(told).to_bytes(8, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
with_socket.sendall(told)
posix._exit((with_socket.recv(1) or b"\\x46")[0])
"""


@contextmanager
def quick_python(folder: Path) -> Iterator[Path]:
    """Start the process that is forked, and yield the interpreter's path; a socket allows `folder` 100 bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    address = folder / "socket"
    script = folder / "python"
    script.write_text(CLIENT.format(python=sys.executable, address=str(address)))
    script.chmod(0o755)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(address))
        listening.listen(64)
        command = [sys.executable, __file__, str(listening.fileno()), str(folder / "compiled")]
        with subprocess.Popen(command, pass_fds=[listening.fileno()]) as process:
            try:
                yield script
            finally:
                process.terminate()


def _remember_compiled(folder: Path) -> None:
    """Keep what zipimport compiles, by what the source is."""
    import hashlib

    importer: Any = zipimport
    plain = importer._compile_source
    folder.mkdir(exist_ok=True)

    def compiled(path: str, source: bytes) -> Any:
        kept = folder / hashlib.sha1(source).hexdigest()
        with contextlib.suppress(FileNotFoundError):
            return marshal.loads(kept.read_bytes())
        code = plain(path, source)
        beside = kept.with_suffix(f".{os.getpid()}")
        beside.write_bytes(marshal.dumps(code))
        beside.rename(kept)
        return code

    importer._compile_source = compiled


def _serve(listening: socket.socket) -> None:
    while True:
        connection, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            _answer(connection)
        connection.close()


def _answer(connection: socket.socket) -> None:
    """Run a program in this process, a child of ours that it may do what it likes with."""
    length, ancillary, _, _ = connection.recvmsg(8, socket.CMSG_SPACE(3 * 4))
    streams = array.array("i")
    streams.frombytes(ancillary[0][2])
    told = b""
    while len(told) < int.from_bytes(length, "big"):
        told += connection.recv(1 << 20)
    arguments, folder, environment = marshal.loads(told)
    _become(arguments, folder, environment, streams, connection)


def _become(
    arguments: list[str],
    folder: str,
    environment: list[Any],
    streams: array.array[int],
    connection: socket.socket,
) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for place, stream in enumerate(streams):
        os.dup2(stream, place)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update({os.fsdecode(name): os.fsdecode(text) for name, text in environment})
    code = 1
    try:
        code = _run(arguments)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        connection.sendall(bytes([code & 0xFF]))
        os._exit(0)


def _run(arguments: list[str]) -> int:
    """Run what Python would: a file, or standard input."""
    if arguments and arguments[0] != "-":
        if arguments[0].startswith("-"):
            os.execv(sys.executable, [sys.executable, *arguments])
        source, name = Path(arguments[0]).read_text(), arguments[0]
        sys.argv = arguments
    else:
        source, name = sys.stdin.read(), "<stdin>"
        sys.argv = ["-"]
    main = types.ModuleType("__main__")
    if arguments:
        main.__file__ = name
    sys.modules["__main__"] = main
    try:
        exec(compile(source, name, "exec"), main.__dict__)
    except SystemExit as ended:
        if isinstance(ended.code, str):
            sys.stderr.write(ended.code + "\n")
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - an interpreter says whatever ends a program, and ends
        import traceback

        traceback.print_exc()
        return 1
    return 0


def main() -> None:
    """Serve the socket until we are ended."""
    for name in IMPORTED.split():
        importlib.import_module(name)
    json.dumps({})
    _remember_compiled(Path(sys.argv[2]))
    # nobody waits for those that answer
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    _serve(socket.socket(fileno=int(sys.argv[1])))


if __name__ == "__main__":
    main()
