from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.command import Lab, make_lab
from tests.support.inside import Inside
from tests.support.sshd import sshd_host, sshd_hosts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.sshd import Sshd

__all__ = ["sshd_host", "sshd_hosts"]


@pytest.fixture
def here(tmp_path: Path) -> Lab:
    """A lab with one node, this machine: `n1`, whose `folder` is the lab's own."""
    return make_lab(tmp_path, f"version: 1\nnodes:\n  n1: {{driver: local, vars: {{folder: {tmp_path}}}}}\n")


@pytest.fixture
def far(tmp_path: Path, sshd_host: Sshd) -> Iterator[Lab]:
    """A lab with one node, `h1`, behind a real sshd; its `folder` is the lab's own, too."""
    node = {"driver": "ssh", **sshd_host.attributes, "vars": {"folder": str(tmp_path)}}
    yield make_lab(tmp_path, json.dumps({"version": 1, "nodes": {"h1": node}}))
    (tmp_path / "go").touch()


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Inside:
    """Call the command line within this process: the same, a second quicker."""
    return Inside(monkeypatch, capsys)
