"""Groups of the system, by groupadd, groupmod and groupdel (Debian package passwd)."""

from hivectl.helper.node.paths import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hivectl.helper.node.tools import Tools


def find_group(name: str) -> "Any":
    """Return the entry of a group's name or number, None without one."""
    import grp

    try:
        return grp.getgrnam(name)
    except KeyError:
        pass
    try:
        return grp.getgrgid(int(name))
    except (KeyError, ValueError):
        return None


def group(operation: "dict[str, Any]", tools: "Tools", *, check: bool, diff: bool) -> "dict[str, Any]":  # noqa: ARG001 - it has no diff
    """Carry out a `group`; see operations.Group."""
    import grp

    name = operation["group"]
    present = operation.get("state", "present") == "present"
    result: "dict[str, Any]" = {"changed": False, "name": name, "state": "present" if present else "absent"}
    try:
        known: "Any" = grp.getgrnam(name)
    except KeyError:
        known = None
    argv = _command(operation, known, present=present)
    if argv:
        result["changed"] = True
        if not check:
            said = tools.call(tools.need(argv[0], "passwd"), *argv[1:], name)
            if said.rc != 0:
                raise Failure(f"{argv[0]} failed: {said.words()}", name=name)
            result.update((key, text) for key, text in said.outputs().items() if text)
    if present:
        try:
            result.update(system=operation.get("system", False), gid=grp.getgrnam(name).gr_gid)
        except KeyError:
            pass  # a check has made nothing
    return result


def _command(operation: "dict[str, Any]", known: "Any", *, present: bool) -> "list[str]":
    """Return what must be run, [] where all is as wanted."""
    if not present:
        return [] if known is None else ["groupdel"] + (["-f"] if operation.get("force") else [])
    gid = operation.get("gid")
    number = [] if gid is None else ["-g", str(gid)] + (["-o"] if operation.get("non_unique") else [])
    if known is not None:
        return ["groupmod", *number] if gid is not None and known.gr_gid != gid else []
    argv = ["groupadd", *number]
    if operation.get("system"):
        argv.append("-r")
    for key in ("gid_min", "gid_max"):
        if operation.get(key) is not None:
            argv += ["-K", "{}={}".format(key.upper(), operation[key])]
    return argv
