"""`lineinfile`: as ansible-core does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.as_ansible import assert_as_ansible, case, fails

if TYPE_CHECKING:
    from pathlib import Path
CASES = [
    case("line_append", {"path": "{tree}/file.txt", "line": "delta"}, "msg"),
    case("line_regexp", {"path": "{tree}/file.txt", "regexp": "a$", "line": "last a"}, "msg"),
    fails("line_search", {"path": "{tree}/file.txt", "search_string": "et", "line": "b"}),
    case("line_backrefs", {"path": "{tree}/file.txt", "regexp": "^(b)e", "line": "\\1!", "backrefs": True}),
    fails(
        "line_backrefs_none", {"path": "{tree}/file.txt", "regexp": "^(z)", "line": "\\1!", "backrefs": True}
    ),
    fails("line_after", {"path": "{tree}/file.txt", "insertafter": "^alpha", "line": "x"}),
    case("line_before_bof", {"path": "{tree}/file.txt", "insertbefore": "BOF", "line": "x"}),
    case("line_absent", {"path": "{tree}/file.txt", "regexp": "^[ab]", "state": "absent"}, "msg", "found"),
    case("line_create", {"path": "{tree}/new.txt", "line": "x", "create": True, "mode": "0600"}),
    fails("line_no_newline", {"path": "{tree}/file.txt", "line": "x"}, files={"file.txt": "no newline"}),
]


def test_as_ansible(tmp_path: Path) -> None:
    assert_as_ansible("lineinfile", CASES, tmp_path)
