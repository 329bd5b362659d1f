"""What Ansible's users know inside of a template about the template itself."""

from __future__ import annotations

import os
import pwd
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def about_template(name: str, path: Path, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the variables of a template file.

    Args:
        name: as it was written.
        path: where it was found.
        variables: of the task; `ansible_managed` among them is kept.
    """
    seen = path.stat()
    own = {
        "template_host": os.uname().nodename,
        "template_uid": _user_name(seen.st_uid),
        "template_path": name,
        "template_fullpath": str(path),
        "template_mtime": datetime.fromtimestamp(seen.st_mtime, UTC),
        "template_run_date": datetime.now(UTC),
    }
    # the text of ansible-core's default, so that a file that Ansible made is not changed for it
    return own if "ansible_managed" in variables else {**own, "ansible_managed": "Ansible managed"}


@lru_cache(maxsize=64)
def _user_name(number: int) -> str | int:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return number
