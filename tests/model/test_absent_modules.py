"""What people from Ansible write that is not here is refused with what to write instead."""

from __future__ import annotations

import pytest

from hivectl.model.absent_modules import ABSENT_KEYWORDS, ABSENT_MODULES, instead_of
from hivectl.model.keywords import ELSEWHERE, TaskKeywords, keyword_schemas
from hivectl.modules.registry import module_names


def test_nothing_that_is_there_is_said_to_be_absent() -> None:
    there = {*module_names(), *keyword_schemas(TaskKeywords)}
    assert not there & {*ABSENT_MODULES}
    assert not {*ELSEWHERE} & {*ABSENT_MODULES, *ABSENT_KEYWORDS}


@pytest.mark.parametrize("name", ["authorized_key", "ansible.posix.authorized_key"])
def test_a_module_has_its_hint_by_both_names(name: str) -> None:
    assert "authorized_keys" in (instead_of(name) or "")
    assert instead_of("my.own.authorized_key") is None
