from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.command import Lab, make_lab

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A lab with three local nodes and one that cannot be reached."""
    return make_lab(tmp_path)
