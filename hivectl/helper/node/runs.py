"""The operation `run`: its guards, its program, its result."""

import os
import time

from hivectl.helper.node.paths import Failure, expand, reason
from hivectl.helper.node.programs import LARGEST, execute

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hivectl.helper.node.wire import Wire

# what Ansible says of a command's times when `creates` or `removes` stood against it
NOT_RUN = {"start": None, "end": None, "delta": None}


def exists(pattern: str) -> bool:
    """Whether a path, or anything that matches it as a glob, is there."""
    path = os.path.expandvars(os.path.expanduser(pattern))
    if not any(letter in path for letter in "*?["):
        return os.path.exists(path)
    import glob

    return bool(glob.glob(path))


def run(operation: "dict[str, Any]", wire: "Wire", *, check: bool) -> "tuple[dict[str, Any], bytes, bytes]":
    """Carry out a `run`; return its result, standard output and standard error."""
    folder = operation.get("directory")
    if folder is not None:
        folder = expand(folder)
        if not os.path.isdir(folder):
            raise Failure(f"Unable to change directory before execution: {folder} is no directory", rc=2)
    skipped = _guarded(operation, folder)
    if skipped:
        return (
            dict(NOT_RUN, changed=False, rc=0, msg=skipped[0]),
            skipped[1].encode(errors="surrogateescape"),
            b"",
        )
    observes = operation.get("observes", False)
    if check and not observes:
        guarded = operation.get("creates") is not None or operation.get("removes") is not None
        result = {"changed": guarded, "rc": 0, "msg": "Command would have run if not in check mode"}
        if not guarded:
            result["skipped"] = True
        return result, b"", b""
    return execute_run(operation, wire, folder, changed=not observes)


def _guarded(operation: "dict[str, Any]", folder: "str | None") -> "tuple[str, str] | None":
    """Return message and output when `creates` or `removes` says that there is nothing to do."""
    for key, wanted, words in (("creates", True, "exists"), ("removes", False, "does not exist")):
        pattern = operation.get(key)
        if pattern is not None and exists(os.path.join(folder or "", os.path.expanduser(pattern))) == wanted:
            return (
                f"Did not run command since '{pattern}' {words}",
                f"skipped, since {pattern} {words}",
            )
    return None


def execute_run(
    operation: "dict[str, Any]", wire: "Wire", folder: "str | None", *, changed: bool
) -> "tuple[dict[str, Any], bytes, bytes]":
    """Run what nothing stands against, in a folder; return its result, standard output and standard error."""
    argv = operation.get("argv")
    if argv is None:
        argv = [operation.get("shell", "/bin/sh"), "-c", operation["script"]]
    elif operation.get("expand"):
        argv = [os.path.expandvars(os.path.expanduser(part)) for part in argv]
    environment = dict(os.environ, **operation.get("environment", {}))
    stdin = operation.get("stdin")
    data = b"" if stdin is None else stdin.encode("utf-8", "surrogateescape")
    timeout = operation.get("timeout")
    began, start = time.time(), time.monotonic()
    try:
        ended = execute(argv, wire, environment=environment, folder=folder, stdin=data, timeout=timeout)
    except (OSError, ValueError) as error:
        words = reason(error) if isinstance(error, OSError) else str(error)
        raise Failure(f"cannot start {argv[0]}: {words}", rc=2, changed=False) from error
    result: "dict[str, Any]" = {
        "changed": changed,
        "rc": ended.rc,
        "start": _timestamp(began),
        "end": _timestamp(began + time.monotonic() - start),
        "delta": delta(time.monotonic() - start),
        "msg": "",
    }
    if ended.truncated:
        result["warnings"] = ["the output was longer than %d bytes and was cut there" % LARGEST]
    if ended.stopped:
        result.update(failed=True, msg="stopped: the process group was ended", stopped=True)
    elif ended.timed_out:
        result.update(
            failed=True, msg=f"timed out after {timeout:g} s: the process group was ended", timed_out=True
        )
    elif ended.rc != 0:
        result.update(failed=True, msg="non-zero return code")
    stdout, stderr = ended.stdout, ended.stderr
    if operation.get("strip", True):
        stdout, stderr = stdout.rstrip(b"\r\n"), stderr.rstrip(b"\r\n")
    return result, stdout, stderr


def _timestamp(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment)) + ("%.6f" % (moment % 1))[1:]


def delta(seconds: float) -> str:
    """Return a duration as Ansible writes it."""
    whole = int(seconds)
    days = "%d day%s, " % (whole // 86400, "s" if whole >= 172800 else "") if whole >= 86400 else ""
    clock = "%d:%02d:%02d" % (whole // 3600 % 24, whole // 60 % 60, whole % 60)
    return days + clock + ("%.6f" % (seconds % 1))[1:]
