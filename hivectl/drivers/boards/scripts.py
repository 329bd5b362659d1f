"""The operation `script` on a board: a Python program of this machine, run in the board's memory.

It is compiled as it arrives and written nowhere. Its names are those of the REPL: they stay until a reset.
"""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hivectl.helper.node.paths import Failure
from hivectl.micropython.errors import what_was_raised
from hivectl.model.node_errors import UnreachableError
from hivectl.model.secret import reveal

if TYPE_CHECKING:
    from hivectl.helper.file_operations import Script
    from hivectl.micropython.repl import Repl

# seconds for a program without a deadline of its own
LONGEST = 24 * 3600.0
SECONDS = 20.0
# in the board's globals: the item that began last, for who comes after a lost connection
BEGUN = "_hivectl_begun"
# prints what stands against the program, and begins it
PRELUDE = """
def _hivectl_prelude(creates,removes,folder,begun,argv):
 import os,sys
 def there(path):
  try:os.stat(path)
  except OSError:return False
  return True
 if creates is not None and there(creates):return creates+" exists, matching creates option"
 if removes is not None and not there(removes):return removes+" does not exist, matching removes option"
 if begun is None:return None
 if folder is not None:
  try:os.chdir(folder)
  except OSError:return 2
 try:sys.argv[:]=argv
 except AttributeError:pass
 globals()["{name}"]=begun
print(repr(_hivectl_prelude({creates!r},{removes!r},{folder!r},{begun!r},{argv!r})))
del _hivectl_prelude
"""


async def run_script(repl: Repl, operation: Script, *, begun: tuple[str, str], check: bool) -> dict[str, Any]:
    """Carry out a `script`: its output, and 1 with the board's traceback if it raised.

    Args:
        repl: of the board.
        operation: whose `interpreter` and `environment` a board has not.
        begun: run and key of the item.
        check: only say whether it would run.

    Raises:
        Failure: what is asked for is not to be had on a board.
    """
    code = await asyncio.to_thread(_code, operation)
    arguments = _arguments(operation)
    told = await repl.execute(
        PRELUDE.format(
            name=BEGUN,
            creates=operation.creates,
            removes=operation.removes,
            folder=operation.directory,
            begun=None if check else begun,
            argv=[operation.filename, *arguments],
        ),
        timeout=SECONDS,
    )
    against = repl.literal(told)
    if against == 2:
        raise Failure(f"the directory {operation.directory} does not exist", rc=2, changed=True)
    if against is not None:
        return {"changed": False, "skipped": True, "msg": against}
    if check:
        if operation.idempotent:
            return {"changed": True}
        return {"changed": False, "skipped": True, "msg": "Check mode is not supported for this task."}
    try:
        outcome = await repl.attempt(code, timeout=LONGEST)
    except UnreachableError as error:
        if operation.idempotent:
            raise
        # nobody knows how far it came: it is not simply run again
        message = (
            f"the board was lost while the script ran, and nobody can tell whether it ended: {error.message}"
        )
        return {"changed": True, "failed": True, "unknown": True, "msg": message}
    stdout, stderr = (
        text.replace(b"\r\n", b"\n").decode("utf-8", "replace") for text in (outcome.output, outcome.failure)
    )
    result: dict[str, Any] = {"changed": True, "rc": 0, "stdout": stdout, "stderr": stderr}
    if outcome.failure:
        last = stderr.strip().rpartition("\n")[2]
        if last.partition(":")[0].strip() == "SystemExit":
            # on a board it would be a soft reset; as a script's end it is none
            return result
        result |= {"rc": 1, "failed": True, "msg": f"the board raised {what_was_raised(stderr)}"}
    return result


def _arguments(operation: Script) -> list[str]:
    text = str(reveal(operation.arguments))
    try:
        return shlex.split(text)
    except ValueError as error:
        raise Failure(f"the arguments cannot be split into words: {error}") from error


def _code(operation: Script) -> bytes:
    if operation.interpreter is not None:
        raise Failure("a board runs MicroPython and nothing else: leave `executable` out")
    if operation.environment:
        raise Failure("a board has no environment: give arguments, which are in sys.argv")
    source = operation.content.source
    code = source.read_bytes() if isinstance(source, Path) else source
    first = code[:80].partition(b"\n")[0]
    if operation.filename.endswith(".sh") or (first.startswith(b"#!") and b"python" not in first):
        raise Failure(f"{operation.filename} is no Python: a board runs MicroPython and nothing else")
    for byte in (b"\x03", b"\x04"):
        if byte in code:
            raise Failure(f"{operation.filename} holds the control character {byte[0]}, which would end it")
    return code
