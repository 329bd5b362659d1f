"""Many clients at once, killed at random: no node ever has two holders, and nothing that was granted is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def soak(location: str, folder: Path, *, clients: int, operations: int, kill_every: float) -> dict[str, Any]:
    words = [location, str(folder), str(clients), str(operations), str(kill_every), "7"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.soak", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=7200,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    assert result["faults"] == [], result
    assert result["operations"] == clients * operations
    assert result["grants"] > clients * operations / 40
    assert result["kills"] > 0
    return result


def test_clients_that_are_killed_harm_nobody(location: str, tmp_path: Path) -> None:
    # a transaction on the server takes many round trips
    operations = 100 if "://" in location else 300
    soak(location, tmp_path, clients=4, operations=operations, kill_every=0.3)


@pytest.mark.soak
def test_clients_that_are_killed_harm_nobody_for_long(location: str, tmp_path: Path) -> None:
    soak(location, tmp_path, clients=8, operations=20_000, kill_every=1.0)
