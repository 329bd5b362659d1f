from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.runs import make_bench
from tests.support.sshd import sshd_host, sshd_hosts

__all__ = ["bench", "sshd_host", "sshd_hosts"]

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.runs import Bench


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """One node, n1; `bench.nodes(3)` for more."""
    return make_bench(tmp_path, monkeypatch)
