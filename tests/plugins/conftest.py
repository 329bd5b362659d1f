from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.command import PACKAGE, Lab, make_lab
from tests.support.readme import examples

if TYPE_CHECKING:
    from pathlib import Path

DRIVER = '''\
from dataclasses import dataclass

from hivectl.drivers.local import LocalAttributes, LocalConnection, LocalDriver
from hivectl.model.parameters import parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """What the inventory may say."""

    drawer: int = parameter("Number of the drawer that it lies in.")


class Drawer:
    name = "drawer"
    summary = "what lies in a drawer of this machine's desk"
    attributes = Attributes
    capabilities = LocalDriver.capabilities

    async def connect(self, target):
        return LocalConnection(target.node, LocalAttributes())


DRIVER = Drawer()
'''
PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "lab-things"
version = "1.2.3"

[project.entry-points."hivectl.drivers"]
drawer = "lab_modules.drawer:DRIVER"

[tool.hatch.build.targets.wheel]
packages = ["lab_modules"]
"""
INVENTORY = """\
version: 1
nodes:
  scope1: {driver: drawer, drawer: 3}
"""


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pip has put a package that was written as the README says; no network is asked."""
    source, site = tmp_path_factory.mktemp("lab-things"), tmp_path_factory.mktemp("site")
    written = examples()
    (source / "lab_modules").mkdir()
    (source / "lab_modules/led.py").write_text(written["lab_modules/led.py"])
    (source / "lab_modules/drawer.py").write_text(DRIVER)
    (source / "pyproject.toml").write_text(PROJECT + "\n" + written["pyproject.toml of your package"])
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    where = ["--no-build-isolation", "--no-index", "--target", str(site), str(source)]
    subprocess.run([*pip, *where], check=True, timeout=60, stdin=subprocess.DEVNULL)
    return site


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A lab whose one node is reached by the package's driver."""
    return make_lab(tmp_path, INVENTORY)


@pytest.fixture
def path(installed: Path) -> str:
    """PYTHONPATH with the package."""
    return f"{installed}:{PACKAGE}"
