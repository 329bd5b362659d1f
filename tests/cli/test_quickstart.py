"""The embedded lab of `make quickstart`, on machines that differ."""

from __future__ import annotations

import csv
import os
import re
import shutil
from pathlib import Path

import pytest

from hivectl.virtual.board.package import cache_folder
from tests.support.command import PACKAGE, Lab
from tests.support.uf2 import RP2350, uf2

COUNTS = {"bursts": 240_000, "div": 46_875, "gate": 18_000_000, "khz32": 32_000, "ring": 1_043_478}
# hivectl on a machine that has neither icestorm nor wasmtime
BARE = """\
import importlib.util, sys
from hivectl.virtual.fpga import icebox
icebox.PLACES = ()
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "wasmtime" else find(name, *more)
from hivectl.cli.main import main
main()
"""


@pytest.fixture
def quickstart(tmp_path: Path) -> Lab:
    """A clone's inventory and playbooks, in a folder of their own."""
    for name in ("inventory", "playbooks", "firmware"):
        shutil.copytree(PACKAGE / name, tmp_path / name)
    (tmp_path / "home").mkdir()
    return Lab(tmp_path, names_store=False)


def counted(lab: Lab) -> dict[str, int]:
    """Return what the FPGA boards counted, by circuit."""
    with (lab.folder / ".hivectl" / "counts.csv").open(newline="") as file:
        return {Path(row["file"]).stem: int(row["value"]) for row in csv.DictReader(file)}


@pytest.mark.parametrize("path", [None, "/nonexistent"], ids=["bubblewrap", "no-bubblewrap"])
def test_the_first_run_changes_and_the_second_finds_nothing_to_do(quickstart: Lab, path: str | None) -> None:
    more = {"XDG_CACHE_HOME": str(cache_folder().parent), "PATH": path or os.environ["PATH"]}
    first = quickstart.run("apply", "playbooks/quickstart.yml", **more)
    assert (first.returncode, first.stderr) == (0, "")
    assert re.search(r"^done in .*: 25 steps changed ", first.stdout, re.MULTILINE), first.stdout
    assert counted(quickstart) == COUNTS
    assert "v1.27.0-virtual" in (quickstart.folder / ".hivectl/virtual/ice2/flash.json").read_text()
    (quickstart.folder / ".hivectl" / "counts.csv").unlink()
    second = quickstart.run("apply", "playbooks/quickstart.yml", **more)
    assert (second.returncode, second.stderr) == (0, "")
    assert re.search(r"^done in .*: nothing changed ", second.stdout, re.MULTILINE), second.stdout
    assert counted(quickstart) == COUNTS
    if path is None:
        plan = quickstart.run("plan", "playbooks/quickstart.yml", **more)
        assert (plan.returncode, plan.stderr) == (0, ""), plan.stdout
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


def test_its_circuits_need_neither_icestorm_nor_wasmtime(quickstart: Lab) -> None:
    more = {"XDG_CACHE_HOME": str(quickstart.folder / "cache")}
    shutil.copytree(
        cache_folder(), quickstart.folder / "cache" / "hivectl", ignore=shutil.ignore_patterns("fpga", "*.db")
    )
    done = quickstart.run_with(
        BARE, "apply", "playbooks/quickstart.yml", "--limit", "board=pico2-ice", **more
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert counted(quickstart) == COUNTS


def test_its_image_is_a_uf2_file_that_only_greets_as_micropython_does() -> None:
    greeting = b"MicroPython v1.27.0-virtual on 2025-12-10\0; Raspberry Pi Pico2 with RP2350\0"
    shipped = (PACKAGE / "playbooks" / "files" / "pico2-ice.uf2").read_bytes()
    assert shipped == uf2(greeting, family=RP2350)


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
