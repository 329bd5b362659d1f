"""Operations on the system that its own programs carry out: each in a file of its own, loaded when it is needed."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hivectl.helper.node.wire import Wire


def act(name: str, operation: "dict[str, Any]", wire: "Wire", *, check: bool, diff: bool) -> "dict[str, Any]":
    """Carry out one of `program.SYSTEM`."""
    from hivectl.helper.node.tools import Tools

    module = __import__("hivectl.helper.node." + FILES[name], fromlist=[name])
    done: "dict[str, Any]" = getattr(module, name)(operation, Tools(operation, wire), check=check, diff=diff)
    return done


# operation -> the file whose function of the same name carries it out
FILES = {
    "cron": "crontabs",
    "git": "repositories",
    "group": "groups",
    "hostname": "hostnames",
    "package": "packages",
    "pip": "wheels",
    "service": "services",
    "user": "users",
}
