"""Operations that are carried out here, for a node that is asked: what the Python helper's program does with them."""

from __future__ import annotations

import subprocess
import threading
import urllib.error as urllib_error
import urllib.parse as urllib_parse
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from hivectl.helper.bundle import NODE
from hivectl.helper.node.wire import EndOfInput, Stopped
from hivectl.helper.program import MORE, SYSTEM
from hivectl.helper.sh.encode import frame_of
from hivectl.helper.sh.quoting import CannotEncodeError
from hivectl.helper.sh.remote.accounts import Groups, Users
from hivectl.helper.sh.remote.files import Glob, Shutil, Socket, Temporaries, opener
from hivectl.helper.sh.remote.line import Errand
from hivectl.helper.sh.remote.node import Node, Times
from hivectl.helper.sh.remote.programs import Programs
from hivectl.helper.sh.remote.replaced import replaced_for
from hivectl.helper.sh.remote.system import System
from hivectl.helper.sh.remote.transport import modules_for
from hivectl.helper.sh.remote.world import World
from hivectl.helper.sh.results import bytes_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hivectl.helper.operations import Item
    from hivectl.helper.sh.remote.line import Line
    from hivectl.helper.sh.results import Clock

PIECE = 1 << 18


class RemoteOperations:
    """The operations of one session that run here; made when the first of them is asked for."""

    def __init__(self, clock: Clock) -> None:
        self._node = node = Node(clock)
        system = System(node)
        transport = modules_for(node)
        urllib = SimpleNamespace(
            error=urllib_error, parse=urllib_parse, request=transport.pop("urllib.request")
        )
        wire = SimpleNamespace(Stopped=Stopped, EndOfInput=EndOfInput)
        machine: dict[str, Any] = {
            "os": system,
            "open": opener(node),
            "pwd": Users(node),
            "grp": Groups(node),
            "tempfile": Temporaries(node, system),
            "shutil": Shutil(node),
            "glob": Glob(node),
            "socket": Socket(node),
            "time": Times(node),
            "urllib": urllib,
            # only for zstd, which unpacks what lies here
            "subprocess": subprocess,
            **transport,
            f"{NODE}.programs": Programs(node),
            f"{NODE}.wire": wire,
        }
        self._world = World(machine, replaced_for(node))
        # one after the other: an operation that was given up may still be leaving
        self._turn = threading.Lock()

    def errand(self, item: Item, plain: Mapping[str, Any]) -> RemoteErrand:
        """Begin an operation."""
        return RemoteErrand(self, item, plain)

    def carry_out(
        self, line: Line, item: Item, plain: Mapping[str, Any]
    ) -> tuple[dict[str, Any], bytes, bytes]:
        """Do an operation; return result, standard output and standard error."""
        with self._turn:
            self._node.begin(line)
            failure: type[Exception] = self._world.module("paths").Failure
            try:
                return self._do(item, plain)
            except Stopped:
                return {"changed": False, "failed": True, "stopped": True, "msg": "stopped"}, b"", b""
            except CannotEncodeError as error:
                return _failed(str(error)), b"", b""
            except OSError as error:
                where = f": {error.filename}" if isinstance(error.filename, str) else ""
                return _failed(f"{error.strerror or error}{where}"), b"", b""
            except failure as error:
                more: dict[str, Any] = error.result  # type: ignore[attr-defined]  # a Failure has it
                return {"changed": False, **more}, b"", b""
            except Exception as error:  # noqa: BLE001 - as on a node with Python: it ends its item, with its name
                return _failed(f"the helper failed: {type(error).__name__}: {error}"), b"", b""

    def _do(self, item: Item, plain: Mapping[str, Any]) -> tuple[dict[str, Any], bytes, bytes]:
        name, check, diff = item.operation.name, item.check, item.diff
        if item.seen is None:
            return self._act(item, plain, check=check, diff=diff)
        asked = {"name": name, "o": dict(plain), "check": check, "diff": diff, "seen": dict(item.seen)}
        made: tuple[dict[str, Any], bytes, bytes] = self._world.module("observe").watched(
            asked, set(), lambda one: self._act(item, plain, check=one["check"], diff=one["diff"])
        )
        return made

    def _act(
        self, item: Item, plain: Mapping[str, Any], *, check: bool, diff: bool
    ) -> tuple[dict[str, Any], bytes, bytes]:
        name = item.operation.name
        wire = Wire(self._node)
        operation = dict(plain)
        if name in SYSTEM:
            done = self._world.module("system").act(name, operation, wire, check=check, diff=diff)
            return done, b"", b""
        if name in MORE:
            made: tuple[dict[str, Any], bytes, bytes] = self._world.module("more").act(
                name, operation, lambda: _pieces_of(item), wire, check=check, diff=diff
            )
            return made
        pretence = Pretence(self._node)
        done = self._world.module("duplicates").duplicate(operation, pretence, wire, check=check, diff=diff)
        return done, b"", b""


def _failed(words: str) -> dict[str, Any]:
    return {"changed": False, "failed": True, "msg": words}


def _pieces_of(item: Item) -> Iterator[bytes]:
    data = bytes_of(item.operation.content)  # type: ignore[attr-defined]  # only operations with one ask
    for start in range(0, len(data), PIECE):
        yield data[start : start + PIECE]


class RemoteErrand(Errand):
    """An operation at work; its result is known once the node has told how long it took."""

    def __init__(self, operations: RemoteOperations, item: Item, plain: Mapping[str, Any]) -> None:
        self.result: dict[str, Any] = {}
        self.output = (b"", b"")

        def work(line: Line) -> bytes:
            self.result, *output = operations.carry_out(line, item, plain)
            self.output = output[0], output[1]
            rc, failed = self.result.get("rc"), bool(self.result.get("failed"))
            stopped = bool(self.result.get("stopped"))
            words = f"{int(failed)} {rc if isinstance(rc, int) else 'null'} {int(stopped)}"
            return frame_of(f"r_done {words}")

        super().__init__(work)

    def header(self, index: int, seconds: float) -> tuple[dict[str, Any], bytes]:
        """Return the result's header, and the outputs behind it."""
        stdout, stderr = self.output
        header: dict[str, Any] = {"t": "result", "i": index, "s": seconds, "r": self.result}
        if "rc" in self.result and "stdout" not in self.result:
            header["out"] = len(stdout)
            return header, stdout + stderr
        return header, b""


class Wire:
    """What long operations tell of themselves, and listen to."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def tick(self) -> None:
        """Raise Stopped when the controller wants no more."""
        assert self._node.line is not None
        self._node.line.tick()

    def pause(self, seconds: float) -> None:
        """Sleep there; raises Stopped."""
        self.tick()
        self._node.ask("r_pause", str(int(seconds * 100)))
        self.tick()

    def flush(self) -> None:
        """Do nothing: nothing waits."""


class Pretence:
    """What a check would have made so far, as the node remembers it."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def kind(self, path: str) -> str | None:
        """Return what a check would have made of a path; None: what is there stands."""
        return self._node.ask("r_pretended", path).fields["kind"] or None

    def would(self, path: str, kind: str) -> None:
        """Remember that a path would be "directory", "file", "link" or "absent"."""
        self._node.ask("r_would", path, kind)
