"""A filter, test or lookup of another package that is broken is named with its package, at the place that uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.command import PACKAGE, Lab, make_lab

if TYPE_CHECKING:
    from pathlib import Path

ENTRIES = """\
[hivectl.filters]
bent = bent_things:filter_
upper = bent_things:filter_
[hivectl.tests]
crooked = bent_things:test
[hivectl.lookups]
askew = bent_things:LOOKUP
"""
PLAYBOOK = """\
- hosts: m1
  tasks:
    - debug: {msg: "{{ 'a' | bent }}"}
      ignore_errors: true
    - debug: {msg: "{{ ['a'] | select('crooked') | list }}"}
      ignore_errors: true
    - debug: {msg: "{{ lookup('askew', 'x') }}"}
      ignore_errors: true
    - debug: {msg: x}
      with_askew: [1]
      ignore_errors: true
"""
RAISES = """\
from hivectl.model.lookups.base import Lookup


def filter_(value):
    return {}[value]


def test(value):
    raise RuntimeError("out of paper")


def find(request):
    return 7 if request.action else 1 / 0


LOOKUP = Lookup(name="askew", summary="finds nothing", find=find)
"""


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return make_lab(tmp_path)


def bent(lab: Lab, source: str) -> str:
    """Write what pip leaves of such a package; returns PYTHONPATH."""
    site = lab.write("site/bent_things.py", source).parent
    lab.write(
        "site/bent_things-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: bent-things\nVersion: 1.0\n"
    )
    lab.write("site/bent_things-1.0.dist-info/entry_points.txt", ENTRIES)
    return f"{site}:{PACKAGE}"


def test_what_cannot_be_loaded_is_told_where_it_is_used(lab: Lab) -> None:
    path = bent(lab, "import no_such_library\n")
    lab.write("loop.yml", PLAYBOOK)
    lab.write("play.yml", PLAYBOOK[: PLAYBOOK.index("    - debug: {msg: x}")])
    loop = lab.run("validate", "loop.yml", PYTHONPATH=path)
    assert "`with_askew`: the lookup 'askew' of the package 'bent-things' cannot be loaded" in loop.stderr
    assert "at loop.yml:10:7" in loop.stderr
    done = lab.run("validate", "play.yml", PYTHONPATH=path)
    assert done.returncode == 3
    for place, kind in (("3:20", "filter 'bent'"), ("5:20", "test 'crooked'"), ("7:20", "lookup 'askew'")):
        assert f"the {kind} of the package 'bent-things' cannot be loaded" in done.stderr, done.stderr
        assert f"at play.yml:{place}" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr + loop.stderr


def test_what_raises_fails_its_task_in_the_name_of_its_package(lab: Lab) -> None:
    path = bent(lab, RAISES)
    lab.write("play.yml", PLAYBOOK)
    done = lab.run("apply", "play.yml", PYTHONPATH=path)
    assert done.returncode == 0, done.stderr
    for told in (
        "the filter bent of the package bent-things failed: KeyError: 'a'",
        "the test crooked of the package bent-things failed: RuntimeError: out of paper",
        "the lookup askew of the package bent-things failed: ZeroDivisionError: division by zero",
        "the lookup askew of the package bent-things gives no list",
    ):
        assert told in done.stdout, done.stdout


def test_our_own_names_are_ours(lab: Lab) -> None:
    path = bent(lab, "import no_such_library\n")
    lab.write("play.yml", "- hosts: m1\n  tasks:\n    - debug: {msg: \"{{ 'a' | upper }}\"}\n")
    done = lab.run("apply", "play.yml", PYTHONPATH=path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "A" in done.stdout
