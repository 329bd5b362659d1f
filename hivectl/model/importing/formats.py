"""The formats that `hivectl inventory import` reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.model.errors import InputError
from hivectl.model.importing.ansible import read_ansible
from hivectl.model.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hivectl.model.importing.base import Draft, Reader

FORMATS: Mapping[str, Reader] = {"ansible": read_ansible}


def read_other(path: Path, format_name: str) -> Draft:
    """Return the draft of another project's inventory.

    Args:
        path: a file or folder.
        format_name: one of FORMATS.

    Raises:
        InputError, Complaints: it is not of that format, with every place; or there is no such format.
    """
    reader = FORMATS.get(format_name)
    if reader is None:
        hint = did_you_mean(format_name, FORMATS) or f"there are {', '.join(FORMATS)}"
        raise InputError(f"there is no format `{format_name}`", hint=hint)
    if not path.exists():
        raise InputError(f"there is no file {path}")
    return reader(path)
