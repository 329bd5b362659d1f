"""The operation `temporary`: a new file or directory under a name that nothing had."""

import os
import tempfile

from hivectl.helper.node.paths import Failure, describe, expand, reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def temporary(
    operation: "dict[str, Any]", _body: object, _wire: object, *, check: bool, diff: bool
) -> "dict[str, Any]":
    """Carry out a `temporary`."""
    del diff  # there was nothing
    if check:
        return {"changed": False, "skipped": True, "msg": "nothing is made in check mode"}
    folder = operation.get("path")
    inside = tempfile.gettempdir() if folder is None else expand(folder)
    names = {"prefix": operation.get("prefix", "ansible."), "suffix": operation.get("suffix", "")}
    try:
        if operation.get("kind", "file") == "directory":
            path = tempfile.mkdtemp(dir=inside, **names)
        else:
            descriptor, path = tempfile.mkstemp(dir=inside, **names)
            os.close(descriptor)
    except OSError as error:
        raise Failure(f"nothing can be made in {inside}: {reason(error)}", path=inside) from error
    return dict({"changed": True, "path": path}, **describe(path))
