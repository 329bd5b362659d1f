"""What all tests share."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


# a machine that does much else makes inputs slowly, and nothing is wrong with a test then
settings.register_profile("busy machines", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machines")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a test that is skipped fails: there, everything that the tests need is installed."""
    report = yield
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a store and a state of its own, and nobody's configuration."""
    folder: Path = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("HIVECTL_STORE", str(folder / "lab.db"))
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    # messages name times in the zone of whoever reads them
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    for name in ("HIVECTL_INVENTORY", "HIVECTL_RESERVATION", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
