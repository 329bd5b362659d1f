"""`tempfile`: as ansible-core does it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.support.as_ansible import Case, assert_as_ansible, fails, looks

KEYS = ("mode", "state", "owner", "group", "uid", "gid")


def made(result: dict[str, Any]) -> Any:
    """Return what of the path does not change from time to time; what was made is gone then."""
    path = result.get("path")
    if path is None or result.get("failed"):
        return None
    place = Path(path)
    found = re.sub("[a-z0-9_]{8}", "XXXXXXXX", place.name), place.is_dir(), place.parent.name
    if place.is_dir():
        place.rmdir()
    else:
        place.unlink()
    return found


def temporary(name: str, **arguments: Any) -> Case:
    """Return a case whose folder is the case's own, emptied when it is compared."""
    return fails(
        name, {"path": "{tree}/x", **arguments}, *KEYS, picked=made, prepare=lambda tree: (tree / "x").mkdir()
    )


CASES = [
    temporary("file"),
    temporary("directory", state="directory"),
    temporary("prefix", prefix="pump-"),
    temporary("no_prefix", prefix=""),
    temporary("suffix", suffix=".toml"),
    temporary("both", prefix="A-", suffix=".B", state="directory"),
    temporary("prefix_with_slash", prefix="a/b"),
    temporary("suffix_with_slash", suffix="/../b"),
    temporary("no_such_folder", path="{tree}/none"),
    temporary("state", state="other"),
    fails("usual_place", {}, *KEYS, picked=made),
    looks("check", {"path": "{tree}/dir"}),
]


def test_as_ansible(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("tests.support.as_ansible.state_of", lambda *_, **__: {})

    assert_as_ansible("tempfile", CASES, tmp_path, without_python=True)
