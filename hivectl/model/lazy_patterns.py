"""Importing packages without compiling their regular expressions: of those that are large a command needs few.

Jinja2's pattern for names in all languages takes 8 ms, PyYAML's for characters that cannot be printed 5 ms, and
libyaml needs it not at all.
"""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class LazyPattern:
    """A regular expression that is compiled when it is first used."""

    def __init__(self, pattern: Any, flags: Any) -> None:
        self._given = (pattern, flags)

    def __getattr__(self, name: str) -> Any:
        """Return a method of the pattern, and keep it."""
        found = getattr(re.compile(*self._given), name)
        setattr(self, name, found)
        return found


def import_lazily(package: str) -> None:
    """Import a package; the regular expressions of its modules are compiled when they are used."""
    if package not in sys.modules:
        with _lazy_patterns(package):
            import_module(package)


@contextmanager
def _lazy_patterns(package: str) -> Iterator[None]:
    """Let `re.compile` wait, where a module of the package calls it while it is imported."""
    make = re.compile

    def wait(pattern: Any, flags: Any = 0) -> Any:
        caller = sys._getframe(1).f_globals.get("__name__", "")  # noqa: SLF001  # CPython's way to know who calls
        return LazyPattern(pattern, flags) if caller.startswith(f"{package}.") else make(pattern, flags)

    re.compile = wait  # until the import is done
    try:
        yield
    finally:
        re.compile = make
