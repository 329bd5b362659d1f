"""Operations that come to a node only when a batch asks for them: each in a file of its own."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hivectl.helper.node.wire import Wire

# operation -> the file whose function of the same name carries it out
FILES = {
    "download": "downloads",
    "find": "finds",
    "script": "scripts",
    "temporary": "temporaries",
    "unpack": "archives",
}


def act(
    name: str, operation: "dict[str, Any]", body: "Any", wire: "Wire", *, check: bool, diff: bool
) -> "tuple[dict[str, Any], bytes, bytes]":
    """Carry out one of `program.MORE`; return its result, standard output and standard error.

    Args:
        name: of the operation.
        operation: its attributes that differ from the default.
        body: yields the pieces of its content; None without one.
        wire: for what takes long.
        check: only say what would change.
        diff: add one.
    """
    module = __import__("hivectl.helper.node." + FILES[name], fromlist=[name])
    done = getattr(module, name)(operation, body, wire, check=check, diff=diff)
    if isinstance(done, tuple):
        return done
    return done, b"", b""
