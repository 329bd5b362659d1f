"""The program that a Linux node runs for us: stdlib only, Python 3.7+, nothing left on disk but `.hivelock`.

It takes frames (node/wire.py) on standard input and answers on standard output. It ends with its input; the operation
that it is in is finished first, and noted in `.hivelock`. The frames, by `t`:

    batch    run, fence, items [{key, step, chain, check, diff, ignore, seen, timed, name, o}], touched, contents [[sha256, size]], bytes
             -> result {h, i, r, s, out, err, bytes}..., data {i, bytes} before a read's result, need {i},
                fenced {msg}, done
    modules  what later operations need (bundle.py)
    content  the answer to need: bytes, end, failed
    stop     ends the operation in hand and the batch
    accept, record, unlock, progress -> answer {progress, fenced, unusable}
"""

import os
import select
import sys
import time
from _signal import SIGTERM, signal  # type: ignore[import-not-found]  # signal imports enum: 3 ms

from hivectl.helper.node.paths import Failure, Pretence, Refused, Unusable, reason
from hivectl.helper.node.wire import EndOfInput, Stopped, Wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hivectl.helper.node.lock import Lock

# outputs up to here travel inside the JSON
SHORT = 4096
# contents up to here are kept once they came: a diff and the file itself both need them
KEPT = 128 << 10
# operations that may take long without looking at the wire (`run` does that by itself)
SLOW = frozenset({"duplicate", "facts", "read", "remove", "wait"})
LOOKS = frozenset({"facts", "read", "stat", "wait"})
# what comes to a node only when a batch asks for it (node/more.py); slow as well
MORE = frozenset({"download", "find", "script", "temporary", "unpack"})
# what the system's own programs do (node/system.py): slow as well
SYSTEM = frozenset({"cron", "git", "group", "hostname", "package", "pip", "service", "user"})


class Contents:
    """What of the batch's contents came with it."""

    def __init__(self, listed: "list[list[Any]]", data: bytes) -> None:
        self._known: "dict[str, bytes]" = {}
        start = 0
        for sha256, size in listed:
            self._known[sha256] = data[start : start + size]
            start += size

    def get(self, sha256: str) -> "bytes | None":
        """Return the bytes, None when they must be asked for."""
        return self._known.get(sha256)


class Helper:
    """Carries out what comes on the wire."""

    def __init__(self, wire: Wire, modules: "dict[str, Any]") -> None:
        self.wire = wire
        self.modules = modules
        self.pretence = Pretence()
        self.touched: "set[str]" = set()
        self._lock: "Lock | None" = None

    def lock(self) -> "Lock":
        """Return the login's `.hivelock`; raises Unusable."""
        if self._lock is None:
            from hivectl.helper.node.lock import Lock

            self._lock = Lock((self.wire.encode, self.wire.decode))
        return self._lock

    def serve(self) -> None:
        """Take frames until there are no more."""
        while True:
            try:
                header, data = self.wire.receive()
            except EndOfInput:
                return
            kind = header["t"]
            if kind == "batch":
                self._batch(header, data)
            elif kind == "modules":
                self._learn(data)
            elif kind in {"accept", "record", "unlock", "progress"}:
                self.wire.send(self._answer(kind, header))
            # a stop that comes after the end of its batch has nothing to end

    def _learn(self, data: bytes) -> None:
        """Take modules that the next batch needs: the loader finds them when they are imported."""
        import marshal
        import zlib

        # the controller may run anything here anyway
        self.modules.update(marshal.loads(zlib.decompress(data)))  # noqa: S302

    def _answer(self, kind: str, header: "dict[str, Any]") -> "dict[str, Any]":
        answer: "dict[str, Any]" = {"t": "answer"}
        try:
            lock = self.lock()
            if kind == "progress":
                answer["progress"] = lock.progress(header["run"])
            elif kind == "unlock":
                lock.give_back(header["fence"])
            elif kind == "record":
                lock.record(header["fence"], header["progress"])
            else:
                lock.accept(header["fence"])
        except Refused as refusal:
            answer["fenced"] = str(refusal)
        except Unusable as error:
            answer["unusable"] = str(error)
        return answer

    def _batch(self, header: "dict[str, Any]", data: bytes) -> None:
        fence = header.get("fence")
        if header["run"] != self.pretence.run:
            self.touched = set()
        self.pretence.begin(header["run"])
        self.touched.update(header.get("touched", ()))
        try:
            if fence is not None:
                self.lock().accept(fence)
                # a claim does not end while an operation takes longer than it stands
                self.wire.keep(lambda: self._renew(fence), fence["time_to_live"] / 3)
            self._items(header, Contents(header.get("contents", ()), data), fence)
        except Refused as refusal:
            self.wire.send({"t": "fenced", "msg": str(refusal)}, now=False)
        except Unusable as error:
            self.wire.send({"t": "unusable", "msg": str(error)}, now=False)
        self.wire.keep(None)
        self.wire.send({"t": "done"})

    def _renew(self, fence: "dict[str, Any]") -> None:
        try:
            self.lock().accept(fence)
        except (Refused, Unusable):
            pass  # the check before the next item says so

    def _items(self, header: "dict[str, Any]", contents: Contents, fence: "dict[str, Any] | None") -> None:
        failed_step, failed_chains = None, set()
        for index, item in enumerate(header["items"]):
            if self._over():
                return
            if failed_step is not None and item["step"] != failed_step:
                return
            if (item["step"], item["chain"]) in failed_chains:
                continue
            if fence is not None:
                self.lock().check(fence)
            result = self._item(index, item, header["run"], fence, contents)
            if result.get("failed"):
                failed_chains.add((item["step"], item["chain"]))
                if not item.get("ignore"):
                    failed_step = item["step"]
            if result.get("stopped"):
                return

    def _over(self) -> bool:
        """Whether the controller is gone or wants no more; also takes notice of what it sent meanwhile."""
        wire = self.wire
        if wire.broken or wire.ended:
            return True
        return bool(select.select([wire.source], [], [], 0)[0]) and (wire.stop_asked() or wire.ended)

    def _item(
        self, index: int, item: "dict[str, Any]", run: str, fence: "dict[str, Any] | None", contents: Contents
    ) -> "dict[str, Any]":
        recorded = fence is not None and item.get("once") and not item.get("check")
        progress = {"run": run, "key": item["key"], "ended": False, "rc": None}
        if recorded:
            self.lock().record(fence, progress)  # type: ignore[arg-type]  # recorded: there is a fence
        timed = item.get("timed", False)
        if timed or item["name"] in SLOW or item["name"] in SYSTEM or item["o"].get("recurse"):
            # the controller counts an item's time from the result before it
            self.wire.flush()
        start = time.monotonic()
        stdout = stderr = b""
        try:
            if "seen" in item:
                from hivectl.helper.node.observe import watched

                result, stdout, stderr = watched(
                    item, self.touched, lambda one: self._carry_out(index, one, contents)
                )
            else:
                result, stdout, stderr = self._carry_out(index, item, contents)
        except Failure as failure:
            result = dict({"changed": False}, **failure.result)
        except Stopped:
            result = {"changed": False, "failed": True, "stopped": True, "msg": "stopped"}
        except EndOfInput:
            result = {"changed": False, "failed": True, "msg": "the controller is gone"}
        except OSError as error:
            where = f": {error.filename}" if isinstance(error.filename, str) else ""
            result = {"changed": False, "failed": True, "msg": f"{reason(error)}{where}"}
        except Exception as error:
            # a fault of ours or of the node's Python ends this item with its name, not the whole batch in silence
            result = {"changed": False, "failed": True, "msg": _fault(error)}
        self._report(index, result, stdout, stderr, time.monotonic() - start)
        if timed:
            self.wire.flush()
        if recorded:
            progress.update(ended=True, rc=result.get("rc"))
            self.lock().record(fence, progress)  # type: ignore[arg-type]  # recorded: there is a fence
        return result

    def _report(
        self, index: int, result: "dict[str, Any]", stdout: bytes, stderr: bytes, seconds: float
    ) -> None:
        frame: "dict[str, Any]" = {"t": "result", "i": index, "s": seconds, "r": result}
        if len(stdout) + len(stderr) > SHORT:
            frame["out"] = len(stdout)
            self.wire.send(frame, stdout + stderr, now=False)
            return
        if "rc" in result:
            result.setdefault("stdout", stdout.decode("utf-8", "surrogateescape"))
            result.setdefault("stderr", stderr.decode("utf-8", "surrogateescape"))
        self.wire.send(frame, now=False)

    def _carry_out(
        self, index: int, item: "dict[str, Any]", contents: Contents
    ) -> "tuple[dict[str, Any], bytes, bytes]":
        name, operation = item["name"], item["o"]
        check, diff = item.get("check", False), item.get("diff", False)
        if name == "run":
            from hivectl.helper.node.runs import run

            return run(operation, self.wire, check=check)
        if name in MORE:
            from hivectl.helper.node.more import act

            body = Body(self.wire, index, operation["content"], contents) if "content" in operation else None
            try:
                return act(name, operation, body, self.wire, check=check, diff=diff)
            finally:
                if body is not None:
                    body.drain()
        if name in LOOKS:
            return self._look(index, name, operation), b"", b""
        return self._change(index, item, contents, check=check, diff=diff), b"", b""

    def _look(self, index: int, name: str, operation: "dict[str, Any]") -> "dict[str, Any]":
        """Carry out what changes nothing."""
        if name == "facts":
            from hivectl.helper.node.facts import facts

            return facts(operation, self.wire)
        if name == "wait":
            from hivectl.helper.node.waits import wait

            return wait(operation, self.wire)
        if name == "read":
            from hivectl.helper.node.contents import read

            return read(operation, lambda data: self.wire.send({"t": "data", "i": index}, data))
        from hivectl.helper.node.files import stat

        return stat(operation)

    def _change(
        self, index: int, item: "dict[str, Any]", contents: Contents, *, check: bool, diff: bool
    ) -> "dict[str, Any]":
        name, operation, pretence = item["name"], item["o"], self.pretence
        if name == "edit":
            from hivectl.helper.node.edits import apply_edit

            return apply_edit(operation, pretence, check=check, diff=diff)
        if name == "write":
            from hivectl.helper.node.contents import write

            body = Body(self.wire, index, operation["content"], contents)
            try:
                return write(operation, body, pretence, check=check, diff=diff)
            finally:
                body.drain()
        if name in SYSTEM:
            from hivectl.helper.node.system import act

            return act(name, operation, self.wire, check=check, diff=diff)
        if name == "duplicate":
            from hivectl.helper.node.duplicates import duplicate

            return duplicate(operation, pretence, self.wire, check=check, diff=diff)
        from hivectl.helper.node import files

        actions = {
            "directory": files.directory,
            "link": files.link,
            "remove": files.remove,
            "touch": files.touch,
        }
        if name not in actions:
            raise Failure(f"this helper does not know the operation {name}")
        return actions[name](operation, pretence, check=check, diff=diff)


class Body:
    """The bytes of a content: those that came with the batch, else asked for, once."""

    def __init__(self, wire: Wire, index: int, content: "dict[str, Any]", contents: Contents) -> None:
        self.wire = wire
        self.index = index
        self.keep = content["size"] <= KEPT
        self.small = b"" if content["size"] == 0 else contents.get(content["sha256"])
        self.coming = False

    def __call__(self) -> "Any":
        """Yield the pieces."""
        if self.small is not None:
            yield self.small
            return
        kept = []
        self.wire.send({"t": "need", "i": self.index})
        self.coming = True
        while self.coming:
            data = self._next()
            if self.keep:
                kept.append(data)
            yield data
        if self.keep:
            self.small = b"".join(kept)

    def _next(self) -> bytes:
        header, data = self.wire.receive()
        if header["t"] == "stop":
            self.coming = False
            raise Stopped
        if header.get("end"):
            self.coming = False
            if header.get("failed"):
                raise Failure(header["failed"])
        return data

    def drain(self) -> None:
        """Take what is still on its way after a failure, so that the next frame is a frame again."""
        while self.coming:
            try:
                self._next()
            except (Failure, Stopped, EndOfInput):
                return


def _fault(error: Exception) -> str:
    """Name a fault of the helper itself, with the place; our bytecode has no lines."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = "" if place is None else f" in {place.tb_frame.f_code.co_name}, line {place.tb_lineno}"
    return f"the helper failed: {type(error).__name__}: {error}{where}"


def main(modules: "dict[str, Any]") -> None:
    """Serve standard input and output until the controller is done; `modules` is what the loader finds."""
    # programs that we start must not read our frames or write among them
    source, sink = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    sys.argv = ["hivectl"]
    for name in ("LC_CTYPE",):
        # set by Python for itself where the locale is C; it is not the user's
        if os.environ.get(name) == "C.UTF-8" and not os.environ.get("LANG") and not os.environ.get("LC_ALL"):
            del os.environ[name]
    if not os.access(".", os.R_OK | os.X_OK):
        # sudo leaves us in the login's home, where another user may see nothing
        try:
            os.chdir(os.environ.get("HOME", "/"))
        except OSError:
            os.chdir("/")
    signal(SIGTERM, _terminated)
    try:
        Helper(Wire(source, sink), modules).serve()
    except Stopped:
        pass
    os._exit(0)  # the interpreter's own end costs 2 ms


def _terminated(_number: int, _frame: object) -> None:
    """Whoever ends us wants what we run to end too."""
    raise Stopped
