"""Frames as the sh program takes them: a line with two sizes, so many bytes of sh code, so many bytes of data.

The code consists of calls and assignments whose values are quoted here, so that every byte survives and nothing in a
value is ever taken for code. `stop` is a line by itself. The program's functions are in `node/*.sh`.
"""

from __future__ import annotations

import json
import re
import shlex
import time
from typing import TYPE_CHECKING, Any

from hivectl.helper.sh import facts
from hivectl.helper.sh.observe import question
from hivectl.helper.sh.quoting import CannotEncodeError, octal, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hivectl.helper.encode import Frame

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z", re.ASCII)
# contents up to this size (bytes) are written by the shell itself: no other process is started
QUOTED = 8192
# stands for the temporary file's name while a validation is split into words
PLACE = "hivectl-temporary-name"
# what the controller carries out, asking the node (hivectl.helper.sh.remote)
REMOTE = frozenset(
    (
        *("cron", "download", "duplicate", "find", "git", "group", "hostname", "package", "script"),
        *("service", "temporary", "unpack", "user"),
    )
)
# how touch(1) takes times
TOUCH = "%Y%m%d%H%M.%S"


def frame_of(code: str, data: bytes = b"") -> bytes:
    """Return a frame."""
    packed = code.encode("utf-8", "surrogateescape")
    return b"%d %d\n" % (len(packed), len(data)) + packed + data


def encode(frame: Frame, ahead: str = "") -> bytes:
    """Return a frame of the Python helper's protocol (`hivectl.helper.program`) as the sh program takes it.

    Args:
        frame: what is sent.
        ahead: functions that a batch needs and the program has not got.
    """
    header = frame.header
    kind = header["t"]
    if kind == "stop":
        return b"stop\n"
    if kind == "batch":
        return _batch(header, frame.data, ahead)
    if kind == "content":
        code = f"h_last=1;h_bad={quote(header.get('failed') or '')}" if header.get("end") else ""
        return frame_of(code, frame.data)
    return frame_of(_about_lock(kind, header))


def _about_lock(kind: str, header: Mapping[str, Any]) -> str:
    if kind == "progress":
        return "h_about_lock progress"
    code = _claim(header["fence"]) + f"h_about_lock {kind}"
    if kind == "record":
        known = header["progress"]
        parts = (json.dumps(known[name]) for name in ("run", "key", "ended", "rc"))
        code += "".join(f" {quote(part)}" for part in parts)
    return code


def _claim(fence: Mapping[str, Any]) -> str:
    seconds = fence["time_to_live"]
    hundredths = min(int(seconds * 100), 10**15)
    store, owner = (quote(json.dumps(fence[name])) for name in ("store", "owner"))
    return f"h_claim {store} {int(fence['token'])} {owner} {quote(json.dumps(seconds))} {hundredths}\n"


def _batch(header: Mapping[str, Any], data: bytes, ahead: str) -> bytes:
    lines = [
        f"{ahead}h_run_json={quote(json.dumps(header['run']))};h_batch {quote(json.dumps(header['run']))}"
    ]
    fence = header.get("fence")
    if fence is not None:
        beat = fence["time_to_live"] / 3
        lines.append(
            _claim(fence) + (f"h_fence {int(beat)}" if beat >= 2 else f"h_fence {max(0.05, beat):.2f}")
        )
    if header.get("touched"):
        lines.append("h_was_touched " + " ".join(map(quote, header["touched"])))
    contents = _Contents(header.get("contents", ()), data)
    for index, item in enumerate(header["items"]):
        flags = "".join(
            letter
            for letter, name in (("c", "check"), ("d", "diff"), ("i", "ignore"), ("o", "once"))
            if item.get(name)
        )
        key = quote(json.dumps(item["key"]))
        try:
            code = _operation(item["name"], item["o"], contents, item.get("seen"))
        except CannotEncodeError as error:
            code = f"h_op refused {quote(str(error).replace(chr(0), ''))}"
        lines.append(f"h_new {index} {item['step']} {item['chain']} {key} '{flags}'\n{code}")
    lines.append("h_done")
    return frame_of("\n".join(lines), contents.data())


class _Contents:
    """The contents that travel with a batch: quoted in the code where they are small, else behind it."""

    def __init__(self, listed: Any, data: bytes) -> None:
        self._known: dict[str, bytes] = {}
        self._at: dict[str, int] = {}
        self._behind = bytearray()
        start = 0
        for sha256, size in listed:
            self._known[sha256] = data[start : start + size]
            start += size

    def assignments(self, content: Mapping[str, Any]) -> list[str]:
        sha256, size = content["sha256"], content["size"]
        made = [f"o_sha256={sha256} o_size={size} o_secret={int(content['secret'])}"]
        data = self._known.get(sha256)
        if data is None or not size:
            return made
        if size <= QUOTED:
            if b"\0" in data:
                return [*made, f"o_octal={quote(octal(data))}"]
            return [*made, f"o_text={quote(data.decode('utf-8', 'surrogateescape'))}"]
        if sha256 not in self._at:
            self._at[sha256] = len(self._behind)
            self._behind += data
        return [*made, f"o_at={self._at[sha256]}"]

    def data(self) -> bytes:
        return bytes(self._behind)


def _operation(
    name: str, plain: Mapping[str, Any], contents: _Contents, seen: Mapping[str, Any] | None = None
) -> str:
    if name == "refused":
        raise CannotEncodeError(plain["msg"])
    if name in REMOTE:
        return "h_op remote"
    if name == "pip":
        raise CannotEncodeError(
            "this node has no Python, and so no pip: install it before (`package: {name: python3-venv}`, or by `raw`), "
            "then `meta: reset_connection`"
        )
    if name not in OPERATIONS:
        raise CannotEncodeError(f"the helper without Python does not know the operation {name}")
    made = _common(plain)
    if name == "write":
        made += contents.assignments(plain["content"])
    call, more = OPERATIONS[name](plain)
    assigned = [*made, *more]
    called = (
        f"h_op {name}{call}" if seen is None else f"h_op watched {name} {question(name, plain, seen)}{call}"
    )
    return (";".join(assigned) + ";" if assigned else "") + called


def _common(plain: Mapping[str, Any]) -> list[str]:
    """Return what many operations have under the same name."""
    made = []
    if "path" in plain and plain["path"] is not None:
        made.append(f"o_path={quote(plain['path'])}")
    attributes = plain.get("attributes") or {}
    made += [
        f"o_{name}={quote(str(attributes[name]).strip())}"
        for name in ("mode", "owner", "group")
        if attributes.get(name) is not None
    ]
    flags = ("follow", "hard", "recurse", "make", "regular", "create", "backup", "observes", "expand")
    made += [f"o_{name}=1" for name in flags if plain.get(name)]
    made += [
        f"o_{name}={quote(plain[name])}"
        for name in ("into", "limit", "known", "directory", "creates", "removes")
        if plain.get(name) is not None
    ]
    validate = plain.get("validate")
    if validate:
        made.append(f"o_validate={quote(validate)};h_validation(){{ {_validation(validate)};}}")
    return made


def _validation(command: str) -> str:
    """Return a user's check of a file as words of sh, the file's name as $1."""
    try:
        words = shlex.split(command.replace("%s", PLACE))
    except ValueError as error:
        raise CannotEncodeError(f"validate is no command line: {error}") from error
    return " ".join('"$1"'.join(quote(part) for part in word.split(PLACE)) for word in words) or ":"


def _write(plain: Mapping[str, Any]) -> tuple[str, list[str]]:
    made = [f"o_force={int(plain.get('force', True))}"]
    if plain.get("make_parents"):
        made.append("o_parents=1")
    if plain.get("parents_mode") is not None:
        made.append(f"o_parents_mode={quote(plain['parents_mode'])}")
    return "", made


def _stat(plain: Mapping[str, Any]) -> tuple[str, list[str]]:
    return "", [f"o_checksum={quote(plain.get('checksum', 'sha1') or '')}"]


def _edit(plain: Mapping[str, Any]) -> tuple[str, list[str]]:
    return "", [f"o_absent={int(plain['arguments'].get('state') == 'absent')}"]


def _follows(plain: Mapping[str, Any]) -> list[str]:
    """Return what directory, link and touch have as their default, unlike the others."""
    return [f"o_follow={int(plain.get('follow', True))}"]


def _directory(plain: Mapping[str, Any]) -> tuple[str, list[str]]:
    return "", _follows(plain)


def _link(plain: Mapping[str, Any]) -> tuple[str, list[str]]:
    made = [*_follows(plain), f"o_force={int(plain.get('force', False))}"]
    if plain.get("source") is not None:
        made.append(f"o_has_source=1;o_source={quote(plain['source'])}")
    return "", made


def _nothing(_plain: Mapping[str, Any]) -> tuple[str, list[str]]:
    return "", []


def _touch(plain: Mapping[str, Any]) -> tuple[str, list[str]]:
    made = _follows(plain)
    for key, name in (("access_time", "o_atime"), ("modification_time", "o_mtime")):
        text = plain.get(key)
        text = ("now" if plain.get("make") else "preserve") if text is None else text
        if text == "preserve":
            continue
        if text != "now":
            layout = plain.get(f"{key}_format") or TOUCH
            try:
                text = time.strftime(TOUCH, time.strptime(text, layout))
            except ValueError as error:
                raise CannotEncodeError(f"{key} is no time of the form {layout}: {error}") from error
        made.append(f"{name}={text}")
    return "", made


def _run(plain: Mapping[str, Any]) -> tuple[str, list[str]]:
    made = []
    argv = plain.get("argv")
    if argv is None:
        made.append(f"o_script={quote(plain['script'])}")
        if "shell" in plain:
            made.append(f"o_shell={quote(plain['shell'])}")
    stdin = plain.get("stdin")
    if stdin:
        if "\0" in stdin:
            made.append(f"o_stdin_octal={quote(octal(stdin.encode('utf-8', 'surrogateescape')))}")
        else:
            made.append(f"o_stdin={quote(stdin)}")
    environment = plain.get("environment") or {}
    if environment:
        for name in environment:
            if not IDENTIFIER.match(name):
                raise CannotEncodeError(
                    f"this node has no Python, and sh cannot set a variable that is called {name}"
                )
        exports = ";".join(f"export {name}={quote(value)}" for name, value in environment.items())
        made.append(f"o_env=1;h_env(){{ {exports};}}")
    timeout = plain.get("timeout")
    if timeout is not None:
        made.append(f"o_timeout={f'{timeout:g}' if timeout < 10**6 else f'{timeout:.0f}'}")
    return "".join(f" {quote(word)}" for word in argv or ()), made


def _hundredths(seconds: float) -> int:
    return min(int(seconds * 100), 10**15)


def _wait(plain: Mapping[str, Any]) -> tuple[str, list[str]]:
    port = plain.get("port")
    made = [
        f"o_state={plain.get('state', 'started')};o_host={quote(plain.get('host', '127.0.0.1'))}",
        f"o_port={'' if port is None else int(port)};o_regex={int(plain.get('search_regex') is not None)}",
        f"o_delay={_hundredths(plain.get('delay', 0.0))};o_patience={_hundredths(plain.get('timeout', 300.0))}",
        f"o_interval={max(1, _hundredths(plain.get('sleep', 1.0)))}",
        f"o_ctimeout={_hundredths(plain.get('connect_timeout', 5.0))}",
    ]
    return "", made


def run_of(plain: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return the words of a program, and the assignments of its environment, its input and its time."""
    return list(plain["argv"]), _run(plain)[1]


OPERATIONS: dict[str, Callable[[Mapping[str, Any]], tuple[str, list[str]]]] = {
    "run": _run,
    "stat": _stat,
    "read": _nothing,
    "write": _write,
    "edit": _edit,
    "directory": _directory,
    "link": _link,
    "remove": _nothing,
    "touch": _touch,
    "wait": _wait,
    "facts": facts.encode,
}
