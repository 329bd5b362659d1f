"""The embedded lab of `make quickstart`, on machines that differ."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support.command import PACKAGE, Lab

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def quickstart(tmp_path: Path) -> Lab:
    """A clone's inventory and playbooks, in a folder of their own."""
    for name in ("inventory", "playbooks"):
        shutil.copytree(PACKAGE / name, tmp_path / name)
    (tmp_path / "home").mkdir()
    return Lab(tmp_path)


@pytest.mark.parametrize("path", [None, "/nonexistent"], ids=["bubblewrap", "no-bubblewrap"])
def test_the_first_run_changes_and_the_second_finds_nothing_to_do(quickstart: Lab, path: str | None) -> None:
    more = {"PATH": path} if path else {}
    first = quickstart.run("apply", "playbooks/quickstart.yml", **more)
    assert (first.returncode, first.stderr) == (0, "")
    assert re.search(r"^done in .*: 15 steps changed ", first.stdout, re.MULTILINE), first.stdout
    second = quickstart.run("apply", "playbooks/quickstart.yml", **more)
    assert (second.returncode, second.stderr) == (0, "")
    assert re.search(r"^done in .*: nothing changed ", second.stdout, re.MULTILINE), second.stdout


def test_without_bubblewrap_commands_are_refused_saying_why_and_what_helps(quickstart: Lab) -> None:
    refused = quickstart.run("exec", "all", "--", "id", PATH="/nonexistent")
    assert refused.returncode == 1
    assert refused.stderr == (
        "error: pi[1:3]: ssh (ssh) cannot run, it can: files\n"
        "  virtual hosts run commands only inside bubblewrap, which is missing: `sudo apt-get install bubblewrap`\n"
    )
    checked = quickstart.run("check", "pi1", "--output", "json", PATH="/nonexistent")
    assert checked.returncode == 0
    assert '"state": "warning"' in checked.stdout
    assert "files only: virtual hosts run commands only inside bubblewrap" in checked.stdout
