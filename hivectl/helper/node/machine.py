"""What facts are read from: this machine; the controller has others, made of what a node without Python sends."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hivectl.helper.node.wire import Wire


class Machine:
    """This machine."""

    def text(self, path: str) -> str:
        """Return a small file's text, "" when it cannot be read."""
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                return file.read()
        except OSError:
            return ""

    def line(self, path: str) -> str:
        """Return the first line of a file, "" without one."""
        return self.text(path).partition("\n")[0].strip()

    def exists(self, path: str) -> bool:
        """Whether there is something."""
        return os.path.exists(path)

    def names(self, folder: str) -> "list[str]":
        """Return what is in a folder; raises OSError."""
        return os.listdir(folder)

    def real(self, path: str) -> str:
        """Return what links lead to."""
        return os.path.realpath(path)

    def uname(self) -> "Any":
        """Return sysname, nodename, release, version and machine."""
        return os.uname()

    def processors(self) -> int:
        """Return how many processors this process may run on, not what the machine has."""
        return len(os.sched_getaffinity(0))

    def own_facts(self, folder: str, wire: "Wire") -> "list[tuple[str, str, str]]":
        """Return the path of each of its own files of facts, what it says, and what is wrong with it."""
        from hivectl.helper.node.local_facts import own_facts

        return own_facts(folder, wire)

    def room(self, mount: str, kind: str, wire: "Wire") -> "dict[str, Any]":
        """Return how much room a mount has."""
        from hivectl.helper.node.hardware_facts import room

        return room(mount, kind, wire)

    def addresses(self, wire: "Wire") -> "Any":
        """Return the addresses of interfaces as `ip -j address show` lists them, None where that does not work."""
        from hivectl.helper.node.programs import execute

        try:
            ended = execute(["ip", "-j", "address", "show"], timeout=10.0)
            return wire.decode(ended.stdout.decode()) if ended.rc == 0 else None
        except (OSError, ValueError):
            return None
