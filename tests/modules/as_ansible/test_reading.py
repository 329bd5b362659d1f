"""`slurp`, `fetch`, `stat`, `wait_for`: as ansible-core does them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.as_ansible import assert_as_ansible, case, fails

if TYPE_CHECKING:
    from pathlib import Path

# how often it was looked at, and when, and where, is not the same in two trees
VARIES = frozenset(
    {"atime", "ctime", "mtime", "inode", "path", "attributes", "mimetype", "charset", "attr_flags", "version"}
)


def seen(result: dict[str, Any]) -> Any:
    """Return what two trees have in common."""
    return {key: value for key, value in result.get("stat", {}).items() if key not in VARIES}


CASES = [
    fails("slurp", {"src": "{tree}/file.txt"}, "content", "encoding"),
    fails("slurp_none", {"src": "{tree}/none"}),
    case(
        "fetch",
        {"src": "{tree}/file.txt", "dest": "{tree}/got/", "flat": True},
        "checksum",
        "remote_checksum",
        "md5sum",
        "remote_md5sum",
        module="fetch",
    ),
    fails(
        "fetch_none", {"src": "{tree}/none", "dest": "{tree}/got/", "fail_on_missing": False}, module="fetch"
    ),
    fails("fetch_none_fails", {"src": "{tree}/none", "dest": "{tree}/got/"}, module="fetch"),
    fails(
        "stat",
        {"path": "{tree}/file.txt", "get_attributes": False, "get_mime": False},
        module="stat",
        picked=seen,
    ),
    fails(
        "stat_none",
        {"path": "{tree}/none", "get_attributes": False, "get_mime": False},
        module="stat",
        picked=seen,
    ),
    fails(
        "wait_for_path",
        {"path": "{tree}/file.txt", "search_regex": "(?P<letter>b)eta"},
        "match_groups",
        "match_groupdict",
        "state",
        "mode",
        "owner",
        "size",
        module="wait_for",
    ),
    fails("wait_for_never", {"path": "{tree}/none", "timeout": 1}, "msg", module="wait_for"),
]


def test_as_ansible(tmp_path: Path) -> None:
    assert_as_ansible("slurp", CASES, tmp_path, without_python=True)
