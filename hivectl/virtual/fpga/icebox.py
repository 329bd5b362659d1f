"""Icestorm's icebox, which knows the wires of iCE40 chips, as a library.

It comes with the Debian and Ubuntu package fpga-icestorm (ISC licence), as a file beside its programs.
"""

from __future__ import annotations

import importlib.util
import sys
import threading
import warnings
from functools import cache
from pathlib import Path
from typing import Any

from hivectl.virtual.fpga.errors import IceboxMissingError

PLACES = (
    Path("/usr/share/fpga-icestorm/python"),
    Path("/usr/share/icebox"),
    Path("/usr/local/share/icebox"),
    Path("/opt/homebrew/share/icebox"),
)
LOCK = threading.Lock()


def load_icebox() -> Any:
    """Return the module icebox, imported once.

    Raises:
        IceboxMissingError: it is not installed.
    """
    with LOCK:
        return _load()


@cache
def _load() -> Any:
    for folder in PLACES:
        if (folder / "icebox.py").is_file() and (folder / "iceboxdb.py").is_file():
            break
    else:
        raise IceboxMissingError(
            "a new bitstream cannot be simulated: icestorm's icebox is not here",
            hint="sudo apt-get install --no-install-recommends fpga-icestorm",
        )
    spec = importlib.util.spec_from_file_location("icebox", folder / "icebox.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # it imports iceboxdb, which lies beside it
    sys.path.insert(0, str(folder))
    try:
        with warnings.catch_warnings():
            # "\d" in its plain strings
            warnings.simplefilter("ignore")
            spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(folder))
    return module
