"""What the README shows works as it stands there."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.support.command import Lab
from tests.support.readme import README, ROOT, commands, examples

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """The README's inventory and playbook."""
    made = Lab(tmp_path)
    (tmp_path / "home").mkdir()
    for name in ("inventory/lab.yml", "prepare.yml"):
        made.write(name, examples()[name])
    return made


def test_its_inventory_and_playbook_are_right(lab: Lab) -> None:
    done = lab.run("validate", "inventory/lab.yml", "prepare.yml")
    assert done.returncode == 0, done.stderr
    shown = lab.run("vars", "m3", "--output", "csv")
    assert re.search(r"^objective,4x$", shown.stdout, re.MULTILINE), shown.stdout


def test_its_inventory_of_a_shared_lab_is_right(lab: Lab) -> None:
    lab.write("clean.yml", "- {hosts: all, tasks: []}\n")
    lab.write("sharing.yml", examples()["sharing.yml"])
    done = lab.run("validate", "sharing.yml")
    assert done.returncode == 0, done.stderr


def test_a_slip_in_them_is_told_offline(lab: Lab) -> None:
    slipped = examples()["prepare.yml"].replace("notify: Restart", "notify: Restert").replace("dest:", "dst:")
    lab.write("prepare.yml", slipped.replace("objective }}", "objektive }}"))
    done = lab.run("validate", "inventory/lab.yml", "prepare.yml")
    assert done.returncode == 3
    for right in ("Restart", "dest", "objective"):
        assert re.search(rf"did you mean .{right}.", done.stderr), done.stderr
    assert "prepare.yml:" in done.stderr


def test_they_do_on_this_machine_what_they_say(lab: Lab) -> None:
    """With `driver: local`, and stand-ins for the camera's and the service manager's programs."""
    inventory = yaml.safe_load(examples()["inventory/lab.yml"])
    inventory["defaults"] = {}
    [node] = inventory["nodes"].values()
    node["driver"] = "local"
    del node["host"]
    lab.write("inventory/lab.yml", yaml.safe_dump(inventory))
    for program, line in (("v4l2-ctl", "echo imx708"), ("systemctl", 'echo "$@" >> ~/restarted')):
        lab.write(f"bin/{program}", f"#!/bin/sh\n{line}\n").chmod(0o755)
    path = f"{lab.folder}/bin:/usr/bin:/bin"

    first = lab.run("apply", "prepare.yml", "--limit", "m1", PATH=path)
    assert (first.returncode, first.stderr) == (0, ""), first.stdout
    assert (lab.folder / "home/settings.toml").read_text() == "objective = 20x\n"
    second = lab.run("apply", "prepare.yml", "--limit", "m1", PATH=path)
    assert "nothing changed" in second.stdout
    assert (lab.folder / "home/restarted").read_text() == "--user restart microscope\n"


def test_every_command_that_it_shows_is_there(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "inventory", tmp_path / "inventory")
    lab = Lab(tmp_path)
    shown = [line.split() for line in commands()]
    assert {words[1] for words in shown if words[0] == "make"} <= targets()
    told = set(re.findall(r"^\| `([a-z]+)", README.read_text(), re.MULTILINE))
    listed = lab.run("--help").stdout
    for name in {words[1] for words in shown if words[0] == "hivectl"} | told:
        assert re.search(rf"^ +{name} ", listed, re.MULTILINE), f"README tells of `hivectl {name}`"


def test_every_target_of_make_that_it_names_is_there() -> None:
    named = " ".join(re.findall(r"`make ([a-z ]+)`", README.read_text())).split()
    assert named
    assert set(named) <= targets()


def targets() -> set[str]:
    """Return the Makefile's targets."""
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_files_and_folders_that_it_names_are_there() -> None:
    text = README.read_text()
    for path in re.findall(r"`((?:hivectl|playbooks|inventory|schemas|tests)/[\w/.-]+)`", text):
        assert (ROOT / path).exists() or path in examples(), f"README names {path}"
