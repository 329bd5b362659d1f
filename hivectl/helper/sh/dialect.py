"""Both directions of a conversation with the sh program, in the Python helper's frames."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from hivectl.helper.encode import Frame, encode_batch
from hivectl.helper.sh import bundle, edits, facts, observe, waits
from hivectl.helper.sh.encode import REMOTE, encode
from hivectl.helper.sh.results import Clock, refusal, result_of, stripped
from hivectl.helper.sh.wire import NonsenseError

if TYPE_CHECKING:
    from hivectl.helper.node.waits import Wanted
    from hivectl.helper.operations import Batch, Item
    from hivectl.helper.sh.remote.operations import RemoteErrand, RemoteOperations
    from hivectl.helper.sh.wire import Said


class Dialect:
    """What was said so far, as far as the next words need it."""

    def __init__(self) -> None:
        self._clock: Clock | None = None
        self._batch: Batch | None = None
        self._plain: list[dict[str, Any]] = []
        self._edits: dict[int, edits.Answered] = {}
        self._waits: dict[int, Wanted] = {}
        self._hash = hashlib.sha256()
        self._asked: Frame | None = None
        self._claim = 0
        self._taught: set[str] = set()
        self._seen: dict[int, dict[str, Any]] = {}
        self._remote: RemoteOperations | None = None
        # what is at work here for the node, and waits for its answers
        self.errand: RemoteErrand | None = None

    def batch(self, batch: Batch) -> None:
        """Know the batch whose frame comes next."""
        self._batch = batch

    def first(self, batch: Batch) -> bytes:
        """Return the frame of a batch that travels with the program."""
        self.batch(batch)
        return self.outgoing(encode_batch(batch))

    def outgoing(self, frame: Frame) -> bytes:
        """Return a frame as the program takes it."""
        header = frame.header
        if header["t"] == "batch":
            self._plain = [item["o"] for item in header["items"]]
            self.leave()
            self._edits.clear()
            self._seen.clear()
            frame = self._with_waits(frame)
        if header["t"] == "stop" and self.errand is not None:
            self.errand.line.stop()
        if header.get("fence"):
            self._claim = header["fence"]["token"]
        self._asked = frame
        return encode(frame, self._lesson(frame))

    def _lesson(self, frame: Frame) -> str:
        """Return what the program must learn before a batch, once."""
        items = frame.header.get("items", ())
        wanted = {"remote"} if any(item["name"] in REMOTE for item in items) else set()
        if frame.header.get("touched") or any("seen" in item for item in items):
            wanted.add("observe")
        due = sorted(wanted - self._taught)
        self._taught |= wanted
        return "".join(map(bundle.lesson, due))

    def leave(self) -> None:
        """Give up what is at work here: there is nobody to ask any more."""
        if self.errand is not None:
            self.errand.line.close()
            self.errand = None

    def _with_waits(self, frame: Frame) -> Frame:
        """Understand what is waited for; a wait for what cannot be is refused on the node in its turn."""
        self._waits = {}
        refused = {}
        for index, item in enumerate(frame.header["items"]):
            if item["name"] == "wait":
                wanted = waits.wanted_of(item["o"])
                if isinstance(wanted, str):
                    refused[index] = {**item, "name": "refused", "o": {"msg": wanted}}
                else:
                    self._waits[index] = wanted
        if not refused:
            return frame
        items = [refused.get(index, item) for index, item in enumerate(frame.header["items"])]
        return Frame({**frame.header, "items": items}, frame.data)

    def incoming(self, said: Said) -> tuple[dict[str, Any] | None, bytes]:
        """Return what was said as a header and bytes of the Python helper; without a header: bytes to send back.

        Raises:
            NonsenseError: it was not due, or lacks what it must have.
        """
        try:
            return self._incoming(said)
        except (ValueError, LookupError, TypeError) as error:
            raise NonsenseError(f"{said.kind}: {error}") from error

    def _incoming(self, said: Said) -> tuple[dict[str, Any] | None, bytes]:
        kind = said.kind
        if kind == "result":
            header, data = self._result(said)
            if self._seen:
                observe.put(header["r"], self._seen.pop(said.index, None))
            return header, data
        if kind == "ask":
            return None, self._asked_back(said)
        if kind == "seen":
            self._seen[said.index] = observe.found(
                said, self._batch.items[said.index] if self._batch else None
            )
            return None, b""
        if kind == "hello":
            self._clock = Clock(said)
            return None, b""
        if kind == "data":
            self._hash.update(said.data)
        return self._header(said), said.data

    def _asked_back(self, said: Said) -> bytes:
        """Return the answer to what the program cannot know by itself."""
        if self._batch is not None and self._batch.items[said.index].operation.name in REMOTE:
            self._ask_errand(said, self._batch.items[said.index])
            return b""
        if said.index in self._waits:
            return waits.answer(said, self._waits[said.index])
        self._edits[said.index], back = edits.answer(said, self._plain[said.index])
        return back

    def _ask_errand(self, said: Said, item: Item) -> None:
        """Let the operation at work go on with the node's answer; the first one begins it."""
        if self.errand is None:
            if self._remote is None:
                from hivectl.helper.sh.remote.operations import RemoteOperations

                assert self._clock is not None
                self._remote = RemoteOperations(self._clock)
            self.errand = self._remote.errand(item, self._plain[said.index])
        self.errand.line.deliver(said)

    def _header(self, said: Said) -> dict[str, Any]:
        """Return what the Python helper would have said in place of a frame that needs no reckoning."""
        header: dict[str, Any] = {"t": said.kind}
        if said.kind in {"data", "need"}:
            return {**header, "i": said.index}
        if said.kind == "unusable":
            return {**header, "msg": said.fields["msg"]}
        if said.kind == "fenced":
            return {**header, "msg": refusal({**said.fields, "claim": str(self._claim)})}
        if said.kind == "answer":
            return self._answer(said)
        if said.kind != "done":
            raise NonsenseError(f"a frame {said.kind!r}")
        return header

    def _result(self, said: Said) -> tuple[dict[str, Any], bytes]:
        if self._batch is None or self._clock is None:
            raise NonsenseError("a result before it was asked for")
        item, plain = self._batch.items[said.index], self._plain[said.index]
        name = item.operation.name
        if name == "edit" and "msg" not in said.fields:
            return _header_of(
                said, edits.result_of(said, item, plain, self._edits.pop(said.index, None))
            ), b""
        if name == "wait" and "msg" not in said.fields:
            wait = self._waits[said.index]
            return _header_of(said, waits.result_of(said, plain, wait)), b""
        if name == "facts" and "msg" not in said.fields:
            return _header_of(said, facts.result_of(said, plain)), b""
        if said.flag("remote") and self.errand is not None:
            done, self.errand = self.errand, None
            return done.header(said.index, _seconds(said))
        header, data = result_of(said, item, self._clock)
        if name == "run" and "out" in header and plain.get("strip", True):
            header, data = stripped(header, data)
        if name == "read":
            digest, self._hash = self._hash.hexdigest(), hashlib.sha256()
            if header["r"].get("sent"):
                header["r"].setdefault("sha256", digest)
        return header, data

    def _answer(self, said: Said) -> dict[str, Any]:
        answer: dict[str, Any] = {"t": "answer"}
        fields = said.fields
        if "unusable" in fields:
            answer["unusable"] = fields["unusable"]
        elif "why" in fields:
            answer["fenced"] = refusal({**fields, "claim": str(self._claim)})
        elif "progress" in fields and self._asked is not None:
            answer["progress"] = _progress(said, self._asked.header["run"])
        return answer


def _header_of(said: Said, result: dict[str, Any]) -> dict[str, Any]:
    return {"t": "result", "i": said.index, "s": _seconds(said), "r": result}


def _seconds(said: Said) -> float:
    return max(0.0, float(said.fields["e"]) - float(said.fields["b"]))


def _progress(said: Said, run: str) -> dict[str, Any] | None:
    """Return what is remembered of a run, as helper/node/lock.py finds it."""
    last = json.loads(said.fields["progress"])
    by = json.loads(said.fields["by"])
    lives = said.flag("same_boot") and isinstance(by, list) and by[1:] == [int(said.fields["birth"])] != [0]
    for known in (last, *json.loads(said.fields["earlier"])):
        if isinstance(known, dict) and known.get("run") == run:
            return {**known, "running": lives and not known.get("ended") and known is last}
    return None
