"""The operation `script`: a program that is sent, run and removed again."""

import os
import shlex
import shutil
import tempfile

from hivectl.helper.node import digests
from hivectl.helper.node.paths import Failure, expand, reason
from hivectl.helper.node.runs import execute_run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hivectl.helper.node.wire import Wire

# how the directories are named, before the helper's process
PREFIX = ".hivectl-script-"


def script(
    operation: "dict[str, Any]", body: "Any", wire: "Wire", *, check: bool, diff: bool
) -> "tuple[dict[str, Any], bytes, bytes]":
    """Carry out a `script`."""
    del diff  # nobody knows what a program changes
    skipped = _guarded(operation)
    if skipped:
        return {"changed": False, "skipped": True, "msg": skipped}, b"", b""
    guarded = operation.get("creates") is not None or operation.get("removes") is not None
    if check:
        if guarded:
            return {"changed": True}, b"", b""
        message = "Check mode is not supported for this task."
        return {"changed": False, "skipped": True, "msg": message}, b"", b""
    folder = operation.get("directory")
    if folder is not None and not os.path.isdir(folder):
        raise Failure(f"the directory {folder} does not exist", rc=2, changed=True)
    place = _place()
    try:
        path = _put(operation, body, place)
        parts = [operation.get("interpreter"), shlex.quote(path), operation.get("arguments")]
        line = " ".join(word for word in parts if word)
        run = {"script": line, "environment": operation.get("environment", {}), "strip": False}
        return execute_run(run, wire, folder, changed=True)
    except OSError as error:
        raise Failure(f"the script cannot be put into {place}: {reason(error)}") from error
    finally:
        # also when we are told to end in the middle of it
        shutil.rmtree(place, ignore_errors=True)


def _guarded(operation: "dict[str, Any]") -> str:
    """Return why nothing is run, "" if it is."""
    creates, removes = operation.get("creates"), operation.get("removes")
    if creates is not None and os.path.exists(os.path.expanduser(creates)):
        return f"{creates} exists, matching creates option"
    if removes is not None and not os.path.exists(os.path.expanduser(removes)):
        return f"{removes} does not exist, matching removes option"
    return ""


def _place() -> str:
    """Make a directory where programs may be run; raises Failure."""
    tried = []
    for folder in (os.environ.get("TMPDIR") or "/tmp", "/var/tmp", expand("~")):  # noqa: S108 - mkdtemp is safe there
        try:
            if os.statvfs(folder).f_flag & os.ST_NOEXEC:
                tried.append(f"{folder} runs no programs")
                continue
            _sweep(folder)
            return tempfile.mkdtemp(prefix="%s%d-" % (PREFIX, os.getpid()), dir=folder)
        except OSError as error:
            tried.append(f"{folder}: {reason(error)}")
    raise Failure("there is no place for the script: " + ", ".join(tried))


def _sweep(folder: str) -> None:
    """Remove what helpers of ours left that were killed."""
    for name in os.listdir(folder):
        if not name.startswith(PREFIX):
            continue
        path = os.path.join(folder, name)
        pid = name[len(PREFIX) :].partition("-")[0]
        try:
            ours = os.lstat(path).st_uid == os.geteuid()
            if ours and pid.isdigit() and not os.path.exists(f"/proc/{pid}"):
                shutil.rmtree(path, ignore_errors=True)
        except FileNotFoundError:
            continue


def _put(operation: "dict[str, Any]", body: "Any", place: str) -> str:
    content = operation["content"]
    path = os.path.join(place, os.path.basename(operation["filename"]))
    made = digests.digest("sha256", content["size"])
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o700)
    try:
        for piece in body():
            made.update(piece)
            left = memoryview(piece)
            while left:
                left = left[os.write(descriptor, left) :]
    finally:
        os.close(descriptor)
    if made.hexdigest() != content["sha256"]:
        raise Failure("the script changed while it was sent, or was damaged on its way")
    return path
