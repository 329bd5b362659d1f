"""A place for the Python helper's modules in which the machine is another one: closed, so that nothing reaches ours."""

from __future__ import annotations

import builtins
import importlib
import importlib.util
from functools import cache
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any

from hivectl.helper.bundle import NODE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# what only reckons, and may be this machine's own
PURE = frozenset(
    (
        *("_sha1", "_sha2", "_sha256", "_stat", "base64", "collections.abc", "email.message", "errno"),
        *("fnmatch", "hashlib", "http.client", "json", "re", "shlex", "stat", "typing", "zlib"),
        *("bz2", "gzip", "lzma", "tarfile", "zipfile"),
    )
)
# no module needs them, and they would lead out
WITHHELD = ("breakpoint", "compile", "eval", "exec", "input", "open", "print")


class World:
    """Modules of the node, loaded when they are asked for.

    Args:
        machine: what stands in place of modules that touch a machine, and of `open`.
        replaced: module of the node -> name -> what the node does by itself instead, made with the world.
    """

    def __init__(
        self,
        machine: Mapping[str, Any],
        replaced: Mapping[str, Mapping[str, Callable[[World], Any]]],
    ) -> None:
        self._machine = machine
        self._replaced = replaced
        self._modules: dict[str, ModuleType] = {}
        given = {name: value for name, value in vars(builtins).items() if name not in WITHHELD}
        self._builtins = {**given, "__import__": self._import, "open": machine["open"]}

    def module(self, name: str) -> Any:
        """Return a module of `hivectl.helper.node`."""
        if (found := self._machine.get(f"{NODE}.{name}")) is not None:
            return found
        if name not in self._modules:
            made = ModuleType(f"{NODE}.{name}")
            made.__dict__["__builtins__"] = self._builtins
            self._modules[name] = made
            exec(_code(name), made.__dict__)  # noqa: S102 - our own module, as a Python node has it
            for what, make in self._replaced.get(name, {}).items():
                setattr(made, what, make(self))
        return self._modules[name]

    def _import(
        self,
        name: str,
        globals_: Any = None,
        locals_: Any = None,
        fromlist: tuple[str, ...] | None = (),
        level: int = 0,
    ) -> Any:
        """Stand in place of `__import__`."""
        del globals_, locals_, level  # nothing is imported relatively
        if name == NODE:
            package = ModuleType(NODE)
            for one in fromlist or ():
                setattr(package, one, self.module(one))
            return package
        if name.startswith(f"{NODE}."):
            return self.module(name.removeprefix(f"{NODE}."))
        top = name.partition(".")[0]
        if not fromlist and top in self._machine:
            return self._machine[top]
        if name in self._machine:
            return self._machine[name]
        if name in PURE:
            found = importlib.import_module(name)
            return found if fromlist else importlib.import_module(top)
        raise ImportError(f"{name} cannot be had on a node without Python")


@cache
def _code(name: str) -> CodeType:
    spec = importlib.util.find_spec(f"{NODE}.{name}")
    code = spec.loader.get_code(spec.name) if spec is not None and spec.loader is not None else None  # type: ignore[attr-defined]  # every file loader has it
    assert isinstance(code, CodeType), f"there is no module {NODE}.{name}"
    return code
