"""`pause`: as ansible-core does it where nobody is at a terminal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.support.as_ansible import Case, assert_as_ansible, fails

if TYPE_CHECKING:
    from pathlib import Path

KEYS = ("rc", "echo", "stderr", "user_input")
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?"


def told(result: dict[str, Any]) -> Any:
    """Return how long it took in whole seconds, the words of it, and whether times are as they should be."""
    times = [bool(re.fullmatch(TIME, str(result.get(name)))) for name in ("start", "stop")]
    return [result.get("delta"), re.sub(r"[\d.]+", "N", result.get("stdout", "")), times]


def pause(name: str, arguments: Any, **more: Any) -> Case:
    return fails(name, arguments, *KEYS, picked=told, **more)


CASES = [
    pause("a fraction is cut off", {"seconds": 1.9}),
    pause("no whole minute is a second", {"minutes": 0.5}),
    pause("hidden, with a prompt", {"seconds": 1, "prompt": "Is it warm?", "echo": False}),
    pause("nobody is there", {}),
    pause("nobody answers", {"prompt": "Is it warm?"}),
    pause("nobody answers, hidden", {"prompt": "Password", "echo": False}),
    pause("in check mode", {"prompt": "x"}, check=True),
    fails("two times", {"seconds": 1, "minutes": 1}),
    fails("a word for a time", {"seconds": "soon"}),
    fails("a word for minutes", {"minutes": "soon"}),
    fails("a wrong option", {"hours": 1}),
    fails("no yes or no", {"prompt": "x", "echo": "perhaps"}),
]


def test_as_ansible(tmp_path: Path) -> None:
    assert_as_ansible("pause", CASES, tmp_path)
