"""`pip` where there is no Python: refused with what to do, and done once Python is there."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.command import make_lab

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Lab

PIP = "- pip: {name: shade, virtualenv: /nowhere/v}\n      check_mode: true\n"


def lab_with(folder: Path, python: str) -> Lab:
    return make_lab(folder, f"version: 1\nnodes:\n  n1: {{driver: local, python: {python}}}\n")


def test_the_node_says_what_to_do_and_then_does_it(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    lab = lab_with(tmp_path, "python3-that-comes")
    lab.write(
        "site.yml",
        f"- hosts: n1\n  gather_facts: false\n  tasks:\n    {PIP}      ignore_errors: true\n"
        f"    - command: ln -s {sys.executable} {tools}/python3-that-comes\n    - meta: reset_connection\n    {PIP}",
    )

    done = lab.run("apply", "site.yml", PATH=f"{os.environ['PATH']}{os.pathsep}{tools}")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "no Python, and so no pip: install it before (`package: {name: python3-venv}`" in done.stdout
    assert "then `meta: reset_connection`" in done.stdout


@pytest.mark.parametrize(("more", "refused"), [("", True), ("      when: false\n", False)])
def test_it_is_known_before_where_the_inventory_says_so(tmp_path: Path, more: str, *, refused: bool) -> None:
    lab = lab_with(tmp_path, "none")
    lab.write("site.yml", f"- hosts: n1\n  tasks:\n    {PIP}{more}")

    done = lab.run("validate", "site.yml", "inventory")

    assert done.returncode == (3 if refused else 0), done.stdout + done.stderr
    if refused:
        assert "site.yml:3:7" in done.stderr
        assert "n1: `pip` needs Python on the node, and the inventory says `python: none`" in done.stderr
