"""The same tests for every helper: Python, and its sh twin under dash and busybox's ash."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

# whose tests say what operations do, whoever carries them out
SAME = {"test_contents", "test_lock", "test_looks", "test_remote", "test_run", "test_states"}
HELPERS = ("python", "dash", "ash")
# their users cannot look into this test run's folders, where busybox's tools are
OTHER_USERS = "test_become"
SHELLS = {"dash": "/bin/dash"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Multiply the tests of operations."""
    name = metafunc.module.__name__.rpartition(".")[2]
    if name in SAME or name == OTHER_USERS:
        metafunc.parametrize("helper", HELPERS[:2] if name == OTHER_USERS else HELPERS, indirect=True)


@pytest.fixture(scope="session")
def busybox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with busybox's tools and nothing else."""
    folder = tmp_path_factory.mktemp("busybox")
    subprocess.run(["busybox", "--install", "-s", folder], check=True)
    return folder


@pytest.fixture
def few_tools(busybox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that lacks what POSIX does not promise: digests, stat, readlink, setsid."""
    folder = tmp_path / "few-tools"
    folder.mkdir()
    for tool in busybox.iterdir():
        if not tool.name.endswith("sum") and tool.name not in {
            "stat",
            "readlink",
            "realpath",
            "setsid",
            "timeout",
        }:
            (folder / tool.name).symlink_to(tool)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("HIVECTL_TEST_SHELL", "/bin/dash")


@pytest.fixture(autouse=True)
def helper(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Who carries out the operations of this test."""
    kind = str(getattr(request, "param", "python"))
    if kind == "ash":
        tools = request.getfixturevalue("busybox")
        # what tests themselves start comes behind
        monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setenv("HIVECTL_TEST_SHELL", str(tools / "ash"))
    elif kind == "dash":
        monkeypatch.setenv("HIVECTL_TEST_SHELL", SHELLS["dash"])
    return kind
