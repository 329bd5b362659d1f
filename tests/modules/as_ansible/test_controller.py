"""`assert`, `debug`, `fail`, `set_fact`: as ansible-core does them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.as_ansible import assert_as_ansible, fails

if TYPE_CHECKING:
    from pathlib import Path
VARIABLES = {"tens": 10, "who": "hive"}
CASES = [
    fails("assert", {"that": ["tens == 10", "who == 'x'"]}, "assertion", "evaluated_to", "msg"),
    fails("assert_holds", {"that": "tens == 10", "success_msg": "fine"}, "msg"),
    fails("assert_quiet", {"that": "tens == 11", "quiet": True, "fail_msg": "no"}, "msg", "assertion"),
    fails("debug_var", {"var": "tens + 1"}, "tens + 1", module="debug"),
    fails("debug_msg", {"msg": ["a", 1]}, "msg", module="debug"),
    fails("fail", {"msg": "no more"}, "msg", module="fail"),
    fails("set_fact", {"one": 1, "two": ["x"]}, "ansible_facts", module="set_fact"),
]


def test_as_ansible(tmp_path: Path) -> None:
    assert_as_ansible("assert", CASES, tmp_path, variables=VARIABLES)
