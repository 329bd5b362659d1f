"""A package that cannot be loaded is named once, and harms nothing that does not need it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.command import PACKAGE, Lab, make_lab

if TYPE_CHECKING:
    from pathlib import Path

CAUSES = {
    "import no_such_library\n": "ModuleNotFoundError: No module named 'no_such_library'",
    "MODULE = = 1\n": "SyntaxError: invalid syntax",
    "raise RuntimeError('no licence')\n": "RuntimeError: no licence",
    "": "AttributeError: module 'broken_things' has no attribute 'THING'",
}
PLAYBOOK = "- hosts: m1\n  tasks:\n    - {task}\n"


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return make_lab(tmp_path)


def broken(lab: Lab, source: str) -> str:
    """Write what pip leaves of such a package; returns PYTHONPATH."""
    site = lab.write("site/broken_things.py", source).parent
    for name, text in {
        "METADATA": "Metadata-Version: 2.1\nName: broken-things\nVersion: 1.0\n",
        "entry_points.txt": (
            "[hivectl.modules]\nlamp = broken_things:THING\n[hivectl.drivers]\ndesk = broken_things:THING\n"
        ),
    }.items():
        lab.write(f"site/broken_things-1.0.dist-info/{name}", text)
    return f"{site}:{PACKAGE}"


@pytest.mark.parametrize(("source", "cause"), CAUSES.items(), ids=["import", "syntax", "raises", "lacks"])
def test_whoever_uses_it_is_told_the_package_and_the_cause(lab: Lab, source: str, cause: str) -> None:
    path = broken(lab, source)
    lab.write("lamp.yml", PLAYBOOK.format(task="lamp: {}"))
    for arguments in (("apply", "lamp.yml"), ("modules", "lamp")):
        done = lab.run(*arguments, PYTHONPATH=path)
        assert done.returncode == 3
        told = f"the module 'lamp' of the package 'broken-things' cannot be loaded: {cause}"
        assert done.stderr.count(told) == 1, done.stderr
        assert "pip uninstall broken-things" in done.stderr
        assert "Traceback" not in done.stderr
    assert "lamp.yml:3:7" in lab.run("validate", "lamp.yml", PYTHONPATH=path).stderr


def test_a_node_that_needs_its_driver_says_so_with_its_place(lab: Lab) -> None:
    path = broken(lab, "import no_such_library\n")
    lab.write("inventory/lab.yml", "version: 1\nnodes:\n  m[1:2]: {driver: desk}\n  m3: {driver: local}\n")
    done = lab.run("check", "all", PYTHONPATH=path)
    assert done.returncode == 3
    assert "lab.yml:3:" in done.stderr
    told = "the driver 'desk' of the package 'broken-things' cannot be loaded: ModuleNotFoundError"
    assert done.stderr.count(told) == 1, done.stderr


def test_what_is_no_module_or_driver_is_told_to_its_author(lab: Lab) -> None:
    path = broken(lab, "THING = 7\n")
    assert (
        "the package 'broken-things' offers 'broken_things:THING' as the module 'lamp', but that is no Module"
        in (lab.run("modules", "lamp", PYTHONPATH=path).stderr)
    )
    assert (
        "as the driver 'desk', but that has no `name`" in lab.run("drivers", "desk", PYTHONPATH=path).stderr
    )


def test_nothing_else_is_harmed(lab: Lab) -> None:
    path = broken(lab, "import no_such_library\n")
    lab.write("touch.yml", PLAYBOOK.format(task="copy: {content: here, dest: ~/here}"))
    done = lab.run("apply", "touch.yml", PYTHONPATH=path)
    assert (done.returncode, done.stderr) == (0, "")
    assert (lab.folder / "home/here").read_text() == "here"
    for command, kept in (("modules", "lineinfile"), ("drivers", "ssh"), ("schema playbook", '"lineinfile"')):
        done = lab.run(*command.split(), PYTHONPATH=path)
        assert done.returncode == 0
        assert kept in done.stdout
        assert done.stderr.count("'broken-things' cannot be loaded") == 1, done.stderr


RAISES = """\
from dataclasses import dataclass

from hivectl.model.parameters import parameter
from hivectl.modules.base import Module


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    colour: str = parameter("Colour.", default="red")


def operations(parameters, context):
    return {}["colour"]


THING = Module(name="lamp", summary="Set the lamp", parameters=Parameters, operations=operations)
"""


def test_a_module_that_raises_fails_its_step_alone(lab: Lab) -> None:
    path = broken(lab, RAISES)
    tasks = "block: [{lamp: {}}]\n      rescue: [{copy: {content: here, dest: ~/here}}]"
    lab.write("lamp.yml", PLAYBOOK.format(task=tasks))
    done = lab.run("apply", "lamp.yml", PYTHONPATH=path)
    assert done.returncode == 0, done.stderr
    assert "the module lamp of the package broken_things failed: KeyError: 'colour'" in done.stdout
    assert (lab.folder / "home/here").read_text() == "here"
