"""A package of somebody else's brings a module and a driver, and both are used as ours are."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.command import Lab

# one worker installs the package once
pytestmark = pytest.mark.xdist_group("plugins")
PLAYBOOK = """\
- hosts: all
  tasks:
    - name: Light
      led: {{colour: {colour}}}
"""


def test_a_run_does_what_the_module_says_through_the_driver(lab: Lab, path: str) -> None:
    lab.write("light.yml", PLAYBOOK.format(colour="red"))
    planned = lab.run("plan", "light.yml", PYTHONPATH=path)
    assert planned.returncode == 0, planned.stderr
    assert not (lab.folder / "home/.led").exists()
    for colour in ("red", "white"):
        lab.write("light.yml", PLAYBOOK.format(colour=colour))
        first = lab.run("apply", "light.yml", "--diff", PYTHONPATH=path)
        assert (first.returncode, first.stderr) == (0, ""), first.stdout
        assert "changed" in first.stdout
        assert f"+{colour}" in first.stdout
        assert (lab.folder / "home/.led").read_text() == colour
        again = lab.run("apply", "light.yml", PYTHONPATH=path)
        assert "nothing changed" in again.stdout


def test_both_are_listed_and_explained(lab: Lab, path: str) -> None:
    listed = lab.run("modules", PYTHONPATH=path).stdout
    assert re.search(r"^led +Set the stage light", listed, re.MULTILINE)
    assert "lineinfile" in listed
    explained = lab.run("modules", "led", PYTHONPATH=path).stdout
    assert "Colour of the stage light" in explained
    drivers = lab.run("drivers", PYTHONPATH=path).stdout
    assert re.search(r"^drawer +files run shell stream +what lies in a drawer", drivers, re.MULTILINE)
    assert "Number of the drawer" in lab.run("drivers", "drawer", PYTHONPATH=path).stdout


def test_what_is_written_for_them_is_checked_offline(lab: Lab, path: str) -> None:
    lab.write("light.yml", PLAYBOOK.format(colour="blue"))
    wrong = lab.run("validate", "light.yml", PYTHONPATH=path)
    assert wrong.returncode == 3
    assert "light.yml:4:21" in wrong.stderr, wrong.stderr
    assert "red" in wrong.stderr
    lab.write("inventory/lab.yml", "version: 1\nnodes:\n  scope1: {driver: drawer, drawr: 3}\n")
    wrong = lab.run("validate", "inventory/lab.yml", PYTHONPATH=path)
    assert wrong.returncode == 3
    assert "drawer" in wrong.stderr
    assert "lab.yml:3:" in wrong.stderr


def test_editors_complete_them(lab: Lab, path: str) -> None:
    playbook = json.loads(lab.run("schema", "playbook", PYTHONPATH=path).stdout)
    assert "Colour of the stage light." in json.dumps(playbook)
    assert "Number of the drawer" in lab.run("schema", "inventory", PYTHONPATH=path).stdout


def test_without_the_package_their_names_are_unknown(lab: Lab) -> None:
    lab.write("light.yml", PLAYBOOK.format(colour="red"))
    done = lab.run("apply", "light.yml")
    assert done.returncode == 3
    assert 'there is no driver "drawer"' in done.stderr
