"""The embedded lab of `make quickstart`, on machines that differ."""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from hivectl.virtual.board.package import cache_folder
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
    more = {"XDG_CACHE_HOME": str(cache_folder().parent), "PATH": path or os.environ["PATH"]}
    first = quickstart.run("apply", "playbooks/quickstart.yml", **more)
    assert (first.returncode, first.stderr) == (0, "")
    assert re.search(r"^done in .*: 19 steps changed ", first.stdout, re.MULTILINE), first.stdout
    second = quickstart.run("apply", "playbooks/quickstart.yml", **more)
    assert (second.returncode, second.stderr) == (0, "")
    assert re.search(r"^done in .*: nothing changed ", second.stdout, re.MULTILINE), second.stdout
    for board, microlitres in (("pico1", 4), ("pico2", 8)):
        files = quickstart.folder / ".hivectl/virtual" / board / "files"
        assert (files / "lib/strokes.py").is_file()
        assert f"[{board!r}, '{microlitres}']" in (files / "hivectl/settings").read_text()


def test_without_the_boards_interpreter_the_rest_goes_on_and_it_is_said_why(quickstart: Lab) -> None:
    # a machine with neither npm nor a registry that answers
    more = {"npm_config_registry": "http://127.0.0.1:9/", "PATH": "/nonexistent"}
    done = quickstart.run("apply", "playbooks/quickstart.yml", **more)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^done in .*: 15 steps changed ", done.stdout, re.MULTILINE), done.stdout
    assert re.search(r"npm could not fetch .*, which virtual boards run on: .*127\.0\.0\.1:9", done.stdout)


def test_without_bubblewrap_commands_are_refused_saying_why_and_what_helps(quickstart: Lab) -> None:
    refused = quickstart.run("exec", "kind=microscope", "--", "id", PATH="/nonexistent")
    assert refused.returncode == 1
    assert refused.stderr == (
        "error: pi[1:3]: ssh (ssh) cannot run, it can: files\n"
        "  virtual hosts run commands only inside bubblewrap, which is missing: `sudo apt-get install bubblewrap`\n"
    )
    checked = quickstart.run("check", "pi1", "--output", "json", PATH="/nonexistent")
    assert checked.returncode == 0
    assert '"state": "warning"' in checked.stdout
    assert "files only: virtual hosts run commands only inside bubblewrap" in checked.stdout
