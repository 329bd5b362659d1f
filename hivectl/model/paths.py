"""Paths as people write them."""

from __future__ import annotations

import os
from pathlib import Path


def user_path(text: str | Path) -> Path:
    """Return a path with `~` and `~user` replaced; of a user that nobody knows, it stays as it is.

    pathlib's own expanduser raises RuntimeError there.
    """
    return Path(os.path.expanduser(text))  # noqa: PTH111  # see above


def is_there(path: Path) -> bool:
    """Tell whether something is at a path; no for one that cannot be, such as one that is too long.

    pathlib's own exists raises OSError there.
    """
    return os.path.exists(path)  # noqa: PTH110  # see above


def is_folder(path: Path) -> bool:
    """Tell whether a folder is at a path; no for one that cannot be."""
    return os.path.isdir(path)  # noqa: PTH112  # as `is_there`


def cache_folder() -> Path:
    """Return the user's cache folder of ours (XDG Base Directory Specification: XDG_CACHE_HOME)."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "hivectl"
