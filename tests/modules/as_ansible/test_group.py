"""`group`: as ansible-core does it, in worlds with a private /etc."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support.worlds import PRIVATE_ETC, act, assert_same_in_worlds

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="groups are root's to make")

STATE = """
for file in group gshadow; do echo "== $file"; tail -n 12 /etc/$file; done
"""
GROUPS = [
    act("group", "group", {"name": "lab"}, "name", "state", "gid", "system"),
    act("group again", "group", {"name": "lab"}, "gid"),
    act("group with number", "group", {"name": "optics", "gid": 4711}, "gid"),
    act("number in check", "group", {"name": "optics", "gid": 4712}, "gid", check=True),
    act("another number", "group", {"name": "optics", "gid": 4712}, "gid"),
    act("number of another", "group", {"name": "copy", "gid": 4712}),
    act("number of another, allowed", "group", {"name": "copy", "gid": 4712, "non_unique": True}, "gid"),
    act("of the system", "group", {"name": "sys1", "system": True}, "gid", "system"),
    act("within bounds", "group", {"name": "bound", "gid_min": 5000, "gid_max": 5010}, "gid"),
    act("check of a new one", "group", {"name": "none"}, check=True),
    act("absent in check", "group", {"name": "copy", "state": "absent"}, check=True),
    act("absent", "group", {"name": "copy", "state": "absent"}, "name", "state"),
    act("absent again", "group", {"name": "copy", "state": "absent"}, "state"),
    act("a wrong name", "group", {"name": "no:good"}),
    act("gid of another in check", "group", {"name": "none", "gid": 4712}, check=True),
    act(
        "force of one that is a user's", "group", {"name": "ann", "state": "absent"}, before="useradd -U ann"
    ),
    act("force", "group", {"name": "ann", "state": "absent", "force": True}, "name", "state"),
    act("bounds that are used up", "group", {"name": "bound2", "gid_min": 5000, "gid_max": 5000}),
    act(
        "number and bounds", "group", {"name": "bound3", "gid": 5100, "gid_min": 5000, "gid_max": 5010}, "gid"
    ),
    act("number as a text", "group", {"name": "text", "gid": "5200"}, "gid"),
    act("of the system again", "group", {"name": "sys1", "system": True}, "gid", "system"),
    act("system, with a number", "group", {"name": "sys2", "system": True, "gid": 5300}, "gid", "system"),
    act("the same number again", "group", {"name": "sys2", "gid": 5300}, "gid"),
    act("a number in words", "group", {"name": "words", "gid": "many"}),
    act("a negative number", "group", {"name": "minus", "gid": -5}),
    act("number without a use", "group", {"name": "sys2", "gid": 5300, "state": "absent"}, "state"),
    act("a long name", "group", {"name": "x" * 33}),
    act("a name with a dash", "group", {"name": "with-dash_2"}, "name"),
    act("an empty name", "group", {"name": ""}),
    act("no name", "group", {"state": "present"}),
    act("an unknown state", "group", {"name": "lab", "state": "here"}),
]


def test_as_ansible(tmp_path: Path) -> None:
    assert_same_in_worlds(GROUPS, tmp_path, prepare=PRIVATE_ETC, state=STATE, without_python=True)
