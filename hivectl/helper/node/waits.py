"""Waiting on the node until a port, a path or a text is there, or gone: Ansible's wait_for."""

import errno
import os
import socket
import time

from hivectl.helper.node.paths import Failure, describe, expand, reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hivectl.helper.node.wire import Wire

# /proc/net/tcp, fourth column (include/net/tcp_states.h)
STATES = {
    "ESTABLISHED": "01",
    "SYN_SENT": "02",
    "SYN_RECV": "03",
    "FIN_WAIT1": "04",
    "FIN_WAIT2": "05",
    "TIME_WAIT": "06",
}
DRAINING = ("ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "SYN_RECV", "SYN_SENT", "TIME_WAIT")
# of a file or of what a port says, in bytes
LARGEST = 16 << 20


class Wanted:
    """What is waited for."""

    def __init__(self, operation: "dict[str, Any]") -> None:
        self.state = operation.get("state", "started")
        self.host = operation.get("host", "127.0.0.1")
        self.port = operation.get("port")
        path = operation.get("path")
        self.path = None if path is None else expand(path)
        self.connect_timeout = operation.get("connect_timeout", 5.0)
        self.excluded = _addresses(operation.get("exclude_hosts", ()))
        self.connection_states = [
            STATES[name] for name in operation.get("active_connection_states") or DRAINING
        ]
        self.until = time.monotonic() + operation.get("timeout", 300.0)
        self.groups: "dict[str, Any]" = {}
        self.pattern = None
        if operation.get("search_regex") is not None:
            import re

            try:
                self.pattern = re.compile(
                    operation["search_regex"].encode("utf-8", "surrogateescape"), re.MULTILINE
                )
            except re.error as error:
                raise Failure(f"search_regex is not a regular expression: {error}") from error

    def met(self) -> bool:
        """Whether it is as wanted."""
        if self.state == "drained":
            return not self._connections()
        present = self._file_matches() if self.path is not None else self._port_answers()
        return present if self.state in {"started", "present"} else not present

    def _file_matches(self) -> bool:
        assert self.path is not None
        if self.pattern is None:
            return os.path.exists(self.path)
        try:
            with open(self.path, "rb") as file:
                return self.matches(file.read(LARGEST))
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.ENOTDIR}:
                return False
            raise Failure(f"{self.path} cannot be read: {reason(error)}", path=self.path) from error

    def matches(self, data: bytes) -> bool:
        """Whether the pattern is in what was read; its groups are kept."""
        assert self.pattern is not None
        found = self.pattern.search(data)
        if not found:
            return False
        self.groups = {
            "match_groups": [_text(group) for group in found.groups()],
            "match_groupdict": {name: _text(group) for name, group in found.groupdict().items()},
        }
        return True

    def _port_answers(self) -> bool:
        try:
            connection = socket.create_connection((self.host, self.port), self._patience())
        except OSError:
            return False
        with connection:
            if self.pattern is None or self.state not in {"started", "present"}:
                return True
            return self._says(connection)

    def _says(self, connection: socket.socket) -> bool:
        """Whether the other side says what is wanted before it closes or the time is up."""
        data = b""
        while len(data) < LARGEST:
            connection.settimeout(self._patience())
            try:
                piece = connection.recv(65536)
            except OSError:
                return False
            if not piece:
                return False
            data += piece
            if self.matches(data):
                return True
        return False

    def _patience(self) -> float:
        return float(max(0.01, min(self.connect_timeout, self.until - time.monotonic())))

    def _connections(self) -> int:
        """Count the active connections to the port."""
        rows: "list[str]" = []
        for name in ("/proc/net/tcp", "/proc/net/tcp6"):
            try:
                with open(name) as file:
                    rows += file.read().splitlines()[1:]
            except OSError:
                continue
        return self.active(rows)

    def active(self, rows: "list[str]") -> int:
        """Count the active connections to the port among lines of /proc/net/tcp."""
        wanted = _addresses([self.host]) if self.host else set()
        everywhere = self.host in {"0.0.0.0", "::", ""}  # noqa: S104 - compared, not bound
        count = 0
        for row in rows:
            fields = row.split()
            address, _, port = fields[1].partition(":")
            if int(port, 16) != self.port or fields[3] not in self.connection_states:
                continue
            here, there = _readable(address), _readable(fields[2].partition(":")[0])
            count += (everywhere or here in wanted) and there not in self.excluded
        return count


def _text(group: "bytes | None") -> "str | None":
    return None if group is None else group.decode("utf-8", "surrogateescape")


def _addresses(hosts: "Any") -> "set[str]":
    found: "set[str]" = set()
    for host in hosts:
        try:
            found.update(str(entry[4][0]) for entry in socket.getaddrinfo(host, None))
        except OSError as error:
            raise Failure(f"{host} cannot be resolved: {reason(error)}") from error
    return found


def _readable(field: str) -> str:
    """Return an address of /proc/net/tcp as people write it: 32-bit words in the machine's byte order."""
    import struct

    words = [int(field[start : start + 8], 16) for start in range(0, len(field), 8)]
    packed = struct.pack("=%dI" % len(words), *words)
    if len(packed) == 16 and packed.startswith(b"\0" * 10 + b"\xff\xff"):
        packed = packed[12:]
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


def wait(operation: "dict[str, Any]", wire: "Wire") -> "dict[str, Any]":
    """Carry out a `wait`; raises Stopped or EndOfInput when the controller wants no more."""
    start = time.monotonic()
    wanted = Wanted(operation)
    result: "dict[str, Any]" = {
        "changed": False,
        "state": wanted.state,
        "port": wanted.port,
        "path": wanted.path,
        "search_regex": operation.get("search_regex"),
        "match_groups": [],
        "match_groupdict": {},
    }
    if wanted.port is None and wanted.path is None:
        # nothing to look for: a plain pause, as Ansible has it
        wire.pause(operation.get("timeout", 300.0))
        return dict(result, elapsed=int(time.monotonic() - start))
    wire.pause(operation.get("delay", 0.0))
    while not wanted.met():
        left = wanted.until - time.monotonic()
        if left <= 0:
            elapsed = int(time.monotonic() - start)
            raise Failure(
                operation.get("msg") or complaint(wanted, operation), **dict(result, elapsed=elapsed)
            )
        wire.pause(min(operation.get("sleep", 1.0), left))
    if wanted.path is not None and os.path.exists(wanted.path):
        result.update(describe(wanted.path))
    return dict(result, elapsed=int(time.monotonic() - start), **wanted.groups)


def complaint(wanted: Wanted, operation: "dict[str, Any]") -> str:
    """Say what did not come in time."""
    what = f"file {wanted.path}" if wanted.path is not None else f"{wanted.host}:{wanted.port}"
    if wanted.state == "drained":
        return f"Timeout when waiting for {what} to drain"
    if wanted.state in {"stopped", "absent"}:
        return "Timeout when waiting for {} to {}.".format(
            what, "be absent" if wanted.path is not None else "stop"
        )
    if wanted.pattern is not None:
        return "Timeout when waiting for search string {} in {}".format(operation["search_regex"], what)
    return f"Timeout when waiting for {what}"
