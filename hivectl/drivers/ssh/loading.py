"""Importing asyncssh without what it does for libraries that are not there: a quarter of its time.

It asks `ctypes.util.find_library` for liboqs and nettle, which starts ldconfig, gcc and ld for each name that it
tries, and it loads all of `cryptography.x509` before it finds that pyOpenSSL is missing.
"""

from __future__ import annotations

import ctypes.util
import os
import sys
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# what ldconfig has found, with names as the dynamic loader has them (ldconfig(8))
LOADER_CACHE = Path("/etc/ld.so.cache")
NEEDS_OPENSSL = "asyncssh.crypto.x509"


def load_asyncssh() -> None:
    """Import asyncssh; what it can do is the same as after an ordinary import."""
    if "asyncssh" not in sys.modules:
        with _quick_libraries(), _no_x509():
            import asyncssh  # noqa: F401  # this is what it is for


@contextmanager
def _quick_libraries() -> Iterator[None]:
    """Answer for libraries that the dynamic loader cannot know without starting a program."""
    try:
        known = LOADER_CACHE.read_bytes()
    except OSError:
        known = None
    if known is None or "LD_LIBRARY_PATH" in os.environ:
        yield
        return
    find = ctypes.util.find_library
    ctypes.util.find_library = lambda name: find(name) if f"lib{name}.so".encode() in known else None
    try:
        yield
    finally:
        ctypes.util.find_library = find


@contextmanager
def _no_x509() -> Iterator[None]:
    """Refuse the module that cannot be imported without pyOpenSSL before it imports anything else."""
    if find_spec("OpenSSL") is not None:
        yield
        return
    sys.modules[NEEDS_OPENSSL] = None  # type: ignore[assignment]  # None: ImportError, says `import` in Python's reference
    try:
        yield
    finally:
        del sys.modules[NEEDS_OPENSSL]
