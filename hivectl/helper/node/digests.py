"""Checksums without OpenSSL, whose loading costs more than most operations."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PIECE = 1 << 18
# from here on OpenSSL's faster code is worth its loading
LARGE = 8 << 20


def digest(name: str, size: int = 0) -> "Any":
    """Return a new hash object for "sha1", "sha256" ... that will be fed about `size` bytes."""
    if size < LARGE:
        try:
            if name == "sha256":
                try:
                    from _sha2 import sha256  # type: ignore[import-not-found,unused-ignore]  # from Python 3.12
                except ImportError:
                    from _sha256 import sha256  # type: ignore[import-not-found,unused-ignore]
                return sha256()
            if name == "sha1":
                from _sha1 import sha1  # type: ignore[import-not-found,unused-ignore]

                return sha1()
            if name == "md5":
                from _md5 import md5  # type: ignore[import-not-found,unused-ignore]

                return md5()
        except ImportError:
            pass  # built without: hashlib knows another way
    import hashlib

    try:
        # what FIPS forbids for secrets may still compare files
        return hashlib.new(name, usedforsecurity=False)
    except TypeError:
        # before Python 3.9
        return hashlib.new(name)


def of_bytes(name: str, data: bytes) -> str:
    """Return the hexadecimal digest of bytes."""
    made = digest(name, len(data))
    made.update(data)
    return str(made.hexdigest())


def of_file(path: str, *names: str) -> "list[str]":
    """Return the hexadecimal digests of a file; raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(descriptor).st_size
        made = [digest(name, size) for name in names]
        while True:
            data = os.read(descriptor, PIECE)
            if not data:
                return [str(one.hexdigest()) for one in made]
            for one in made:
                one.update(data)
    finally:
        os.close(descriptor)
